//! What is under way of one simulated user.
//!
//! ```text
//!   sent ──► in flight ── accepted(position) ── delivered ≥ position, or arrived at all others ──► done
//! ```

use std::collections::VecDeque;

use crate::dialect::Newest;
use crate::identity::Cmid;
use crate::stamp::Stamp;

/// One user's messages under way, and what came of others.
#[derive(Default)]
pub(crate) struct Lane {
    /// The number of the last message.
    number: u32,
    in_flight: VecDeque<InFlight>,
    /// When messages are due that the window holds back.
    pub(crate) backlog: VecDeque<u64>,
    /// Up to here the peer has everything.
    delivered: u64,
    /// The newest entry that arrived, until it is acknowledged.
    newest: Option<Newest>,
    acked: u64,
    /// The last number that came of the peer of a direct conversation.
    peer_number: u32,
    /// Own messages that were accepted.
    pub(crate) accepted: u64,
    /// Messages of others that arrived.
    pub(crate) arrived: u64,
}

struct InFlight {
    number: u32,
    cmid: Cmid,
    due: u64,
    position: Option<u64>,
    arrivals: u32,
}

impl Lane {
    /// How many messages are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The number of the next message.
    pub(crate) fn next_number(&self) -> u32 {
        self.number + 1
    }

    /// Puts the next message in flight; answers the key of the one before it if that is not answered yet.
    pub(crate) fn send(&mut self, cmid: Cmid, due: u64) -> Option<Cmid> {
        let before = self
            .in_flight
            .back()
            .filter(|last| last.position.is_none())
            .map(|last| last.cmid);
        self.number += 1;
        self.in_flight.push_back(InFlight {
            number: self.number,
            cmid,
            due,
            position: None,
            arrivals: 0,
        });
        before
    }

    /// Takes note that a message has its position; answers when it was due.
    pub(crate) fn accept(&mut self, number: u32, position: u64) -> Option<u64> {
        self.accepted += 1;
        let message = self.find(number)?;
        message.position = Some(position);
        Some(message.due)
    }

    /// Takes a message out of flight that will never be accepted.
    pub(crate) fn give_up(&mut self, number: u32) {
        self.in_flight.retain(|message| message.number != number);
    }

    /// Takes note of what the peer has.
    pub(crate) fn deliver(&mut self, position: u64) {
        self.delivered = self.delivered.max(position);
    }

    /// Takes note that a message arrived at one more member of its group.
    pub(crate) fn arrived_at_member(&mut self, number: u32) {
        if let Some(message) = self.find(number) {
            message.arrivals += 1;
        }
    }

    /// Takes the oldest message out of flight if it is done; answers when it was due.
    pub(crate) fn complete(&mut self, others: u32) -> Option<u64> {
        let first = self.in_flight.front()?;
        let position = first.position?;
        let done = if others == 1 {
            position <= self.delivered
        } else {
            first.arrivals >= others
        };
        if !done {
            return None;
        }
        self.in_flight.pop_front().map(|message| message.due)
    }

    /// Takes note of a message of somebody else; `true` if it came before.
    pub(crate) fn receive(&mut self, stamp: Stamp, position: u64, direct: bool) -> bool {
        self.arrived += 1;
        self.newest = Some(Newest {
            author: stamp.author,
            position,
        });
        let again = direct && stamp.number <= self.peer_number;
        self.peer_number = stamp.number;
        again
    }

    /// The entry to acknowledge, if one is new.
    pub(crate) fn acknowledge(&mut self) -> Option<Newest> {
        let newest = self.newest.take_if(|newest| newest.position > self.acked)?;
        self.acked = newest.position;
        Some(newest)
    }

    fn find(&mut self, number: u32) -> Option<&mut InFlight> {
        self.in_flight
            .iter_mut()
            .find(|message| message.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_done_when_it_is_accepted_and_its_receipt_is_back_in_either_order() {
        let mut lane = Lane::default();
        lane.send([1; 16], 100);
        lane.send([2; 16], 200);

        lane.deliver(5);
        assert_eq!(lane.complete(1), None, "not accepted");
        assert_eq!(lane.accept(1, 5), Some(100));
        assert_eq!(lane.complete(1), Some(100));
        assert_eq!(lane.accept(2, 6), Some(200));
        assert_eq!(lane.complete(1), None, "no receipt");
        lane.deliver(6);
        assert_eq!(lane.complete(1), Some(200));
        assert_eq!(lane.in_flight(), 0);
    }

    #[test]
    fn a_message_names_the_one_before_it_until_that_is_answered() {
        let mut lane = Lane::default();
        assert_eq!(lane.send([1; 16], 0), None);
        assert_eq!(lane.send([2; 16], 0), Some([1; 16]));
        lane.accept(2, 2);
        assert_eq!(lane.send([3; 16], 0), None);
        lane.give_up(3);
        assert_eq!(lane.in_flight(), 2);
    }

    #[test]
    fn the_newest_entry_is_acknowledged_once() {
        let mut lane = Lane::default();
        let stamp = |number| Stamp {
            due: 0,
            author: 7,
            number,
        };
        assert!(!lane.receive(stamp(1), 10, true));
        assert!(!lane.receive(stamp(2), 11, true));
        assert_eq!(lane.acknowledge().map(|newest| newest.position), Some(11));
        assert!(lane.acknowledge().is_none());
        assert!(lane.receive(stamp(2), 11, true), "it came before");
        assert!(lane.acknowledge().is_none());
    }
}
