//! One conversation in memory.
//!
//! ```text
//!   base ──────── flushed ──────── head
//!                 index │ memory only
//!          [ tail: the newest entries, kept a while after they are flushed ]
//! ```

use std::collections::{BTreeMap, VecDeque};

use messenger_core::id::{Cmid, ConversationId, Ordinal, Seq, UserId};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::EraseReason;
use messenger_core::store::LogHead;
use messenger_core::time::{DAY, Timestamp};

use super::Access;
use crate::bytes::{Malformed, Put, Take};
use crate::log::{Located, Lsn};
use crate::record::BodyState;

/// Flushed entries that stay in a room's tail: recent claims are answered from it, recent entries found in it.
pub(crate) const TAIL_ENTRIES: usize = 256;

/// A conversation.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) end: LogHead,
    /// The newest change, for the inboxes.
    pub(crate) changed: u64,
    /// The cycle that makes the newest change durable.
    pub(crate) cycle: u64,
    /// Where the last entry lies.
    pub(super) last_at: Lsn,
    /// The index has the entries up to here.
    pub(super) flushed: Seq,
    /// The newest entries, up to the head.
    pub(super) tail: VecDeque<TailEntry>,
    pub(super) senders: BTreeMap<UserId, Sender>,
    /// Erased entries of the index that the index does not know of yet.
    pub(super) erased: BTreeMap<Seq, EraseReason>,
    pub(super) dirty: bool,
    pub(super) used: bool,
}

/// An entry of the tail.
#[derive(Debug, Clone)]
pub(crate) struct TailEntry {
    pub(crate) at: Located,
    pub(crate) sender: UserId,
    pub(crate) cmid: Cmid,
    pub(crate) time: Timestamp,
    pub(crate) body: BodyState,
}

/// What is known of one sender's claims without looking any up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    /// The greatest cmid: a greater one is fresh.
    pub(super) newest: Cmid,
    /// The greatest cmid time of a claim that left the tail: only below it the index has to be asked.
    pub(super) left: Timestamp,
}

impl Room {
    pub(super) fn empty() -> Room {
        Room {
            end: LogHead::EMPTY,
            changed: 0,
            cycle: 0,
            last_at: 0,
            flushed: Seq::ZERO,
            tail: VecDeque::new(),
            senders: BTreeMap::new(),
            erased: BTreeMap::new(),
            dirty: false,
            used: true,
        }
    }

    /// The seq of the first entry in the tail.
    pub(super) fn tail_start(&self) -> Seq {
        Seq(self.end.head.get() + 1 - self.tail.len() as u64)
    }

    pub(super) fn in_tail(&self, seq: Seq) -> Option<&TailEntry> {
        let index = seq.get().checked_sub(self.tail_start().get())?;
        self.tail.get(usize::try_from(index).ok()?)
    }

    /// Lets the oldest entries leave the tail down to a number, as far as the index has them.
    pub(super) fn trim(&mut self, left: usize) {
        while self.tail.len() > left && self.tail_start() <= self.flushed {
            let Some(entry) = self.tail.pop_front() else {
                break;
            };
            if let Some(sender) = self.senders.get_mut(&entry.sender) {
                sender.left = sender.left.max(entry.cmid.time());
            }
        }
    }

    /// Forgets senders whose claims have all expired.
    pub(super) fn forget_senders(&mut self) {
        // Clients' clocks may be a day ahead; one more day costs nothing.
        let oldest = self.end.time.minus(CLAIM_KEPT + 2 * DAY);
        self.senders
            .retain(|_, sender| sender.newest.time() >= oldest);
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.put_varint(self.end.base.get());
        bytes.put_varint(self.end.head.get());
        bytes.put_varint(self.end.ordinal.get());
        bytes.put_u64(self.end.time.get());
        bytes.put_varint(self.end.kept.get());
        bytes.put_u64(self.changed);
        bytes.put_u64(self.last_at);
        bytes.put_varint(self.senders.len() as u64);
        for (user, sender) in &self.senders {
            bytes.put_text(user.as_str());
            bytes.put_cmid(&sender.newest);
        }
        bytes
    }

    /// A room as the index has it, in a store that was last restored at `restored_at`.
    pub(super) fn decode(bytes: &[u8], restored_at: Lsn) -> Result<Room, Malformed> {
        let mut take = Take::new(bytes);
        let mut end = LogHead {
            base: Seq(take.varint()?),
            head: Seq(take.varint()?),
            ordinal: Ordinal(take.varint()?),
            time: Timestamp(take.u64()?),
            kept: Seq(take.varint()?),
        };
        let changed = take.u64()?;
        let last_at = take.u64()?;
        if last_at < restored_at {
            end.kept = end.head;
        }
        let count = take.varint()?;
        let senders = (0..count)
            .map(|_| {
                let user = take.user()?;
                let newest = take.cmid()?;
                Ok((
                    user,
                    Sender {
                        newest,
                        left: newest.time(),
                    },
                ))
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Room {
            end,
            changed,
            last_at,
            flushed: end.head,
            senders,
            ..Room::empty()
        })
    }
}

impl Access<'_> {
    /// Takes the next entry.
    pub(crate) fn push(&mut self, entry: TailEntry, ordinal: Ordinal) {
        let room = &mut *self.room;
        room.end.head = room.end.head.next();
        room.end.time = entry.time;
        room.end.ordinal = ordinal;
        room.last_at = entry.at.at;
        match room.senders.get_mut(&entry.sender) {
            Some(sender) => sender.newest = sender.newest.max(entry.cmid),
            None => {
                let sender = Sender {
                    newest: entry.cmid,
                    left: Timestamp(0),
                };
                room.senders.insert(entry.sender.clone(), sender);
            }
        }
        room.tail.push_back(entry);
    }

    /// Erases bodies; those that are erased already keep their first reason.
    pub(crate) fn erase(&mut self, seqs: &[Seq], reason: EraseReason) {
        for seq in seqs
            .iter()
            .copied()
            .filter(|seq| self.room.end.base <= *seq && *seq <= self.room.end.head)
        {
            let start = self.room.tail_start();
            if seq >= start {
                let entry = &mut self.room.tail[(seq.get() - start.get()) as usize];
                if entry.body != BodyState::Kept {
                    continue;
                }
                entry.body = BodyState::Erased(reason);
            }
            if seq <= self.room.flushed {
                self.room.erased.entry(seq).or_insert(reason);
            }
        }
        self.touch();
    }

    /// Drops the entries below `base`, which never falls and never passes the head.
    pub(crate) fn cut(&mut self, base: Seq) {
        let room = &mut *self.room;
        room.end.base = base.min(room.end.head).max(room.end.base);
        self.touch();
    }
}

/// The key of a room in the index.
pub(super) fn key(conversation: &ConversationId) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + conversation.as_str().len());
    key.push(b'C');
    key.extend_from_slice(conversation.as_str().as_bytes());
    key
}
