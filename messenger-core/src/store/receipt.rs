//! Marks and overlays: max-registers.

use async_trait::async_trait;

use crate::id::{ConversationId, DeviceId, Seq, UserId};
use crate::model::{Annotation, Overlay, Position, Raise, UserMarks};

use super::StoreResult;

/// The marks of all users and devices, and the overlays of messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ReceiptStore: Send + Sync + 'static {
    /// Raises marks; says for each, in order, whether it rose. Durable when it returns.
    ///
    /// The order within one call is kept, so that `delivered` may stand before the `acked` that causes it.
    ///
    /// # Contract
    /// - `a_lower_or_equal_raise_is_ignored` (MARK-2)
    /// - `a_raise_says_whether_it_rose` (MARK-2)
    /// - `raises_in_any_order_have_one_outcome` (MARK-2)
    /// - `a_mark_keeps_the_ordinal_of_its_position` (MARK-1)
    /// - `marks_never_fall` (MARK-3)
    /// - `an_acknowledged_raise_is_there_after_opening_again` (MARK-3)
    async fn raise(&self, raises: &[Raise]) -> StoreResult<Vec<bool>>;

    /// The marks of these users in a conversation, in the order asked for; absent ones are zero.
    ///
    /// # Contract
    /// - `marks_of_a_conversation_are_each_users_own` (MARK-1)
    async fn of_conversation(
        &self,
        conversation: &ConversationId,
        users: &[UserId],
    ) -> StoreResult<Vec<UserMarks>>;

    /// The `acked` marks of a device in these conversations, in the order asked for; `None` where it never had one.
    ///
    /// # Contract
    /// - `acked_is_each_devices_own` (MARK-1)
    /// - `a_device_without_a_mark_has_none` (MARK-4)
    async fn of_device(
        &self,
        user: &UserId,
        device: DeviceId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Option<Position>>>;

    /// Raises overlays. Durable when it returns.
    ///
    /// # Contract
    /// - `an_overlay_raised_twice_is_raised_once` (EDIT-3)
    /// - `the_reaction_of_highest_seq_holds` (EDIT-2)
    /// - `an_acknowledged_overlay_is_there_after_opening_again` (EDIT-3)
    async fn annotate(
        &self,
        conversation: &ConversationId,
        annotations: &[Annotation],
    ) -> StoreResult<()>;

    /// The overlays of these targets, in the order asked for; absent ones are empty.
    ///
    /// # Contract
    /// - `overlays_come_per_target` (EDIT-3)
    async fn overlays(
        &self,
        conversation: &ConversationId,
        targets: &[Seq],
    ) -> StoreResult<Vec<Overlay>>;
}
