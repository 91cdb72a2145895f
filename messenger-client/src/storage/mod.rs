//! Where a client keeps its messages: a small trait, one in memory, one on disk.
//!
//! ```text
//!   Client ──Store──► keeper thread ──apply(changes), one sync for all that waited──► storage
//!                        └──stored──► acks, events
//! ```

mod disk;
mod keeper;
mod memory;

use std::ops::RangeInclusive;

use messenger_core::client::{Change, Saved};
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::Entry;

pub use disk::DiskStorage;
pub(crate) use keeper::{Keeper, Kept};
pub use memory::MemoryStorage;

/// Where a client keeps its session, conversations, entries and outbox.
///
/// It is called from one thread that may block.
pub trait ClientStorage: Send + 'static {
    /// Reads what a client starts from; called once, first.
    ///
    /// # Contract
    /// - It answers with every change that was applied before, also after a crash.
    ///
    /// # Errors
    /// Fails when what is stored cannot be read.
    fn load(&mut self) -> Result<Saved, StorageError>;

    /// Makes changes durable, in order.
    ///
    /// # Contract
    /// - When it answers, all changes are durable: an ack and the next connection rest on it (MARK-4).
    /// - After a crash, all changes of a call are there, or none.
    ///
    /// # Errors
    /// Fails when they are not durable; the client then stops.
    fn apply(&mut self, changes: &[Change]) -> Result<(), StorageError>;

    /// Reads the newest entries of a range, at most `limit`, in order.
    ///
    /// # Errors
    /// Fails when they cannot be read.
    fn entries(
        &mut self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError>;
}

/// What a storage failed with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The system could not read or write.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What it tried.
        action: &'static str,
        /// Which file or folder.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Another program uses the folder.
    #[error("{path} is in use by another program")]
    Locked {
        /// Which folder.
        path: String,
    },
    /// The file is not one of this storage, or of a newer version.
    #[error("{path} is no client storage of this version: {reason}")]
    Format {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An earlier write failed, so nothing more is written.
    #[error("the storage failed before and was closed")]
    Closed,
    /// Another kind of storage failed.
    #[error("{0}")]
    Other(String),
}
