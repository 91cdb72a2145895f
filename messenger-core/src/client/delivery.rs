//! The ticks of own messages, from one mark per member (contract 5, LIFE-2).
//!
//! ```text
//!   sent ──all of the audience have it──► delivered ──all have read it──► read        never back
//!     └────────── relay time-to-live passed before ──► expired
//! ```
//!
//! The audience of entry s: the members whose present, unbroken interval contains s, without the sender. It only shrinks.

use crate::id::{Seq, UserId};
use crate::model::{Content, EraseReason, Tombstone};

use super::change::{ConversationRecord, UserMarkRecord};

/// How far an own message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tick {
    /// In the log.
    Sent,
    /// On a device of everyone in the audience.
    Delivered,
    /// Read by everyone in the audience.
    Read,
    /// Its body went before everyone had it (`relay`).
    Expired,
}

/// How far an own message has come, and with how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The state to show.
    pub tick: Tick,
    /// How many it is for; 0 too when the members are not known (large groups).
    pub audience: u64,
    /// How many of them have it.
    pub delivered: u64,
    /// How many of them have read it.
    pub read: u64,
}

impl ConversationRecord {
    /// The state of the own message `seq`; never less than was shown before.
    pub fn delivery(&self, seq: Seq, content: &Content, me: &UserId) -> Delivery {
        let mut delivery = Delivery {
            tick: Tick::Sent,
            audience: 0,
            delivered: 0,
            read: 0,
        };
        for mark in self.audience(seq, me) {
            delivery.audience += 1;
            delivery.delivered += u64::from(mark.delivered.max(mark.read) >= seq);
            delivery.read += u64::from(mark.read >= seq);
        }
        let expired = matches!(
            content,
            Content::Tombstone(Tombstone {
                reason: EraseReason::Expired,
                ..
            })
        );
        let all = |count: u64| delivery.audience > 0 && count == delivery.audience;
        if all(delivery.read) || self.shown_read.contains(seq) {
            delivery.tick = Tick::Read;
        } else if all(delivery.delivered) || self.shown_delivered.contains(seq) {
            delivery.tick = Tick::Delivered;
        }
        if expired && delivery.tick == Tick::Sent {
            delivery.tick = Tick::Expired;
        }
        delivery
    }

    /// Raises the marks of another user; true when one rose.
    pub(super) fn raise_other(&mut self, user: &UserId, delivered: Seq, read: Seq) -> bool {
        let mark = self.others.entry(user.clone()).or_default();
        let before = *mark;
        mark.delivered = mark.delivered.max(delivered);
        mark.read = mark.read.max(read);
        before != *mark
    }

    /// Notes what is now shown as delivered and read, so that it stays so when the audience changes.
    ///
    /// Within one moment, who is in the audience of an entry is also in that of each later one: so what is shown is the
    /// range from the earliest entry with an audience to the lowest mark that matters, and two numbers hold it.
    pub(super) fn note_shown(&mut self, me: &UserId) {
        let mut joins: Vec<(Seq, UserMarkRecord)> = self
            .members
            .iter()
            .filter(|(user, _)| *user != me)
            .map(|(user, member)| (member.joined, self.mark_of(user)))
            .collect();
        joins.sort_by_key(|(joined, _)| *joined);
        // From one join to the next the audience is the same: everyone who joined so far.
        let mut delivered = Seq(u64::MAX - 1);
        let mut read = delivered;
        for (index, (joined, mark)) in joins.iter().enumerate() {
            delivered = delivered.min(mark.delivered.max(mark.read));
            read = read.min(mark.read);
            let until = joins
                .get(index + 1)
                .map_or(self.head, |(next, _)| next.previous())
                .min(self.head);
            self.shown_delivered.add(*joined, delivered.min(until));
            self.shown_read.add(*joined, read.min(until));
        }
    }

    fn audience(&self, seq: Seq, me: &UserId) -> impl Iterator<Item = UserMarkRecord> {
        self.members
            .iter()
            .filter(move |(user, member)| *user != me && member.joined <= seq)
            .map(|(user, _)| self.mark_of(user))
    }

    fn mark_of(&self, user: &UserId) -> UserMarkRecord {
        self.others.get(user).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::client::MemberRecord;
    use crate::id::ConversationId;
    use crate::model::{Kind, Message, Role};

    const GROUP: &str = "0192f0c1-7b7e-7000-8000-000000000001";

    fn user(number: u8) -> UserId {
        UserId::parse(&format!("user{number}")).unwrap()
    }

    fn group(members: u8) -> ConversationRecord {
        let mut record = ConversationRecord::new(ConversationId::parse(GROUP).unwrap());
        record.member_count = u64::from(members);
        for number in 0..members {
            record.members.insert(
                user(number),
                MemberRecord {
                    role: Role::Member,
                    joined: Seq(1),
                },
            );
        }
        record
    }

    fn message() -> Content {
        Content::Message(Message::text("x"))
    }

    /// What can happen in a group; `user0` is this client's user.
    #[derive(Clone, Debug)]
    enum Step {
        Send,
        Join(u8),
        Leave(u8),
        Delivered(u8, u64),
        Read(u8, u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Send),
            (1u8..5).prop_map(Step::Join),
            (1u8..5).prop_map(Step::Leave),
            (1u8..5, 0u64..40).prop_map(|(u, s)| Step::Delivered(u, s)),
            (1u8..5, 0u64..40).prop_map(|(u, s)| Step::Read(u, s)),
        ]
    }

    /// One row per message and member, as in the table of contract 5, and the tick that was shown last.
    #[derive(Default)]
    struct Naive {
        rows: BTreeMap<(u64, u8), Tick>,
        own: BTreeSet<u64>,
        shown: BTreeMap<u64, Tick>,
        present: BTreeSet<u8>,
    }

    impl Naive {
        fn tick(&mut self, seq: u64) -> Tick {
            let rows: Vec<Tick> = self
                .rows
                .range((seq, 0)..=(seq, u8::MAX))
                .map(|(_, tick)| *tick)
                .collect();
            let now = rows.iter().copied().min().unwrap_or(Tick::Sent);
            let shown = self.shown.entry(seq).or_insert(Tick::Sent);
            *shown = (*shown).max(now);
            *shown
        }
    }

    proptest! {
        #[test]
        fn ticks_are_those_of_one_row_per_message_and_member(steps in proptest::collection::vec(step(), 1..60)) {
            let me = user(0);
            let mut record = group(3);
            let mut naive = Naive { present: (1..3).collect(), ..Naive::default() };
            record.head = Seq(1);
            let mut head = 1u64;
            for step in steps {
                match step {
                    Step::Send => {
                        head += 1;
                        record.head = Seq(head);
                        naive.own.insert(head);
                        for &member in &naive.present {
                            naive.rows.insert((head, member), Tick::Sent);
                        }
                    }
                    Step::Join(number) if naive.present.insert(number) => {
                        head += 1;
                        record.head = Seq(head);
                        record.member_joined(&user(number), Role::Member, Seq(head));
                    }
                    Step::Leave(number) if naive.present.remove(&number) => {
                        head += 1;
                        record.head = Seq(head);
                        record.member_left(&user(number));
                        naive.rows.retain(|&(_, member), _| member != number);
                    }
                    Step::Join(_) | Step::Leave(_) => {}
                    Step::Delivered(number, upto) | Step::Read(number, upto) => {
                        let upto = upto.min(head);
                        let tick = if matches!(step, Step::Read(..)) { Tick::Read } else { Tick::Delivered };
                        if naive.present.contains(&number) {
                            let read = if tick == Tick::Read { Seq(upto) } else { Seq(0) };
                            record.raise_other(&user(number), Seq(upto), read);
                            for (&(seq, member), row) in &mut naive.rows {
                                if seq <= upto && member == number {
                                    *row = (*row).max(tick);
                                }
                            }
                        }
                    }
                }
                record.note_shown(&me);
                for seq in naive.own.clone() {
                    let rows = naive.rows.range((seq, 0)..=(seq, u8::MAX));
                    let audience = rows.clone().count() as u64;
                    let delivered = rows.clone().filter(|(_, t)| **t >= Tick::Delivered).count() as u64;
                    let read = rows.filter(|(_, t)| **t == Tick::Read).count() as u64;
                    let tick = naive.tick(seq);
                    let delivery = record.delivery(Seq(seq), &message(), &me);
                    prop_assert_eq!(delivery, Delivery { tick, audience, delivered, read }, "of {}", seq);
                }
            }
        }
    }

    #[test]
    fn reading_implies_delivery_and_an_empty_audience_is_sent() {
        let me = user(0);
        let mut record = group(2);
        record.head = Seq(5);
        record.raise_other(&user(1), Seq(0), Seq(3));
        assert_eq!(
            record.delivery(Seq(3), &message(), &me),
            Delivery {
                tick: Tick::Read,
                audience: 1,
                delivered: 1,
                read: 1
            }
        );
        assert_eq!(group(1).delivery(Seq(3), &message(), &me).tick, Tick::Sent);
    }

    #[test]
    fn what_expired_before_it_was_delivered_is_shown_as_expired() {
        let gone = Content::Tombstone(Tombstone {
            kind: Kind::Message,
            reason: EraseReason::Expired,
        });
        let record = group(2);
        assert_eq!(record.delivery(Seq(3), &gone, &user(0)).tick, Tick::Expired);
    }
}
