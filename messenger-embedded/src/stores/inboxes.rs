//! Inboxes, derived: a row says only that the conversation is listed, and what the user set.
//!
//! ```text
//!   changes                    numbers every change of the store, lasting with the record that carries it
//!   room.changed               the last append or raise in the conversation
//!   row                        the last touch or setting of this user there, and the setting
//!   changed since n   ⇔   max(room.changed, row.changed) > n
//! ```
//!
//! A touch lists the conversation for good, not for the day alone: too much is allowed, too little is not.
//!
//! A position is taken before anything else is looked at, and a change is numbered under the lock that shows it. So
//! whatever a walk does not show has a number above the position that the walk gives.

use std::cmp::Reverse;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Epoch, UserId};
use messenger_core::model::Setting;
use messenger_core::store::{
    InboxCursor, InboxPage, InboxRow, InboxStore, PutSetting, Since, StoreResult,
};
use messenger_core::time::Timestamp;

use super::{Stores, from_cbor};
use crate::bytes::{Malformed, Put, Take};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::keys;
use crate::state::Transaction;

#[async_trait]
impl InboxStore for Stores {
    async fn touch(
        &self,
        users: &[UserId],
        conversation: &ConversationId,
        _now: Timestamp,
    ) -> StoreResult<()> {
        self.step("touch", |engine| {
            let mut state = engine.state.begin();
            let changed = engine.logs.next_change();
            for user in users {
                let key = keys::inbox_row(user, conversation);
                let setting = row(&mut state, &key)?.setting;
                state.put(key, Row { changed, setting }.encode());
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn page(
        &self,
        user: &UserId,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        limit: usize,
        _now: Timestamp,
    ) -> StoreResult<InboxPage> {
        self.step("page", |engine| {
            page(engine, user, since, cursor, limit.max(1))
        })
        .await
    }

    async fn settings(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Setting>> {
        self.step("settings", |engine| {
            let mut state = engine.state.begin();
            let settings = conversations
                .iter()
                .map(|conversation| {
                    Ok(row(&mut state, &keys::inbox_row(user, conversation))?.setting)
                })
                .collect::<Result<_, Fault>>()?;
            Ok((settings, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn put_setting(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        setting: &Setting,
        _now: Timestamp,
    ) -> StoreResult<PutSetting> {
        self.step("put_setting", |engine| {
            let mut state = engine.state.begin();
            let key = keys::inbox_row(user, conversation);
            let stored = row(&mut state, &key)?.setting;
            if Some(setting.version) != stored.version.checked_add(1) {
                return Ok((
                    PutSetting::Conflict(stored),
                    state.commit(&engine.log, &[])?,
                ));
            }
            let changed = engine.logs.next_change();
            state.put(
                key,
                Row {
                    changed,
                    setting: setting.clone(),
                }
                .encode(),
            );
            Ok((PutSetting::Written, state.commit(&engine.log, &[])?))
        })
        .await
    }
}

/// One conversation in a user's inbox.
#[derive(Debug, Default)]
struct Row {
    changed: u64,
    setting: Setting,
}

impl Row {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16);
        bytes.put_u64(self.changed);
        if self.setting.version > 0 {
            bytes.put_cbor(&self.setting);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Row, Malformed> {
        let mut take = Take::new(bytes);
        let changed = take.u64()?;
        let setting = if take.is_empty() {
            Setting::default()
        } else {
            from_cbor(take.rest(), "setting")?
        };
        Ok(Row { changed, setting })
    }
}

/// A walk through an inbox: what has not changed since it began, newest change first, then what has, by id.
///
/// A row that changes under way moves to the end, where it is met even if it was not listed yet; and since ids do not change,
/// the walk ends however much does.
struct Walk {
    began: u64,
    above: u64,
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
        now: u64,
    ) -> Walk {
        // A position that this store did not give is none: everything is listed.
        let above = match since.and_then(|since| two_numbers(&since.0)) {
            Some((of, number)) if Epoch(of) == epoch && number <= now => number,
            Some(_) | None => 0,
        };
        let (began, last) = match cursor.and_then(|cursor| began_and_last(&cursor.0)) {
            Some((began, last)) => (began, Some(last)),
            None => (now, None),
        };
        Walk { began, above, last }
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

fn page(
    engine: &Engine,
    user: &UserId,
    since: Option<Since>,
    cursor: Option<InboxCursor>,
    limit: usize,
) -> Result<(InboxPage, u64), Fault> {
    let epoch = engine.format.epoch;
    let walk = Walk::begin_or_go_on(epoch, since, cursor, engine.logs.newest_change());
    let (rows, cycle) = engine.state.under(&keys::inbox_of(user))?;
    let mut found = Vec::new();
    for (key, value) in rows {
        let row = Row::decode(&value)?;
        let conversation = keys::last_part(&key).and_then(|text| ConversationId::parse(text).ok());
        let conversation = conversation.ok_or(Malformed("inbox row"))?;
        let changed = engine.logs.changed(&conversation)?.max(row.changed);
        let place = walk.place(&conversation, changed);
        if walk.above < changed && walk.last.as_ref().is_none_or(|last| *last < place) {
            found.push((
                place,
                InboxRow {
                    conversation,
                    setting: row.setting,
                },
            ));
        }
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let page = InboxPage {
        cursor: last.map(|(place, _)| walk.cursor(place)),
        rows: found.into_iter().map(|(_, row)| row).collect(),
        since: Since(format!("{:x}.{:x}", epoch.get(), walk.began)),
    };
    Ok((page, cycle))
}

fn row(state: &mut Transaction<'_>, key: &[u8]) -> Result<Row, Fault> {
    match state.get(key)? {
        None => Ok(Row::default()),
        Some(value) => Ok(Row::decode(&value)?),
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
