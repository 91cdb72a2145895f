//! Runs: blocks of the index that say where a conversation's entries lie, and blocks of their claims.
//!
//! ```text
//!   L conversation 0 first          up to 256 entries in seq order:  where, how long, what became of the body
//!   K conversation 0 max first      their claims: senders once, then (sender, cmid, seq)
//!   k conversation 0 cmid sender    seq; a claim whose cmid time is more than a minute from its entry's
//! ```
//!
//! One item per block and not per message: items cost, bytes hardly do. A run spans at most a minute of entry time, and
//! so do its claims but for the strays, which stand alone. An old claim is therefore found by the time in its cmid among
//! the few runs of three minutes, however long the log is.

use std::time::Duration;

use messenger_core::id::{Cmid, ConversationId, Seq, UserId};
use messenger_core::time::Timestamp;

use super::TailEntry;
use crate::bytes::{Malformed, Put, Take};
use crate::index::{Item, Table};
use crate::log::Located;
use crate::record::BodyState;

/// The most entries of a run.
pub(super) const RUN_ENTRIES: usize = 256;

/// The longest time between the first and the last entry of a run, and between an entry and its cmid in one.
pub(super) const RUN_SPAN: Duration = Duration::from_secs(60);

/// The length of the first stretch of `entries` that makes one run.
pub(super) fn run_length<'a>(mut entries: impl Iterator<Item = &'a TailEntry>) -> usize {
    let Some(first) = entries.next() else {
        return 0;
    };
    1 + entries
        .take(RUN_ENTRIES - 1)
        .take_while(|entry| entry.time.since(first.time) <= RUN_SPAN)
        .count()
}

/// The items of one run of entries that begins at `first`.
pub(super) fn items(
    conversation: &ConversationId,
    first: Seq,
    entries: &[&TailEntry],
    into: &mut Vec<Item>,
) {
    let places = entries.iter().map(|entry| (entry.at, entry.body));
    into.push(Item {
        table: Table::Runs,
        key: run_key(conversation, first),
        value: Some(encode_run(places, entries.len())),
    });
    let mut senders: Vec<&UserId> = Vec::new();
    let mut claims = Vec::with_capacity(entries.len() * 19);
    let mut latest = Timestamp(0);
    let mut count = 0;
    for (i, entry) in entries.iter().enumerate() {
        if is_stray(entry) {
            into.push(Item {
                table: Table::Runs,
                key: stray_key(conversation, entry.cmid, &entry.sender),
                value: Some(first.get().saturating_add(i as u64).to_le_bytes().to_vec()),
            });
            continue;
        }
        let sender = senders
            .iter()
            .position(|sender| **sender == entry.sender)
            .unwrap_or_else(|| {
                senders.push(&entry.sender);
                senders.len() - 1
            });
        claims.put_varint(sender as u64);
        claims.put_cmid(&entry.cmid);
        claims.put_varint(i as u64);
        latest = latest.max(entry.cmid.time());
        count += 1;
    }
    if count > 0 {
        let mut value = Vec::with_capacity(claims.len() + 64);
        value.put_varint(senders.len() as u64);
        senders
            .iter()
            .for_each(|sender| value.put_text(sender.as_str()));
        value.put_varint(count);
        value.extend_from_slice(&claims);
        into.push(Item {
            table: Table::Runs,
            key: claims_key(conversation, latest, first),
            value: Some(value),
        });
    }
}

/// The value of a run.
pub(super) fn encode_run(
    places: impl Iterator<Item = (Located, BodyState)>,
    count: usize,
) -> Vec<u8> {
    let mut value = Vec::with_capacity(count * 9 + 12);
    value.put_varint(count as u64);
    let mut before = 0;
    for (at, body) in places {
        value.put_varint(at.at - before);
        value.put_varint(u64::from(at.head));
        value.put_varint(u64::from(at.body));
        value.put_u8(body.to_byte());
        before = at.at;
    }
    value
}

pub(super) fn decode_run(value: &[u8]) -> Result<Vec<(Located, BodyState)>, Malformed> {
    let mut take = Take::new(value);
    let count = take.varint()?;
    let mut before = 0;
    (0..count)
        .map(|_| {
            before += take.varint()?;
            let head = u32::try_from(take.varint()?).map_err(|_| Malformed("run"))?;
            let body = u32::try_from(take.varint()?).map_err(|_| Malformed("run"))?;
            Ok((
                Located {
                    at: before,
                    head,
                    body,
                },
                BodyState::from_byte(take.u8()?)?,
            ))
        })
        .collect()
}

/// The seq of a claim in a block of claims of the run that begins at `first`.
pub(super) fn find_claim(
    value: &[u8],
    first: Seq,
    sender: &UserId,
    cmid: Cmid,
) -> Result<Option<Seq>, Malformed> {
    let mut take = Take::new(value);
    let senders = take.varint()?;
    let mut wanted = None;
    for i in 0..senders {
        if take.text()? == sender.as_str() {
            wanted = Some(i);
        }
    }
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    for _ in 0..take.varint()? {
        let by = take.varint()?;
        let bytes = take.array::<16>("cmid")?;
        let offset = take.varint()?;
        if by == wanted && bytes == *cmid.as_bytes() {
            return Ok(Some(Seq(first.get() + offset)));
        }
    }
    Ok(None)
}

pub(super) fn run_key(conversation: &ConversationId, first: Seq) -> Vec<u8> {
    let mut key = prefix(b'L', conversation);
    key.extend_from_slice(&first.get().to_be_bytes());
    key
}

pub(super) fn claims_key(conversation: &ConversationId, latest: Timestamp, first: Seq) -> Vec<u8> {
    let mut key = prefix(b'K', conversation);
    key.extend_from_slice(&latest.get().to_be_bytes());
    key.extend_from_slice(&first.get().to_be_bytes());
    key
}

pub(super) fn stray_key(conversation: &ConversationId, cmid: Cmid, sender: &UserId) -> Vec<u8> {
    let mut key = prefix(b'k', conversation);
    key.extend_from_slice(cmid.as_bytes());
    key.extend_from_slice(sender.as_str().as_bytes());
    key
}

/// The number that a key of a run or of claims ends with: the first seq.
pub(super) fn first_seq(key: &[u8]) -> Result<Seq, Malformed> {
    let bytes = key.last_chunk().ok_or(Malformed("key of a run"))?;
    Ok(Seq(u64::from_be_bytes(*bytes)))
}

fn prefix(tag: u8, conversation: &ConversationId) -> Vec<u8> {
    let mut key = Vec::with_capacity(conversation.as_str().len() + 34);
    key.push(tag);
    key.extend_from_slice(conversation.as_str().as_bytes());
    key.push(0);
    key
}

fn is_stray(entry: &TailEntry) -> bool {
    let made = entry.cmid.time();
    made.since(entry.time).max(entry.time.since(made)) > RUN_SPAN
}
