//! Inboxes in memory: nothing per message, only the number of each conversation's last change.
//!
//! ```text
//!   clock                      counts all changes of the store
//!   room.changed               the last append or raise in the conversation
//!   row.changed                the last touch or setting of this user there
//!   changed since n   ⇔   max(room.changed, row.changed) > n
//! ```
//!
//! A touch lists the conversation for good, not for the day alone: too much is allowed, too little is not.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::{ConversationId, Epoch, UserId};
use crate::model::Setting;
use crate::store::{InboxCursor, InboxPage, InboxRow, InboxStore, PutSetting, Since, StoreResult};
use crate::time::Timestamp;

use super::{Memory, State, entry};

#[async_trait]
impl InboxStore for Memory {
    async fn touch(
        &self,
        users: &[UserId],
        conversation: &ConversationId,
        _now: Timestamp,
    ) -> StoreResult<()> {
        let mut state = self.state();
        let now = state.tick();
        for user in users {
            let inbox = entry(&mut state.inboxes, user);
            entry(&mut inbox.rows, conversation).changed = now;
        }
        Ok(())
    }

    async fn page(
        &self,
        user: &UserId,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        limit: usize,
        _now: Timestamp,
    ) -> StoreResult<InboxPage> {
        let state = self.state();
        let walk = Walk::begin_or_go_on(self.shared.epoch, since, cursor, state.clock);
        Ok(walk.page(&state, self.shared.epoch, user, limit))
    }

    async fn settings(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Setting>> {
        let state = self.state();
        let rows = state.inboxes.get(user).map(|inbox| &inbox.rows);
        let of = |conversation| Some(rows?.get(conversation)?.setting.clone());
        Ok(conversations
            .iter()
            .map(|conversation| of(conversation).unwrap_or_default())
            .collect())
    }

    async fn put_setting(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        setting: &Setting,
        _now: Timestamp,
    ) -> StoreResult<PutSetting> {
        let mut state = self.state();
        let stored = state
            .inboxes
            .get(user)
            .and_then(|inbox| inbox.rows.get(conversation))
            .map(|row| row.setting.clone())
            .unwrap_or_default();
        if Some(setting.version) != stored.version.checked_add(1) {
            return Ok(PutSetting::Conflict(stored));
        }
        let changed = state.tick();
        let row = entry(&mut entry(&mut state.inboxes, user).rows, conversation);
        *row = Row {
            changed,
            setting: setting.clone(),
        };
        Ok(PutSetting::Written)
    }
}

/// The conversations of one user.
#[derive(Clone, Default)]
pub(super) struct Inbox {
    rows: BTreeMap<ConversationId, Row>,
}

#[derive(Clone, Default)]
struct Row {
    changed: u64,
    setting: Setting,
}

/// A walk through an inbox: what has not changed since it began, newest change first, then what has, by id.
///
/// A row that changes under way moves to the end, where it is met even if it was not listed yet; and since ids do not change,
/// the walk ends however much does.
struct Walk {
    /// The clock when the walk began; the next walk begins above it.
    began: u64,
    /// Rows changed after this are listed.
    above: u64,
    /// The last row that was listed.
    last: Option<Place>,
}

/// Where a row stands in a walk.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Unmoved(Reverse<u64>),
    Moved(ConversationId),
}

impl Walk {
    fn begin_or_go_on(
        epoch: Epoch,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        clock: u64,
    ) -> Self {
        // A position that this store did not give is none: everything is listed.
        let above = match since.and_then(|since| two_numbers(&since.0)) {
            Some((of, number)) if Epoch(of) == epoch && number <= clock => number,
            Some(_) | None => 0,
        };
        match cursor.and_then(|cursor| began_and_last(&cursor.0)) {
            Some((began, last)) => Self {
                began,
                above,
                last: Some(last),
            },
            None => Self {
                began: clock,
                above,
                last: None,
            },
        }
    }

    fn page(&self, state: &State, epoch: Epoch, user: &UserId, limit: usize) -> InboxPage {
        let mut found = self.rows(state, user);
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let more = found.len() > limit.max(1);
        found.truncate(limit.max(1));
        let last = found.last().filter(|_| more);
        InboxPage {
            cursor: last.map(|(place, _)| self.cursor(place)),
            rows: found.into_iter().map(|(_, row)| row).collect(),
            since: Since(format!("{:x}.{:x}", epoch.0, self.began)),
        }
    }

    fn rows(&self, state: &State, user: &UserId) -> Vec<(Place, InboxRow)> {
        let rows = state.inboxes.get(user).map(|inbox| &inbox.rows);
        rows.into_iter()
            .flatten()
            .filter_map(|(conversation, row)| {
                let room = state.rooms.get(conversation);
                let changed = room.map_or(0, |room| room.changed).max(row.changed);
                let place = self.place(conversation, changed);
                let listed = InboxRow {
                    conversation: conversation.clone(),
                    setting: row.setting.clone(),
                };
                let ahead = self.last.as_ref().is_none_or(|last| *last < place);
                (self.above < changed && ahead).then_some((place, listed))
            })
            .collect()
    }

    fn place(&self, conversation: &ConversationId, changed: u64) -> Place {
        if changed <= self.began {
            Place::Unmoved(Reverse(changed))
        } else {
            Place::Moved(conversation.clone())
        }
    }

    fn cursor(&self, last: &Place) -> InboxCursor {
        InboxCursor(match last {
            Place::Unmoved(Reverse(changed)) => format!("{:x}.{changed:x}", self.began),
            Place::Moved(conversation) => format!("{:x}.moved.{conversation}", self.began),
        })
    }
}

fn began_and_last(cursor: &str) -> Option<(u64, Place)> {
    if let Some((began, changed)) = two_numbers(cursor) {
        return Some((began, Place::Unmoved(Reverse(changed))));
    }
    let (began, moved) = cursor.split_once(".moved.")?;
    let began = u64::from_str_radix(began, 16).ok()?;
    Some((began, Place::Moved(ConversationId::parse(moved).ok()?)))
}

fn two_numbers(text: &str) -> Option<(u64, u64)> {
    let (a, b) = text.split_once('.')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some((number(a)?, number(b)?))
}
