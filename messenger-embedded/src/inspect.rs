//! Looking into a store: conversations, sizes, the life of one message. Never a body.

use std::io;
use std::path::{Path, PathBuf};

use messenger_core::id::{ConversationId, Seq, UserId};
use messenger_core::model::{EraseReason, Kind, Overlay, UserMarks};
use messenger_core::store::{ConversationStore as _, LogHead, ReceiptStore as _, StoreResult};
use messenger_core::time::Timestamp;

use crate::engine::Engine;
use crate::fault::Fault;
use crate::index::{Go, Table, prefix_end};
use crate::log::Stream;
use crate::record::BodyState;
use crate::store::Store;
use crate::stores::Stores;

/// Bytes that a store takes on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sizes {
    /// The log of entries.
    pub entries: u64,
    /// The log of marks, settings, devices and accounts.
    pub state: u64,
    /// The index.
    pub index: u64,
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyLife {
    /// The entry has none that could be erased.
    Fixed,
    /// It is there.
    Kept,
    /// It was erased.
    Erased(EraseReason),
}

/// The life of one message, without what it says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MessageLife {
    /// Its position.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserId,
    /// The client's message id.
    pub cmid: messenger_core::id::Cmid,
    /// What kind of entry it is.
    pub kind: Kind,
    /// Server time, never falling within the conversation.
    pub time: Timestamp,
    /// Server time as it was read.
    pub accepted_at: Timestamp,
    /// The user from whom a block hides it.
    pub hidden_from: Option<UserId>,
    /// What became of its body.
    pub body: BodyLife,
    /// The file that holds it.
    pub file: PathBuf,
    /// Where its record begins in the file.
    pub offset: u64,
    /// Bytes of the record.
    pub bytes: usize,
    /// What later entries changed on it.
    pub overlay: Overlay,
    /// The marks of everyone in the conversation.
    pub marks: Vec<(UserId, UserMarks)>,
}

impl Store {
    /// The conversations after `after`, by id, with the ends of their logs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn conversations(
        &self,
        after: Option<&ConversationId>,
        limit: usize,
    ) -> StoreResult<Vec<(ConversationId, LogHead)>> {
        self.engine
            .conversations(after, limit)
            .map_err(|fault| fault.during("conversations"))
    }

    /// The bytes that the store takes on the disk.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn sizes(&self) -> io::Result<Sizes> {
        let size = |name| disk_bytes(&self.engine.folder.join(name));
        Ok(Sizes {
            entries: size("entries")?,
            state: size("state")?,
            index: size("index")?,
        })
    }

    /// The life of one message, or `None` if the log does not have it.
    ///
    /// # Errors
    /// When the store cannot be read, or the entry is damaged.
    pub async fn message(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> StoreResult<Option<MessageLife>> {
        const MESSAGE: &str = "message";
        let places = self.engine.logs.locate(conversation, seq, seq, 1, false);
        let places = places.map_err(|fault| fault.during(MESSAGE))?;
        self.engine.durable(places.cycle, MESSAGE).await?;
        let Some(place) = places.found.first().copied() else {
            return Ok(None);
        };
        let stored = self
            .engine
            .stored(conversation, &place)
            .map_err(|fault| fault.during(MESSAGE))?;
        let stores = Stores::new(self.engine.clone());
        let mut overlays = stores.overlays(conversation, &[seq]).await?;
        let users: Vec<UserId> = match (conversation.pair(), stores.load(conversation).await?) {
            (Some((a, b)), _) if a == b => vec![a],
            (Some((a, b)), _) => vec![a, b],
            (None, snapshot) => snapshot
                .map(|known| known.members.into_keys().collect())
                .unwrap_or_default(),
        };
        let marks = stores.of_conversation(conversation, &users).await?;
        let stream = self.engine.log.stream(Stream::Entries);
        let (segment, offset) = stream.place(place.at.at);
        Ok(Some(MessageLife {
            seq,
            sender: stored.entry.sender,
            cmid: stored.entry.cmid,
            kind: stored.entry.content.kind(),
            time: stored.entry.time,
            accepted_at: stored.accepted_at,
            hidden_from: stored.hidden_from,
            body: match place.body {
                BodyState::Fixed => BodyLife::Fixed,
                BodyState::Kept => BodyLife::Kept,
                BodyState::Erased(reason) => BodyLife::Erased(reason),
            },
            file: stream.path(segment),
            offset,
            bytes: place.at.bytes(),
            overlay: overlays.pop().unwrap_or_default(),
            marks: users.into_iter().zip(marks).collect(),
        }))
    }
}

impl Engine {
    /// The conversations that have entries, by id.
    pub(crate) fn conversations(
        &self,
        after: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<(ConversationId, LogHead)>, Fault> {
        // The index knows all of them once what is dirty is written.
        self.flush_alone()?;
        let from = after.map_or_else(
            || vec![b'C'],
            |after| [b"C", after.as_str().as_bytes(), &[0]].concat(),
        );
        let mut ids = Vec::new();
        self.index.scan(
            Table::Small,
            &from,
            &prefix_end(b"C"),
            false,
            &mut |key, _| {
                ids.extend(
                    std::str::from_utf8(&key[1..])
                        .ok()
                        .and_then(|id| ConversationId::parse(id).ok()),
                );
                if ids.len() < limit { Go::On } else { Go::Stop }
            },
        )?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let end = self.logs.with(&id, |access| Ok(access.room.end))?;
            if end.head > Seq::ZERO {
                found.push((id, end));
            }
        }
        Ok(found)
    }
}

/// The blocks that the files of a folder take, holes left out.
fn disk_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => disk_bytes(&entry.path())?,
            // A file of the index may be gone by now.
            false => entry.metadata().map_or(0, |data| data.blocks() * 512),
        };
    }
    Ok(bytes)
}
