//! Which conversations of a user changed, and the user's settings of each.

use async_trait::async_trait;

use crate::id::{ConversationId, UserId};
use crate::model::{InboxCursor, InboxPage, Setting, Since};
use crate::time::Timestamp;

use super::StoreResult;

/// The conversation lists of all users.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait InboxStore: Send + Sync + 'static {
    /// Lists a conversation as changed for these users. Durable when it returns.
    ///
    /// One call covers the whole UTC day of `now`: after it, every append to the conversation, every raise of its marks and
    /// every setting on that day are listed too, without another call. So a node calls it once a day and conversation, and
    /// again when members join.
    ///
    /// # Contract
    /// - `a_touched_conversation_is_listed` (LOG-4)
    /// - `touching_again_lists_once` (LOG-4)
    /// - `changes_after_a_touch_on_the_same_day_are_listed_since` (LOG-4, RES-1)
    /// - `an_acknowledged_touch_is_there_after_opening_again` (LOG-4)
    async fn touch(
        &self,
        users: &[UserId],
        conversation: &ConversationId,
        now: Timestamp,
    ) -> StoreResult<()>;

    /// A page of the user's conversations, the newest change first.
    ///
    /// With `since`, only those that changed after that position was given (a store may list too much, never too little);
    /// without, all. `cursor` goes on where the page before ended. The `since` of the first page is valid for the whole
    /// walk: what changes while the walk is under way is listed after it. And a conversation that the walk would have listed
    /// is listed by it all the same when it changes under way, perhaps at the end, perhaps twice: a session that has walked
    /// its inbox says that it has caught up.
    ///
    /// # Contract
    /// - `a_walk_lists_every_conversation_once` (RES-1)
    /// - `a_walk_since_lists_what_changed_and_nothing_is_missed` (RES-1)
    /// - `a_change_during_a_walk_is_listed_after_its_since` (RES-1)
    /// - `a_change_during_a_walk_hides_nothing_from_it` (RES-3)
    /// - `a_since_of_another_epoch_lists_everything` (RES-3)
    async fn page(
        &self,
        user: &UserId,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        limit: usize,
        now: Timestamp,
    ) -> StoreResult<InboxPage>;

    /// The user's settings of these conversations, in the order asked for; absent ones are the default.
    ///
    /// # Contract
    /// - `a_setting_never_written_has_version_0` (SET-1)
    async fn settings(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Setting>>;

    /// Writes a setting if its version is one above the stored one. Durable when it returns.
    ///
    /// # Contract
    /// - `a_setting_is_written_only_on_the_version_it_follows` (SET-1)
    /// - `a_written_setting_lists_the_conversation` (SET-1, RES-1)
    /// - `an_acknowledged_setting_is_there_after_opening_again` (SET-1)
    async fn put_setting(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        setting: &Setting,
        now: Timestamp,
    ) -> StoreResult<PutSetting>;
}

/// What became of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutSetting {
    /// Written.
    Written,
    /// Another version is there.
    Conflict(Setting),
}
