//! Every key of the state, in one table.
//!
//! ```text
//!   M user 0 conversation              marks of a user                       UserMarks
//!   A user 0 device conversation       acked of a device                     Position
//!   O conversation 0 target            overlay of a message
//!   V conversation                     snapshot of members, rights, policy   Conversation
//!   I user 0 conversation              row of an inbox with the setting
//!   D user                             devices and standing
//!   F position                         item of the feed                      FeedItem
//!   f                                  end of the feed
//!   R day conversation                 something expires on that day
//!   U user                             account                               Account
//!   N lower-case name 0 user           account by name or id
//!   T digest                           token                                 TokenRecord
//! ```
//!
//! Numbers are big-endian, so that keys sort by them. A user id has no byte 0, so no prefix runs into another user's keys.

use messenger_core::id::{ConversationId, DeviceId, Seq, UserId};
use messenger_core::store::TokenDigest;
use messenger_core::time::Day;

/// A key of the state.
pub(crate) type Key = Vec<u8>;

pub(crate) const MARKS: u8 = b'M';
pub(crate) const ACKED: u8 = b'A';

pub(crate) fn marks(user: &UserId, conversation: &ConversationId) -> Key {
    join(marks_of(user), conversation.as_str().as_bytes())
}

pub(crate) fn marks_of(user: &UserId) -> Key {
    of_user(MARKS, user)
}

pub(crate) fn acked(user: &UserId, device: DeviceId, conversation: &ConversationId) -> Key {
    let key = join(of_user(ACKED, user), &device.get().to_be_bytes());
    join(key, conversation.as_str().as_bytes())
}

pub(crate) fn overlay(conversation: &ConversationId, target: Seq) -> Key {
    let mut key = Vec::with_capacity(conversation.as_str().len() + 10);
    key.push(b'O');
    key.extend_from_slice(conversation.as_str().as_bytes());
    key.push(0);
    join(key, &target.get().to_be_bytes())
}

pub(crate) fn snapshot(conversation: &ConversationId) -> Key {
    join(vec![b'V'], conversation.as_str().as_bytes())
}

pub(crate) fn inbox_row(user: &UserId, conversation: &ConversationId) -> Key {
    join(inbox_of(user), conversation.as_str().as_bytes())
}

pub(crate) fn inbox_of(user: &UserId) -> Key {
    of_user(b'I', user)
}

pub(crate) fn devices(user: &UserId) -> Key {
    join(vec![b'D'], user.as_str().as_bytes())
}

pub(crate) fn feed_item(position: u64) -> Key {
    join(vec![b'F'], &position.to_be_bytes())
}

pub(crate) fn feed_end() -> Key {
    vec![b'f']
}

pub(crate) fn due(day: Day, conversation: &ConversationId) -> Key {
    join(due_on(day), conversation.as_str().as_bytes())
}

pub(crate) fn due_on(day: Day) -> Key {
    join(vec![b'R'], &day.0.to_be_bytes())
}

pub(crate) fn account(user: &UserId) -> Key {
    join(vec![b'U'], user.as_str().as_bytes())
}

pub(crate) fn account_name(text: &str, user: &UserId) -> Key {
    let mut key = account_names(text);
    key.push(0);
    join(key, user.as_str().as_bytes())
}

pub(crate) fn account_names(prefix: &str) -> Key {
    join(vec![b'N'], prefix.to_lowercase().as_bytes())
}

pub(crate) fn token(digest: TokenDigest) -> Key {
    join(vec![b'T'], &digest.0)
}

/// The text behind the last byte 0 of a key: the conversation or user that it ends with.
pub(crate) fn last_part(key: &[u8]) -> Option<&str> {
    let start = key.iter().rposition(|byte| *byte == 0)? + 1;
    std::str::from_utf8(&key[start..]).ok()
}

fn of_user(tag: u8, user: &UserId) -> Key {
    let mut key = Vec::with_capacity(user.as_str().len() + 48);
    key.push(tag);
    key.extend_from_slice(user.as_str().as_bytes());
    key.push(0);
    key
}

fn join(mut key: Key, end: &[u8]) -> Key {
    key.extend_from_slice(end);
    key
}
