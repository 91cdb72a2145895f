//! The logs of all conversations, as far as memory has them.
//!
//! ```text
//!   shard = hash of the conversation       a lock each
//!     Room  end · changed · tail of recent entries · senders with their newest cmid
//!      ▲ load                    │ checkpoint
//!      │                         ▼
//!   index  C room · L runs of entries · K, k claims
//! ```
//!
//! An append is judged and queued under the lock of its shard, so the order of a conversation's records in the log is the
//! order of its seqs.

mod claims;
mod flush;
mod locate;
mod room;
mod run;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messenger_core::id::{ConversationId, Seq};

use crate::fault::Fault;
use crate::index::{Index, Table};
use crate::log::{Located, Lsn};
use crate::record::{EntriesRecord, EntryHead};

pub(crate) use claims::Claim;
pub(crate) use flush::FLUSH_ROOMS;
pub(crate) use locate::Place;
pub(crate) use room::{Room, TailEntry};

/// Locks that the conversations are spread over.
const SHARDS: usize = 16;

/// Conversations kept in memory by each shard; above it those that were not used since the last sweep go.
pub(crate) const MAX_ROOMS_PER_SHARD: usize = 8_192;

/// All conversations.
#[derive(Debug)]
pub(crate) struct Logs {
    index: Arc<dyn Index>,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    /// The newest change of the whole store.
    changes: AtomicU64,
    /// Where the log stood when the store was last restored from a backup.
    restored_at: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct Shard {
    rooms: HashMap<ConversationId, Room>,
    /// The rooms that a checkpoint has yet to write, each once.
    dirty: Vec<ConversationId>,
}

impl Logs {
    pub(crate) fn new(index: Arc<dyn Index>, changes: u64, restored_at: Lsn) -> Logs {
        Logs {
            index,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            changes: changes.into(),
            restored_at: restored_at.into(),
        }
    }

    /// Runs `act` on a conversation, alone in its shard.
    pub(crate) fn with<T>(
        &self,
        conversation: &ConversationId,
        act: impl FnOnce(&mut Access<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut shard = self.shard(conversation);
        let Shard { rooms, dirty } = &mut *shard;
        let room = match rooms.get_mut(conversation) {
            Some(room) => room,
            None => {
                let loaded = self.load(conversation)?;
                rooms.entry(conversation.clone()).or_insert(loaded)
            }
        };
        room.used = true;
        act(&mut Access {
            logs: self,
            conversation,
            room,
            dirty,
        })
    }

    /// The newest change in a conversation, without keeping it in memory.
    pub(crate) fn changed(&self, conversation: &ConversationId) -> Result<u64, Fault> {
        if let Some(room) = self.shard(conversation).rooms.get(conversation) {
            return Ok(room.changed);
        }
        Ok(self.load(conversation)?.changed)
    }

    /// The newest change of the whole store.
    pub(crate) fn newest_change(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// The number of the next change. To be called where nobody can look past it: under the lock that shows the change.
    pub(crate) fn next_change(&self) -> u64 {
        self.changes.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Skips numbers that may have been given out before a crash and lost with it.
    pub(crate) fn skip_changes(&self, count: u64) {
        self.changes.fetch_add(count, Ordering::SeqCst);
    }

    pub(crate) fn restored_at(&self) -> Lsn {
        self.restored_at.load(Ordering::SeqCst)
    }

    /// Notes that something in a conversation changed; answers the number of the change.
    pub(crate) fn bump(&self, conversation: &ConversationId) -> Result<u64, Fault> {
        self.with(conversation, |access| Ok(access.change()))
    }

    /// Takes a bump that was found in the log on opening.
    pub(crate) fn replay_bump(
        &self,
        conversation: &ConversationId,
        change: u64,
    ) -> Result<(), Fault> {
        self.changes.fetch_max(change, Ordering::SeqCst);
        self.with(conversation, |access| {
            access.room.changed = access.room.changed.max(change);
            access.touch();
            Ok(())
        })
    }

    /// Takes a record that was found in the log on opening. Answers the seqs that it erases.
    pub(crate) fn replay(
        &self,
        record: EntriesRecord,
        at: Located,
    ) -> Result<Option<(ConversationId, Vec<Seq>)>, Fault> {
        match record {
            EntriesRecord::Entry(head) => self.replay_entry(&head, at).map(|()| None),
            EntriesRecord::Erase {
                conversation,
                change,
                reason,
                seqs,
            } => {
                self.changes.fetch_max(change, Ordering::SeqCst);
                self.with(&conversation, |access| {
                    access.erase(&seqs, reason);
                    Ok(())
                })?;
                Ok(Some((conversation, seqs)))
            }
            EntriesRecord::Cut {
                conversation,
                change,
                base,
            } => {
                self.changes.fetch_max(change, Ordering::SeqCst);
                self.with(&conversation, |access| {
                    access.cut(base);
                    Ok(None)
                })
            }
            EntriesRecord::Restored => {
                self.restored(at.at);
                Ok(None)
            }
        }
    }

    /// Notes that the store was restored when its log stood at `at`: what each conversation has is what was kept.
    pub(crate) fn restored(&self, at: Lsn) {
        self.restored_at.store(at, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let Shard { rooms, dirty } = &mut *shard;
            for (conversation, room) in rooms.iter_mut() {
                room.end.kept = room.end.head;
                touch(room, conversation, dirty);
            }
        }
    }

    fn replay_entry(&self, head: &EntryHead, at: Located) -> Result<(), Fault> {
        self.changes.fetch_max(head.change, Ordering::SeqCst);
        self.with(&head.conversation, |access| {
            if head.seq <= access.room.end.head {
                return Ok(());
            }
            if head.seq != access.room.end.head.next() {
                let text = format!(
                    "{}: {} follows {}",
                    head.conversation, head.seq, access.room.end.head
                );
                return Err(Fault::Corrupt(text));
            }
            access.room.changed = access.room.changed.max(head.change);
            let entry = TailEntry {
                at,
                sender: head.sender.clone(),
                cmid: head.cmid,
                time: head.time,
                body: head.body,
            };
            access.push(entry, head.ordinal);
            access.touch();
            Ok(())
        })
    }

    fn load(&self, conversation: &ConversationId) -> Result<Room, Fault> {
        match self.index.get(Table::Small, &room::key(conversation))? {
            None => Ok(Room::empty()),
            Some(bytes) => Ok(Room::decode(&bytes, self.restored_at())?),
        }
    }

    fn shard(&self, conversation: &ConversationId) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(conversation.as_str()) as usize;
        self.shards[hash % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A conversation under the lock of its shard.
pub(crate) struct Access<'a> {
    logs: &'a Logs,
    conversation: &'a ConversationId,
    pub(crate) room: &'a mut Room,
    dirty: &'a mut Vec<ConversationId>,
}

impl Access<'_> {
    /// Numbers a change of this conversation.
    pub(crate) fn change(&mut self) -> u64 {
        self.room.changed = self.logs.next_change();
        self.touch();
        self.room.changed
    }

    /// Puts the room on the list of the next checkpoint.
    pub(crate) fn touch(&mut self) {
        touch(self.room, self.conversation, self.dirty);
    }

    pub(crate) fn index(&self) -> &dyn Index {
        &*self.logs.index
    }
}

fn touch(room: &mut Room, conversation: &ConversationId, dirty: &mut Vec<ConversationId>) {
    if !std::mem::replace(&mut room.dirty, true) {
        dirty.push(conversation.clone());
    }
}
