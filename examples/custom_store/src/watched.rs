//! A `MessageStore` around another one, which says which logs have grown.
//!
//! ```text
//!   append ──► inner ──► Appended, or Conflict with a head ──► grown(conversation, head)
//! ```

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::{ClaimKey, EraseReason, Stored};
use messenger_core::store::{
    AppendOutcome, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
};

/// A message store that tells a watcher how far a log reaches.
///
/// What it tells is a hint, like everything beside the log: an append with an unknown outcome is told by the next one. So a
/// watcher remembers how far it came in each conversation, and reads from there up to what it is told.
pub struct Watched {
    inner: Arc<dyn MessageStore>,
    grown: Box<Grown>,
}

type Grown = dyn Fn(&ConversationId, Seq) + Send + Sync;

impl Watched {
    /// Wraps a store. `grown` is called within each append, so it should only pass on what it is told.
    pub fn new(
        inner: Arc<dyn MessageStore>,
        grown: impl Fn(&ConversationId, Seq) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            grown: Box::new(grown),
        }
    }
}

#[async_trait]
impl MessageStore for Watched {
    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        let last = entries.last().map_or(after, |entry| entry.seq());
        let outcome = self.inner.append(conversation, after, entries).await?;
        match &outcome {
            AppendOutcome::Appended => (self.grown)(conversation, last),
            AppendOutcome::Conflict { head, .. } => (self.grown)(conversation, head.head),
        }
        Ok(outcome)
    }

    fn info(&self) -> StoreInfo {
        self.inner.info()
    }

    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
        self.inner.head(conversation).await
    }

    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>> {
        self.inner.find(conversation, keys).await
    }

    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>> {
        self.inner.read(conversation, range, limit).await
    }

    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()> {
        self.inner.erase(conversation, seqs, reason).await
    }

    // It has a default, which would be wrong for a store with partitions.
    async fn room(&self, conversation: &ConversationId, after: Seq) -> StoreResult<usize> {
        self.inner.room(conversation, after).await
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}
