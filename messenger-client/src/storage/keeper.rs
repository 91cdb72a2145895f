//! The thread that owns a storage: it may block, the client's task may not.

use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use messenger_core::client::{Change, Saved};
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::Entry;
use tokio::sync::{mpsc, oneshot};

use super::{ClientStorage, StorageError};

/// Transactions that are made durable together at most.
const GROUP_MAX: usize = 256;

/// What a keeper answers to the client's task.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Everything up to this ticket is durable.
    Stored(u64),
    /// What a replica asked to load.
    Loaded(ConversationId, Vec<Entry>),
    /// The storage failed: nothing more is durable.
    Failed(StorageError),
}

type Entries = oneshot::Sender<Result<Vec<Entry>, StorageError>>;

enum Job {
    Apply(u64, Vec<Change>),
    Load(ConversationId, Seq),
    Read(ConversationId, RangeInclusive<Seq>, usize, Entries),
}

/// A handle to the thread; the thread ends with its last handle.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    jobs: Sender<Job>,
}

impl Keeper {
    /// Starts the thread, and reads what the client starts from.
    pub(crate) async fn start(
        mut storage: Box<dyn ClientStorage>,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Kept>, Saved), StorageError> {
        let (jobs, waiting) = channel();
        let (kept, answers) = mpsc::unbounded_channel();
        let (first, saved) = oneshot::channel();
        thread::Builder::new()
            .name("client-storage".into())
            .spawn(move || {
                let loaded = storage.load();
                let go_on = loaded.is_ok();
                if first.send(loaded).is_ok() && go_on {
                    serve(&mut *storage, &waiting, &kept);
                }
            })
            .map_err(|source| StorageError::Io {
                action: "start",
                path: "the storage's thread".into(),
                source,
            })?;
        let saved = saved.await.map_err(|_| StorageError::Closed)??;
        Ok((Self { jobs }, answers, saved))
    }

    /// Makes changes durable; answered by [`Kept::Stored`].
    pub(crate) fn apply(&self, ticket: u64, changes: Vec<Change>) {
        // A thread that has ended has said why.
        let _ = self.jobs.send(Job::Apply(ticket, changes));
    }

    /// Reads for a replica; answered by [`Kept::Loaded`].
    pub(crate) fn load(&self, conversation: ConversationId, above: Seq) {
        let _ = self.jobs.send(Job::Load(conversation, above));
    }

    /// Reads for a program.
    pub(crate) async fn entries(
        &self,
        conversation: ConversationId,
        range: RangeInclusive<Seq>,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .send(Job::Read(conversation, range, limit, reply))
            .map_err(|_| StorageError::Closed)?;
        answer.await.map_err(|_| StorageError::Closed)?
    }
}

/// Carries out jobs in order; transactions that wait together are made durable together.
fn serve(
    storage: &mut dyn ClientStorage,
    jobs: &Receiver<Job>,
    kept: &mpsc::UnboundedSender<Kept>,
) {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        let answer = match job {
            Job::Apply(ticket, changes) => {
                let (mut last, mut group) = (ticket, changes);
                for _ in 1..GROUP_MAX {
                    match jobs.try_recv() {
                        Ok(Job::Apply(ticket, changes)) => {
                            last = ticket;
                            group.extend(changes);
                        }
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                storage.apply(&group).map(|()| Some(Kept::Stored(last)))
            }
            Job::Load(conversation, above) => storage
                .entries(&conversation, above.next()..=Seq(u64::MAX), usize::MAX)
                .map(|entries| Some(Kept::Loaded(conversation, entries))),
            Job::Read(conversation, range, limit, reply) => {
                // A program that no longer waits needs no answer.
                let _ = reply.send(storage.entries(&conversation, range, limit));
                Ok(None)
            }
        };
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => {
                if kept.send(answer).is_err() {
                    // The client has gone; what it still wanted stored is stored.
                }
            }
            Err(error) => {
                let _ = kept.send(Kept::Failed(error));
                return;
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
}
