//! Members, rights and policy of a conversation, as a snapshot that may lag behind the log.

use async_trait::async_trait;

use crate::id::ConversationId;
use crate::model::Conversation;

use super::StoreResult;

/// The snapshots of all conversations (RIGHT-2).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ConversationStore: Send + Sync + 'static {
    /// The newest snapshot that is known, or `None` when none was saved.
    ///
    /// # Contract
    /// - `a_saved_snapshot_is_loaded` (RIGHT-2)
    /// - `a_conversation_never_saved_has_none` (RIGHT-2)
    async fn load(&self, conversation: &ConversationId) -> StoreResult<Option<Conversation>>;

    /// Keeps a snapshot, unless a newer one is kept. Durable when it returns.
    ///
    /// # Contract
    /// - `an_older_snapshot_never_replaces_a_newer_one` (RIGHT-2)
    /// - `an_acknowledged_snapshot_is_there_after_opening_again` (RIGHT-2)
    async fn save(&self, conversation: &Conversation) -> StoreResult<()>;
}
