//! The schedule of what expires, in memory: a set by day.

use async_trait::async_trait;

use crate::id::{ConversationId, Seq};
use crate::store::{Due, RetentionStore, StoreResult};
use crate::time::Day;

use super::Memory;

#[async_trait]
impl RetentionStore for Memory {
    async fn schedule(&self, conversation: &ConversationId, day: Day) -> StoreResult<()> {
        self.state().schedule.insert(Due {
            day,
            conversation: conversation.clone(),
        });
        Ok(())
    }

    async fn due(&self, today: Day, limit: usize) -> StoreResult<Vec<Due>> {
        let state = self.state();
        let due = state.schedule.iter().take_while(|due| due.day <= today);
        Ok(due.take(limit).cloned().collect())
    }

    async fn settle(&self, due: &Due) -> StoreResult<()> {
        self.state().schedule.remove(due);
        Ok(())
    }

    async fn cut(&self, conversation: &ConversationId, base: Seq) -> StoreResult<()> {
        let mut state = self.state();
        if let Some(room) = state.rooms.get_mut(conversation) {
            room.log.cut(base);
            let kept = room.log.end().base;
            room.overlays = room.overlays.split_off(&kept);
        }
        Ok(())
    }
}
