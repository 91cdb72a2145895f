//! Writing dirty rooms to the index, in small steps.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::EraseReason;
use messenger_core::time::{DAY, Timestamp};

use super::room::{TAIL_ENTRIES, key};
use super::run::{claims_key, decode_run, encode_run, first_seq, items, run_key, run_length};
use super::{Logs, MAX_ROOMS_PER_SHARD, Room};
use crate::fault::Fault;
use crate::index::{Go, Item, Table};
use crate::record::BodyState;

/// Rooms that one step writes.
pub(crate) const FLUSH_ROOMS: usize = 16;

/// Expired blocks of claims that one flush of a room removes.
const EXPIRED_BLOCKS: usize = 8;

/// What is to be written of one room.
struct Flush {
    upto: Seq,
    cycle: u64,
    erased: BTreeMap<Seq, EraseReason>,
    time: Timestamp,
}

impl Logs {
    /// The rooms that are dirty now; they are the flusher's from here on.
    pub(crate) fn take_dirty(&self) -> Vec<ConversationId> {
        let mut dirty = Vec::new();
        for shard in &self.shards {
            dirty.append(&mut shard.lock().unwrap_or_else(PoisonError::into_inner).dirty);
        }
        dirty
    }

    /// Writes some rooms to the index, once `wait` says that their cycle is durable.
    pub(crate) fn flush(
        &self,
        conversations: &[ConversationId],
        wait: &dyn Fn(u64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut batch = Vec::new();
        let mut flushes = Vec::with_capacity(conversations.len());
        for conversation in conversations {
            let mut shard = self.shard(conversation);
            let Some(room) = shard.rooms.get_mut(conversation) else {
                continue;
            };
            flushes.push((conversation, begin(conversation, room, &mut batch)));
        }
        let newest = flushes
            .iter()
            .map(|(_, flush)| flush.cycle)
            .max()
            .unwrap_or(0);
        wait(newest)?;
        for (conversation, flush) in &flushes {
            self.mend_runs(conversation, flush, &mut batch)?;
            self.drop_expired_claims(conversation, flush.time, &mut batch)?;
        }
        self.index.apply(batch)?;
        for (conversation, flush) in flushes {
            if let Some(room) = self.shard(conversation).rooms.get_mut(conversation) {
                finish(room, &flush);
            }
        }
        Ok(())
    }

    /// Lets go of the tails of rooms that nobody used since the last sweep, and of whole rooms while a shard has too many.
    /// Only between flushes.
    pub(crate) fn sweep(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let full = shard.rooms.len() > MAX_ROOMS_PER_SHARD;
            shard.rooms.retain(|_, room| {
                let idle = !room.dirty && !std::mem::take(&mut room.used);
                if idle {
                    room.trim(0);
                    room.tail.shrink_to_fit();
                }
                !(idle && full)
            });
        }
    }

    /// Enters erasures into the runs that the index has.
    fn mend_runs(
        &self,
        conversation: &ConversationId,
        flush: &Flush,
        batch: &mut Vec<Item>,
    ) -> Result<(), Fault> {
        let mut erased = flush
            .erased
            .iter()
            .map(|(seq, reason)| (*seq, *reason))
            .peekable();
        while let Some((seq, _)) = erased.peek().copied() {
            let (lowest, end) = (run_key(conversation, Seq::ZERO), run_key(conversation, seq));
            let mut found = None;
            self.index
                .scan(Table::Runs, &lowest, &end, true, &mut |key, value| {
                    found = Some((key.to_vec(), value.to_vec()));
                    Go::Stop
                })?;
            let Some((key, value)) = found else {
                erased.next();
                continue;
            };
            let first = first_seq(&key)?;
            let mut places = decode_run(&value)?;
            let inside = |seq: Seq| (seq.get().saturating_sub(first.get()) as usize) < places.len();
            if !inside(seq) {
                erased.next();
                continue;
            }
            let count = places.len();
            while let Some((seq, reason)) =
                erased.next_if(|(seq, _)| ((seq.get() - first.get()) as usize) < count)
            {
                let body = &mut places[(seq.get() - first.get()) as usize].1;
                if *body == BodyState::Kept {
                    *body = BodyState::Erased(reason);
                }
            }
            let value = encode_run(places.into_iter(), count);
            batch.push(Item {
                table: Table::Runs,
                key,
                value: Some(value),
            });
        }
        Ok(())
    }

    fn drop_expired_claims(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
        batch: &mut Vec<Item>,
    ) -> Result<(), Fault> {
        let expired = now.minus(CLAIM_KEPT + 2 * DAY);
        if expired == Timestamp(0) {
            return Ok(());
        }
        let (from, to) = (
            claims_key(conversation, Timestamp(0), Seq::ZERO),
            claims_key(conversation, expired, Seq::ZERO),
        );
        let mut count = 0;
        self.index
            .scan(Table::Runs, &from, &to, false, &mut |key, _| {
                batch.push(Item {
                    table: Table::Runs,
                    key: key.to_vec(),
                    value: None,
                });
                count += 1;
                if count < EXPIRED_BLOCKS {
                    Go::On
                } else {
                    Go::Stop
                }
            })?;
        Ok(())
    }
}

/// Collects what is new in a room, under its lock.
fn begin(conversation: &ConversationId, room: &mut Room, batch: &mut Vec<Item>) -> Flush {
    room.dirty = false;
    room.forget_senders();
    let mut first = room.flushed.next().max(room.tail_start());
    while first <= room.end.head {
        let skip = (first.get() - room.tail_start().get()) as usize;
        let length = run_length(room.tail.range(skip..));
        let entries: Vec<_> = room.tail.range(skip..skip + length).collect();
        items(conversation, first, &entries, batch);
        first = Seq(first.get() + length as u64);
    }
    batch.push(Item {
        table: Table::Small,
        key: key(conversation),
        value: Some(room.encode()),
    });
    Flush {
        upto: room.end.head,
        cycle: room.cycle,
        erased: room.erased.clone(),
        time: room.end.time,
    }
}

/// The index has it: memory may let go.
fn finish(room: &mut Room, flush: &Flush) {
    // An entry erased while its run was under way is in neither list: its tail knows.
    let (from, upto) = (room.flushed.next().max(room.tail_start()), flush.upto);
    for seq in (from.get()..=upto.get()).map(Seq) {
        if let Some(BodyState::Erased(reason)) = room.in_tail(seq).map(|entry| entry.body) {
            room.erased.insert(seq, reason);
        }
    }
    room.flushed = room.flushed.max(flush.upto);
    for seq in flush.erased.keys() {
        room.erased.remove(seq);
    }
    room.trim(TAIL_ENTRIES);
}
