//! Ranges of seqs that were shown: a small set that only grows.

use std::collections::BTreeMap;

use crate::id::Seq;

/// More ranges than this are not kept apart: the two oldest become one.
const RANGES_MAX: usize = 16;

/// A set of seqs as ranges from lowest to highest, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Ranges(#[n(0)] BTreeMap<Seq, Seq>);

impl Ranges {
    /// Adds everything from `low` to `high`; true when that was not all there.
    pub fn add(&mut self, low: Seq, high: Seq) -> bool {
        if low > high || self.covers(low, high) {
            return false;
        }
        let (mut low, mut high) = (low, high);
        let touching: Vec<Seq> = self
            .0
            .range(..=high.next())
            .filter(|&(_, to)| to.next() >= low)
            .map(|(&from, _)| from)
            .collect();
        for from in touching {
            let to = self.0.remove(&from).expect("it was found just now");
            low = low.min(from);
            high = high.max(to);
        }
        self.0.insert(low, high);
        if self.0.len() > RANGES_MAX {
            let (first, _) = self.0.pop_first().expect("there are more than one");
            let (_, to) = self.0.pop_first().expect("there are more than one");
            self.0.insert(first, to);
        }
        true
    }

    /// True when the seq is in it.
    pub fn contains(&self, seq: Seq) -> bool {
        self.covers(seq, seq)
    }

    /// Takes out everything above `seq`.
    pub fn truncate(&mut self, seq: Seq) {
        self.0.retain(|&from, _| from <= seq);
        if let Some(mut last) = self.0.last_entry() {
            let to = *last.get();
            last.insert(to.min(seq));
        }
    }

    fn covers(&self, low: Seq, high: Seq) -> bool {
        self.0
            .range(..=low)
            .next_back()
            .is_some_and(|(_, &to)| to >= high)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_hold_what_a_plain_set_holds(
            adds in proptest::collection::vec((1u64..60, 0u64..6), 0..12),
            cut in 0u64..60,
        ) {
            let mut ranges = Ranges::default();
            let mut plain = std::collections::BTreeSet::new();
            for (low, length) in adds {
                ranges.add(Seq(low), Seq(low + length));
                plain.extend(low..=low + length);
            }
            for seq in 0..70 {
                prop_assert_eq!(ranges.contains(Seq(seq)), plain.contains(&seq), "{}", seq);
            }
            ranges.truncate(Seq(cut));
            for seq in 0..70 {
                prop_assert_eq!(ranges.contains(Seq(seq)), seq <= cut && plain.contains(&seq), "{}", seq);
            }
        }
    }
}
