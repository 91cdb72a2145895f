//! Snapshots of conversations in memory: the newest one holds.

use async_trait::async_trait;

use crate::id::ConversationId;
use crate::model::Conversation;
use crate::store::{ConversationStore, StoreResult};

use super::Memory;

#[async_trait]
impl ConversationStore for Memory {
    async fn load(&self, conversation: &ConversationId) -> StoreResult<Option<Conversation>> {
        let state = self.state();
        let room = state.rooms.get(conversation);
        Ok(room.and_then(|room| room.snapshot.clone()))
    }

    async fn save(&self, conversation: &Conversation) -> StoreResult<()> {
        let mut state = self.state();
        let kept = &mut state.room(&conversation.id).snapshot;
        if kept.as_ref().is_none_or(|k| k.as_of <= conversation.as_of) {
            *kept = Some(conversation.clone());
        }
        Ok(())
    }
}
