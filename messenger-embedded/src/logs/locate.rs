//! Where the entries of a range lie.

use messenger_core::id::{ConversationId, Seq};
use messenger_core::store::LogHead;

use super::Logs;
use super::run::{decode_run, first_seq, run_key};
use crate::bytes::Malformed;
use crate::fault::Fault;
use crate::index::{Go, Table};
use crate::log::Located;
use crate::record::BodyState;

/// An entry in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) seq: Seq,
    pub(crate) at: Located,
    pub(crate) body: BodyState,
}

/// The entries of a range, and what to know of their conversation.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) found: Vec<Place>,
    pub(crate) end: LogHead,
    /// The cycle to wait for before anything of it is shown.
    pub(crate) cycle: u64,
}

impl Logs {
    /// Up to `limit` entries of `first ..= last` that the log has, in seq order: the first ones, or the last ones.
    pub(crate) fn locate(
        &self,
        conversation: &ConversationId,
        first: Seq,
        last: Seq,
        limit: usize,
        newest_first: bool,
    ) -> Result<Places, Fault> {
        self.locate_in(conversation, first, last, limit, newest_first, true)
    }

    /// One entry, also below the base.
    pub(crate) fn locate_one(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Places, Fault> {
        self.locate_in(conversation, seq, seq, 1, false, false)
    }

    fn locate_in(
        &self,
        conversation: &ConversationId,
        first: Seq,
        last: Seq,
        limit: usize,
        newest_first: bool,
        above_base: bool,
    ) -> Result<Places, Fault> {
        let mut places = Places {
            found: Vec::new(),
            end: LogHead::EMPTY,
            cycle: 0,
        };
        let (first, below, erased) = self.with(conversation, |access| {
            let room = &*access.room;
            places.end = room.end;
            places.cycle = room.cycle;
            let lowest = if above_base { room.end.base } else { Seq(1) };
            let (mut first, mut last) = (first.max(lowest), last.min(room.end.head));
            if first > last || limit == 0 {
                return Ok((Seq(1), Seq(1), Vec::new()));
            }
            // No more than the limit is looked up.
            let span = limit as u64 - 1;
            if newest_first {
                first = first.max(Seq(last.get().saturating_sub(span)));
            } else {
                last = last.min(Seq(first.get().saturating_add(span)));
            }
            let tail_start = room.tail_start().max(first);
            for seq in (tail_start.get()..=last.get()).map(Seq) {
                let entry = room.in_tail(seq).ok_or(Malformed("tail"))?;
                places.found.push(Place {
                    seq,
                    at: entry.at,
                    body: entry.body,
                });
            }
            let below = tail_start.min(last.next());
            let erased = room
                .erased
                .range(first..below)
                .map(|(seq, reason)| (*seq, *reason))
                .collect();
            Ok((first, below, erased))
        })?;
        if first < below {
            let mut old = self.locate_in_index(conversation, first, below)?;
            for (seq, reason) in erased {
                let place = &mut old[(seq.get() - first.get()) as usize];
                if place.body == BodyState::Kept {
                    place.body = BodyState::Erased(reason);
                }
            }
            old.append(&mut places.found);
            places.found = old;
        }
        Ok(places)
    }

    /// All entries of `first .. below`, which the index has.
    fn locate_in_index(
        &self,
        conversation: &ConversationId,
        first: Seq,
        below: Seq,
    ) -> Result<Vec<Place>, Fault> {
        let mut runs = Vec::new();
        let mut collect = |key: &[u8], value: &[u8]| {
            runs.push((first_seq(key), decode_run(value)));
        };
        // The run that contains the first one began before it; the others lie within.
        let (lowest, end) = (
            run_key(conversation, Seq::ZERO),
            run_key(conversation, first),
        );
        self.index
            .scan(Table::Runs, &lowest, &end, true, &mut |key, value| {
                collect(key, value);
                Go::Stop
            })?;
        let (from, to) = (
            run_key(conversation, first.next()),
            run_key(conversation, below.previous()),
        );
        if first < below.previous() {
            self.index
                .scan(Table::Runs, &from, &to, false, &mut |key, value| {
                    collect(key, value);
                    Go::On
                })?;
        }
        let mut found: Vec<Place> = Vec::with_capacity((below.get() - first.get()) as usize);
        for (start, places) in runs {
            let start = start?;
            for (i, (at, body)) in places?.into_iter().enumerate() {
                let seq = Seq(start.get() + i as u64);
                if (first..below).contains(&seq) {
                    found.push(Place { seq, at, body });
                }
            }
        }
        let dense = found
            .iter()
            .zip(first.get()..)
            .all(|(place, seq)| place.seq.get() == seq);
        if !dense || found.len() as u64 != below.get() - first.get() {
            return Err(Fault::Corrupt(format!(
                "{conversation}: the index lacks entries of {first} .. {below}"
            )));
        }
        Ok(found)
    }
}
