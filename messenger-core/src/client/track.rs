//! The coverage of one conversation: an unbroken range of seqs, and what came early.
//!
//! ```text
//!          start           cursor        held back
//!   ────────[■■■■■■■■■■■■■■■■]··········■■···■··········
//!    older ◄┘ history page   └► next     └ pulled: history{after: cursor}
//! ```
//!
//! A range that is not sent (`gap`) counts as covered, like an entry (RIGHT-1).

use std::collections::BTreeMap;

use crate::id::Seq;
use crate::model::{Content, Entry};

/// Held back at most: what comes above is dropped, for it will be pulled.
const HELD_BACK_MAX: usize = 1_024;

/// The unbroken range of one conversation and what waits to join it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    /// The first seq of the range; `cursor + 1` while it is empty.
    pub(super) start: Seq,
    /// The last seq of the range.
    pub(super) cursor: Seq,
    held: BTreeMap<Seq, Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Entry(Entry),
    Gap { to: Seq },
}

impl Piece {
    /// The last seq of the piece that begins at `seq`.
    fn end(&self, seq: Seq) -> Seq {
        match self {
            Self::Entry(_) => seq,
            Self::Gap { to } => *to,
        }
    }
}

/// What joined the range.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Joined {
    /// Above it, in order.
    pub(super) newer: Vec<Entry>,
    /// Below it, in order.
    pub(super) older: Vec<Entry>,
    /// Inside it, erased since.
    pub(super) erased: Vec<Entry>,
    /// True when `start` or `cursor` moved.
    pub(super) moved: bool,
}

impl Track {
    pub(super) fn new(start: Seq, cursor: Seq) -> Self {
        Self {
            start,
            cursor,
            held: BTreeMap::new(),
        }
    }

    /// Takes an entry; what joins the range comes out of [`Track::join`].
    pub(super) fn entry(&mut self, entry: Entry, joined: &mut Joined) {
        let seq = entry.seq;
        if (self.start..=self.cursor).contains(&seq) {
            if matches!(entry.content, Content::Tombstone(_)) {
                joined.erased.push(entry);
            }
            return;
        }
        self.held.insert(seq, Piece::Entry(entry));
        self.bound();
    }

    /// Takes a range that is not sent.
    pub(super) fn gap(&mut self, from: Seq, to: Seq) {
        self.hold_gap(from, to.min(self.start.previous()));
        self.hold_gap(from.max(self.cursor.next()), to);
        self.bound();
    }

    fn hold_gap(&mut self, from: Seq, to: Seq) {
        if from > to {
            return;
        }
        let to = match self.held.get(&from) {
            Some(Piece::Gap { to: before }) => to.max(*before),
            Some(Piece::Entry(_)) | None => to,
        };
        self.held.insert(from, Piece::Gap { to });
    }

    /// Moves what touches the range into it.
    pub(super) fn join(&mut self, joined: &mut Joined) {
        self.join_upwards(joined);
        self.join_downwards(joined);
    }

    /// True when something waits above a hole.
    pub(super) fn is_behind(&self) -> bool {
        self.held
            .last_key_value()
            .is_some_and(|(&seq, _)| seq > self.cursor.next())
    }

    /// Drops what waits: it will be sent again.
    pub(super) fn release(&mut self) {
        self.held.clear();
    }

    /// Drops everything above `seq`.
    pub(super) fn truncate(&mut self, seq: Seq) {
        self.held.clear();
        self.cursor = self.cursor.min(seq);
        self.start = self.start.min(self.cursor.next());
    }

    fn join_upwards(&mut self, joined: &mut Joined) {
        // What the range has overtaken is dropped on the way.
        loop {
            let next = self.cursor.next();
            let found = self.held.range(self.start..=next).next_back();
            let Some((&seq, _)) = found else { return };
            let piece = self.held.remove(&seq).expect("it was found just now");
            match piece {
                Piece::Entry(entry) if seq == next => {
                    self.cursor = seq;
                    joined.newer.push(entry);
                    joined.moved = true;
                }
                Piece::Gap { to } if to > self.cursor => {
                    self.cursor = to;
                    joined.moved = true;
                }
                Piece::Entry(_) | Piece::Gap { .. } => {}
            }
        }
    }

    fn join_downwards(&mut self, joined: &mut Joined) {
        let mut older = Vec::new();
        loop {
            let touching = self
                .held
                .range(..self.start)
                .rev()
                .find(|(seq, piece)| piece.end(**seq).next() >= self.start);
            let Some((&seq, _)) = touching else { break };
            if let Some(Piece::Entry(entry)) = self.held.remove(&seq) {
                older.push(entry);
            }
            self.start = seq;
            joined.moved = true;
        }
        older.reverse();
        older.append(&mut joined.older);
        joined.older = older;
    }

    fn bound(&mut self) {
        while self.held.len() > HELD_BACK_MAX {
            self.held.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{Cmid, Ordinal, UserId};
    use crate::model::Message;
    use crate::time::Timestamp;

    fn entry(seq: u64) -> Entry {
        Entry {
            seq: Seq(seq),
            sender: UserId::parse("anna").unwrap(),
            cmid: Cmid::from_parts(Timestamp(seq), [0; 10]),
            time: Timestamp(seq),
            ordinal: Ordinal(seq),
            content: Content::Message(Message::text("x")),
        }
    }

    /// What a server may send of a log: entries, and the ranges between them.
    #[derive(Clone, Debug)]
    enum Sent {
        Entry(u64),
        Gap(u64, u64),
    }

    /// A log of 30 with some seqs hidden, as entries and maximal gaps.
    fn log(hidden: &[u64]) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut seq = 1;
        while seq <= 30 {
            let from = seq;
            while seq <= 30 && hidden.contains(&seq) {
                seq += 1;
            }
            if seq > from {
                sent.push(Sent::Gap(from, seq - 1));
            } else {
                sent.push(Sent::Entry(seq));
                seq += 1;
            }
        }
        sent
    }

    proptest! {
        #[test]
        fn every_order_and_every_repetition_gives_each_entry_once_and_in_order(
            hidden in proptest::collection::vec(1u64..=30, 0..12),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..80),
            begin in 0u64..=30,
        ) {
            let sent = log(&hidden);
            let mut track = Track::new(Seq(begin + 1), Seq(begin));
            let mut newer = Vec::new();
            let mut older = Vec::new();
            let all = order.iter().map(|index| index.get(&sent)).chain(&sent);
            for piece in all {
                let mut joined = Joined::default();
                match piece {
                    Sent::Entry(seq) => track.entry(entry(*seq), &mut joined),
                    Sent::Gap(from, to) => track.gap(Seq(*from), Seq(*to)),
                }
                track.join(&mut joined);
                newer.extend(joined.newer.iter().map(|e| e.seq.0));
                older.splice(0..0, joined.older.iter().map(|e| e.seq.0));
                // The range has no hole: everything visible in it came out.
                let visible: Vec<u64> = (track.start.0..=track.cursor.0).filter(|s| !hidden.contains(s)).collect();
                let out: Vec<u64> = older.iter().chain(&newer).copied().collect();
                prop_assert_eq!(out, visible);
            }
            prop_assert_eq!(track.cursor, Seq(30));
            prop_assert_eq!(track.start, Seq(1));
            prop_assert!(!track.is_behind());
        }
    }

    #[test]
    fn what_came_early_is_held_back() {
        let mut track = Track::new(Seq(1), Seq(0));
        let mut joined = Joined::default();
        track.entry(entry(2), &mut joined);
        track.join(&mut joined);
        assert_eq!(joined, Joined::default());
        assert!(track.is_behind());
    }

    #[test]
    fn no_more_is_held_back_than_the_limit_and_the_lowest_stay() {
        let mut track = Track::new(Seq(1), Seq(0));
        let mut joined = Joined::default();
        for seq in (2..2_000).rev() {
            track.entry(entry(seq), &mut joined);
        }
        assert_eq!(track.held.len(), HELD_BACK_MAX);
        track.entry(entry(1), &mut joined);
        track.join(&mut joined);
        assert_eq!(track.cursor.0, HELD_BACK_MAX as u64);
    }
}
