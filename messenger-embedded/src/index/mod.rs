//! The index: what can be rebuilt from the log, so that nothing has to be.
//!
//! ```text
//!   small   c                              checkpoint: from where the log is replayed
//!           C conversation                 head, base, change, senders           (logs/meta.rs)
//!           everything of keys.rs          marks, settings, devices, …           (state/)
//!   runs    L conversation 0 first seq     where up to 256 entries lie           (logs/run.rs)
//!           K conversation 0 max, first    their claims, by the greatest cmid time
//!           k conversation 0 cmid sender   a claim whose cmid time is far from its entry's
//! ```
//!
//! It is never synced for a message. What it promises is weaker and enough: after a crash it holds some prefix of the
//! batches that were applied, each whole or not at all.

#[cfg(test)]
pub(crate) mod sim;
mod tree;

use std::fmt::Debug;

pub(crate) use tree::Tree;

/// The two key spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Small values that are read one by one.
    Small,
    /// Blocks of entries and claims.
    Runs,
}

/// Why the index does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    /// It failed; it is rebuilt when the store is opened again.
    #[error("the index failed: {0}")]
    Failed(String),
    /// Somebody still has it open.
    #[error("the index is still open elsewhere")]
    Locked,
}

/// One item to write or to remove.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) table: Table,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Vec<u8>>,
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Stop,
}

/// What a scan calls for each item.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Go + 'a;

/// An ordered map on disk.
pub(crate) trait Index: Debug + Send + Sync + 'static {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError>;

    /// Visits the items of `from ..= to` in order, or from `to` backwards.
    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        backwards: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), IndexError>;

    /// Applies all items, whole or not at all.
    fn apply(&self, items: Vec<Item>) -> Result<(), IndexError>;

    /// Makes everything applied so far durable.
    fn sync(&self) -> Result<(), IndexError>;
}

/// The greatest key that a scan over `prefix` can meet.
pub(crate) fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    // No key of the store has a byte 0xFF right behind a prefix: ids are ASCII, and numbers stay far below 2^64.
    let mut end = prefix.to_vec();
    end.extend_from_slice(&[0xFF; 9]);
    end
}
