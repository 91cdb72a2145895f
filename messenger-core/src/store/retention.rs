//! What is due for erasing, by day: never a queue (RET-3).

use async_trait::async_trait;

use crate::id::{ConversationId, Seq};
use crate::time::Day;

use super::StoreResult;

/// The schedule of conversations that have something to expire.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RetentionStore: Send + Sync + 'static {
    /// Notes that a conversation has something to expire on `day`. Durable when it returns; noted twice is noted once.
    ///
    /// # Contract
    /// - `a_scheduled_conversation_is_due_on_its_day` (RET-2)
    /// - `scheduling_twice_is_due_once` (RET-2)
    /// - `an_acknowledged_schedule_is_there_after_opening_again` (RET-2)
    async fn schedule(&self, conversation: &ConversationId, day: Day) -> StoreResult<()>;

    /// The conversations due up to and including `today`, oldest first.
    ///
    /// # Contract
    /// - `nothing_is_due_before_its_day` (RET-2)
    /// - `what_is_due_stays_due_until_settled` (RET-2)
    async fn due(&self, today: Day, limit: usize) -> StoreResult<Vec<Due>>;

    /// Forgets that a conversation was due on `day`.
    ///
    /// # Contract
    /// - `a_settled_day_is_no_longer_due` (RET-3)
    async fn settle(&self, due: &Due) -> StoreResult<()>;

    /// Drops the entries below `base`, but never the head; rights and members as of `base − 1` are durable before (LOG-8). A
    /// store that can only drop whole partitions keeps what lies in the last one.
    ///
    /// # Contract
    /// - `a_cut_raises_base_and_keeps_the_rest` (LOG-8)
    /// - `a_cut_never_lowers_base_nor_passes_the_head` (LOG-8)
    async fn cut(&self, conversation: &ConversationId, base: Seq) -> StoreResult<()>;
}

/// A conversation with something to expire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub day: Day,
    /// Which.
    pub conversation: ConversationId,
}
