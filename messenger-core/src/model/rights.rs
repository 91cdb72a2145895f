//! A user's right to a conversation: the union of the intervals from joining to leaving (RIGHT-1).
//!
//! ```text
//!   seq   1 ─────── 40 ═══════════ 90 ─────── 120 ═══════════►
//!                   join          removed      join again
//! ```

use smallvec::SmallVec;

use crate::id::Seq;
use crate::limits::RIGHTS_MAX_INTERVALS;

/// One unbroken stay in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Interval {
    /// The entry that let the user in.
    #[n(0)]
    pub joined: Seq,
    /// The first entry of the right: `joined`, or earlier by the history policy.
    #[n(1)]
    pub from: Seq,
    /// The entry that ended it, the last one that the user gets; `None` while the user is a member.
    #[n(2)]
    pub until: Option<Seq>,
}

/// The intervals of one user in one conversation, oldest first, at most 16.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Rights {
    #[n(0)]
    #[cbor(with = "intervals")]
    intervals: SmallVec<[Interval; 1]>,
}

impl Rights {
    /// The right to everything, as in direct conversations and notes.
    pub fn everything() -> Self {
        let mut rights = Self::default();
        rights.join(Seq(1), Seq(1));
        rights
    }

    /// Begins an interval at the entry `joined` that reaches back to `from`; a 17th drops the oldest.
    pub fn join(&mut self, joined: Seq, from: Seq) {
        if self.intervals.len() == RIGHTS_MAX_INTERVALS {
            self.intervals.remove(0);
        }
        self.intervals.push(Interval {
            joined,
            from,
            until: None,
        });
    }

    /// Ends the present interval at the entry `at`, the last one that the user gets.
    pub fn leave(&mut self, at: Seq) {
        if let Some(last) = self.intervals.last_mut() {
            last.until.get_or_insert(at);
        }
    }

    /// True when the user may see the entry.
    pub fn contains(&self, seq: Seq) -> bool {
        self.intervals
            .iter()
            .any(|i| i.from <= seq && i.until.is_none_or(|until| seq <= until))
    }

    /// The present interval of a member.
    pub fn present(&self) -> Option<&Interval> {
        self.intervals.last().filter(|i| i.until.is_none())
    }

    /// The newest interval, ended or not.
    pub fn newest(&self) -> Option<&Interval> {
        self.intervals.last()
    }

    /// The last entry of the right in a log with this head.
    pub fn end(&self, head: Seq) -> Seq {
        match self.newest() {
            None => Seq::ZERO,
            Some(interval) => interval.until.map_or(head, |until| until.min(head)),
        }
    }

    /// The lowest entry of the right.
    pub fn start(&self) -> Option<Seq> {
        self.intervals.iter().map(|i| i.from).min()
    }

    /// The first entry of the right at or after `seq`.
    pub fn next_from(&self, seq: Seq) -> Option<Seq> {
        self.intervals
            .iter()
            .filter(|i| i.until.is_none_or(|until| seq <= until))
            .map(|i| i.from.max(seq))
            .min()
    }

    /// The last entry of the right at or before `seq`.
    pub fn last_upto(&self, seq: Seq) -> Option<Seq> {
        self.intervals
            .iter()
            .filter(|i| i.from <= seq)
            .map(|i| i.until.map_or(seq, |until| until.min(seq)))
            .max()
    }

    /// All intervals, oldest first.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }
}

mod intervals {
    use minicbor::decode::Error;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};
    use smallvec::SmallVec;

    use super::Interval;

    pub(super) fn encode<C, W: Write>(
        intervals: &SmallVec<[Interval; 1]>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.encode_with(intervals.as_slice(), ctx)?.ok()
    }

    pub(super) fn decode<'b, C>(
        d: &mut Decoder<'b>,
        ctx: &mut C,
    ) -> Result<SmallVec<[Interval; 1]>, Error> {
        d.array_iter_with(ctx)?.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_removes_a_member_is_the_last_that_the_member_gets() {
        let mut rights = Rights::default();
        rights.join(Seq(5), Seq(5));
        rights.leave(Seq(9));
        assert!(!rights.contains(Seq(4)));
        assert!(rights.contains(Seq(5)) && rights.contains(Seq(9)));
        assert!(!rights.contains(Seq(10)));
        assert_eq!(rights.end(Seq(100)), Seq(9));
        rights.join(Seq(20), Seq(20));
        assert!(!rights.contains(Seq(15)) && rights.contains(Seq(25)));
        assert_eq!(rights.next_from(Seq(10)), Some(Seq(20)));
        assert_eq!(rights.last_upto(Seq(15)), Some(Seq(9)));
    }

    #[test]
    fn a_17th_interval_drops_the_oldest() {
        let mut rights = Rights::default();
        for i in 0..17 {
            rights.join(Seq(10 * i + 1), Seq(10 * i + 1));
            rights.leave(Seq(10 * i + 5));
        }
        assert_eq!(rights.intervals().len(), RIGHTS_MAX_INTERVALS);
        assert!(!rights.contains(Seq(1)) && rights.contains(Seq(11)));
    }
}
