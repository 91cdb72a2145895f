//! A user's list of conversations, by when they changed: what a walk of it is given and gives.

use crate::id::ConversationId;

use super::Setting;

/// A position in a user's inbox, opaque to everybody but its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since(pub String);

/// Where a walk goes on, opaque to everybody but its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxCursor(pub String);

/// One page of a user's conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPage {
    /// The conversations, the newest change first.
    pub rows: Vec<InboxRow>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<InboxCursor>,
    /// What the next walk may begin from, once this walk has ended.
    pub since: Since,
}

/// One conversation of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Which.
    pub conversation: ConversationId,
    /// The user's settings of it.
    pub setting: Setting,
}
