//! How much is unread (MARK-6): arithmetic over the newest entries, and what the server said where they do not reach.
//!
//! ```text
//!             from            since                       cursor
//!   ───────────┼───────────────[■ others ■ own ■ others ■ ]
//!              └ told.count ┘   └ counted here ──────────┘
//! ```
//!
//! Exact when the entries reach back to `from`; else the server's number and what came after it, which is an upper bound.

use std::collections::BTreeMap;

use crate::id::{Ordinal, Seq, UserId};
use crate::limits::UNREAD_EXACT_MAX;
use crate::model::{Content, Entry};
use crate::wire::Unread;

use super::change::UnreadRecord;

/// The countable entries of others at the end of one conversation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnreadCount {
    /// Everything above it was seen here.
    since: Seq,
    /// Countable entries up to the last one seen.
    ordinal: Ordinal,
    countable: BTreeMap<Seq, ()>,
}

impl UnreadCount {
    /// Nothing seen yet: what comes is above `since`.
    pub(super) fn new(since: Seq) -> Self {
        Self {
            since,
            ordinal: Ordinal(0),
            countable: BTreeMap::new(),
        }
    }

    /// Sees the next entry.
    pub(super) fn entry(&mut self, entry: &Entry, me: Option<&UserId>) {
        self.ordinal = self.ordinal.max(entry.ordinal);
        if let Content::Retraction(retraction) = &entry.content {
            self.erased(retraction.target);
        }
        if !entry.content.is_countable() || me == Some(&entry.sender) {
            return;
        }
        self.countable.insert(entry.seq, ());
        if self.countable.len() as u64 > UNREAD_EXACT_MAX
            && let Some((seq, ())) = self.countable.pop_first()
        {
            self.since = self.since.max(seq);
        }
    }

    /// Forgets a message whose body is gone.
    pub(super) fn erased(&mut self, seq: Seq) {
        self.countable.remove(&seq);
    }

    /// Forgets what is read.
    pub(super) fn read(&mut self, from: Seq) {
        self.countable = self.countable.split_off(&from.next());
        if from > self.since {
            self.since = from;
        }
    }

    /// Drops everything above `seq`.
    pub(super) fn truncate(&mut self, seq: Seq) {
        self.countable.retain(|&at, ()| at <= seq);
        self.since = self.since.min(seq);
    }

    /// The number from the mark `from`.
    pub(super) fn count(&self, from: Seq, told: &UnreadRecord) -> Unread {
        let here = self.countable.range(from.next()..).count() as u64;
        if self.since <= from {
            return Unread {
                count: here,
                exact: true,
            };
        }
        let later = self.countable.range(told.upto.max(from).next()..).count() as u64;
        let known = told.from == from && told.upto >= self.since;
        match told.upto {
            Seq::ZERO => Unread {
                count: self.ordinal.0.max(here),
                exact: false,
            },
            _ => Unread {
                count: told.count + later,
                exact: told.exact && known,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::Cmid;
    use crate::model::Message;
    use crate::time::Timestamp;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn entry(seq: u64, mine: bool, silent: bool, ordinal: u64) -> Entry {
        Entry {
            seq: Seq(seq),
            sender: user(if mine { "anna" } else { "ben" }),
            cmid: Cmid::from_parts(Timestamp(seq), [0; 10]),
            time: Timestamp(seq),
            ordinal: Ordinal(ordinal),
            content: Content::Message(Message {
                silent,
                ..Message::text("x")
            }),
        }
    }

    proptest! {
        #[test]
        fn the_number_is_what_plain_counting_gives_and_a_bound_is_never_below_it(
            log in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..60),
            seen_from in 0usize..60,
            reads in proptest::collection::vec(0u64..60, 0..4),
        ) {
            let seen_from = seen_from.min(log.len()) as u64;
            let head = log.len() as u64;
            let naive = |from: u64| log.iter().zip(1u64..)
                .filter(|&(&(mine, silent), seq)| seq > from && !mine && !silent).count() as u64;
            // The server told the number as it was when this client began to look.
            let told = UnreadRecord {
                count: log.iter().zip(1u64..)
                    .filter(|&(&(mine, silent), seq)| seq <= seen_from && !mine && !silent).count() as u64,
                exact: true,
                from: Seq(0),
                upto: Seq(seen_from),
            };
            let mut unread = UnreadCount::new(Seq(seen_from));
            let mut ordinal = 0;
            for (&(mine, silent), seq) in log.iter().zip(1u64..) {
                ordinal += u64::from(!silent);
                if seq > seen_from {
                    unread.entry(&entry(seq, mine, silent, ordinal), Some(&user("anna")));
                }
            }
            prop_assert_eq!(unread.count(Seq(0), &told).count, naive(0));
            let mut from = 0;
            for read in reads {
                from = from.max(read.min(head));
                unread.read(Seq(from));
                let number = unread.count(Seq(from), &told);
                prop_assert!(number.count >= naive(from));
                if from >= seen_from {
                    prop_assert!(number.exact);
                }
                if number.exact {
                    prop_assert_eq!(number.count, naive(from));
                }
            }
        }
    }

    #[test]
    fn a_retracted_message_is_no_longer_unread() {
        let mut unread = UnreadCount::new(Seq(0));
        unread.entry(&entry(1, false, false, 1), Some(&user("anna")));
        unread.erased(Seq(1));
        assert_eq!(
            unread.count(Seq(0), &UnreadRecord::default()),
            Unread {
                count: 0,
                exact: true
            }
        );
    }
}
