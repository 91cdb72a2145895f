//! Hints between nodes, numbered per pair, so that a hole is seen and made good (RES-5).
//!
//! ```text
//!   A: 1 2 3 … beat{3}        B: 1 _ 3   ── ask{2} ──► A: resends 2 from its ring, or says lost{2}
//!                             B: no answer within 5 s, or lost ──► recheck
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::conversation::Hint;
use crate::id::{ConversationId, DeviceId, NodeId, UserId};
use crate::time::Timestamp;

/// How long a node's lease holds without a beat.
const NODE_LEASE: Duration = Duration::from_secs(5);
/// Frames kept for each peer.
const RING: usize = 1_024;
/// The most frames asked for at once.
const ASK_MAX: usize = 256;
/// A hole that is not filled within this time is given up.
const HOLE_MAX: Duration = Duration::from_secs(5);

/// What a node tells another.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub enum Payload {
    /// Something happened in a conversation.
    #[n(0)]
    Conversation {
        /// Where.
        #[n(0)]
        conversation: ConversationId,
        /// What.
        #[n(1)]
        hint: Hint,
    },
    /// A device has connected with a higher generation: an older session of it ends.
    #[n(1)]
    Replaced {
        /// Whose.
        #[n(0)]
        user: UserId,
        /// Which.
        #[n(1)]
        device: DeviceId,
        /// With which generation.
        #[n(2)]
        generation: crate::id::Generation,
    },
    /// Something happened, and it could not be found out whom it concerns.
    #[n(2)]
    Recheck {},
}

#[derive(Debug, minicbor::Encode, minicbor::Decode)]
enum Frame {
    #[n(0)]
    Hint {
        #[n(0)]
        from: u64,
        #[n(1)]
        number: u64,
        #[n(2)]
        payload: Payload,
    },
    #[n(1)]
    Beat {
        #[n(0)]
        from: u64,
        #[n(1)]
        last: u64,
    },
    #[n(2)]
    Ask {
        #[n(0)]
        from: u64,
        #[n(1)]
        numbers: Vec<u64>,
    },
    #[n(3)]
    Lost {
        #[n(0)]
        from: u64,
    },
}

/// What is to be done for the peers.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a frame to a node.
    Send(NodeId, Bytes),
    /// A peer told something.
    Told(Payload),
    /// Hints were lost for good: read the inboxes of the local users again.
    Recheck,
}

/// The hints to and from all peers of a node.
#[derive(Debug)]
pub struct Peers {
    me: NodeId,
    live: BTreeSet<NodeId>,
    /// When this node's lease was last renewed.
    leased: Option<Timestamp>,
    out: BTreeMap<NodeId, Sent>,
    back: BTreeMap<NodeId, Received>,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Default)]
struct Sent {
    last: u64,
    ring: VecDeque<Bytes>,
}

#[derive(Debug, Default)]
struct Received {
    highest: u64,
    missing: BTreeSet<u64>,
    since: Option<Timestamp>,
}

impl Peers {
    /// The peers of this node.
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            live: BTreeSet::new(),
            leased: None,
            out: BTreeMap::new(),
            back: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Tells a node something.
    pub fn tell(&mut self, node: NodeId, payload: Payload) {
        if node == self.me {
            return;
        }
        let sent = self.out.entry(node).or_default();
        sent.last += 1;
        let frame = encode(&Frame::Hint {
            from: self.me.0,
            number: sent.last,
            payload,
        });
        sent.ring.push_back(frame.clone());
        if sent.ring.len() > RING {
            sent.ring.pop_front();
        }
        self.outputs.push_back(Output::Send(node, frame));
    }

    /// Something happened, and it could not be found out whom it concerns: all nodes read their users' inboxes again.
    pub fn tell_all_to_recheck(&mut self) {
        for node in self.live.clone() {
            self.tell(node, Payload::Recheck {});
        }
    }

    /// A second has passed: `live` are the nodes with a lease.
    pub fn beat(&mut self, now: Timestamp, live: &[NodeId]) {
        // A node that is gone may have appended what it could no longer tell.
        let gone = self.live.iter().any(|node| !live.contains(node));
        // While this node had no lease itself, the others did not find its users.
        let lapsed = self
            .leased
            .is_some_and(|leased| now.since(leased) > NODE_LEASE);
        let mut given_up = gone || lapsed;
        self.leased = Some(now);
        self.live = live.iter().copied().collect();
        self.out.retain(|node, _| live.contains(node));
        for (&node, sent) in &self.out {
            let beat = Frame::Beat {
                from: self.me.0,
                last: sent.last,
            };
            self.outputs.push_back(Output::Send(node, encode(&beat)));
        }
        self.back.retain(|node, received| {
            let late = received
                .since
                .is_some_and(|since| now.since(since) >= HOLE_MAX);
            let gone = !live.contains(node);
            if !received.missing.is_empty() && (late || gone) {
                given_up = true;
                received.missing.clear();
                received.since = None;
            }
            !gone
        });
        if given_up {
            self.outputs.push_back(Output::Recheck);
        }
        for (node, received) in &self.back {
            ask(self.me, *node, received, &mut self.outputs);
        }
    }

    /// A frame came from a peer; one that cannot be read is passed over, for it is only a hint.
    pub fn receive(&mut self, now: Timestamp, frame: &[u8]) {
        let Ok(frame) = minicbor::decode::<Frame>(frame) else {
            return;
        };
        match frame {
            Frame::Hint {
                from,
                number,
                payload,
            } => {
                let node = NodeId(from);
                let received = self.back.entry(node).or_default();
                let is_new = number > received.highest || received.missing.contains(&number);
                received.learn_of(now, number.saturating_sub(1));
                received.missing.remove(&number);
                received.highest = received.highest.max(number);
                if received.missing.is_empty() {
                    received.since = None;
                } else if received.since == Some(now) {
                    ask(self.me, node, received, &mut self.outputs);
                }
                match payload {
                    _ if !is_new => {}
                    Payload::Recheck {} => self.outputs.push_back(Output::Recheck),
                    payload => self.outputs.push_back(Output::Told(payload)),
                }
            }
            Frame::Beat { from, last } => {
                let node = NodeId(from);
                let received = self.back.entry(node).or_default();
                received.learn_of(now, last);
                ask(self.me, node, received, &mut self.outputs);
            }
            Frame::Ask { from, numbers } => self.resend(NodeId(from), &numbers),
            Frame::Lost { from } => {
                if let Some(received) = self.back.get_mut(&NodeId(from)) {
                    received.missing.clear();
                    received.since = None;
                    self.outputs.push_back(Output::Recheck);
                }
            }
        }
    }

    fn resend(&mut self, node: NodeId, numbers: &[u64]) {
        let Some(sent) = self.out.get(&node) else {
            return;
        };
        let first = sent.last + 1 - sent.ring.len() as u64;
        let mut lost = false;
        for number in numbers {
            let index = number
                .checked_sub(first)
                .and_then(|i| usize::try_from(i).ok());
            match index.and_then(|index| sent.ring.get(index)) {
                Some(frame) => self.outputs.push_back(Output::Send(node, frame.clone())),
                None => lost = true,
            }
        }
        if lost {
            let frame = encode(&Frame::Lost { from: self.me.0 });
            self.outputs.push_back(Output::Send(node, frame));
        }
    }
}

impl Received {
    /// All numbers up to `last` were sent: those that did not come are missing.
    fn learn_of(&mut self, now: Timestamp, last: u64) {
        if last <= self.highest {
            return;
        }
        // A hole as long as the ring cannot be filled; the oldest numbers of it need no remembering.
        let from = (self.highest + 1).max(last.saturating_sub(2 * RING as u64));
        self.missing.extend(from..=last);
        self.highest = last;
        self.since.get_or_insert(now);
    }
}

fn ask(me: NodeId, node: NodeId, received: &Received, outputs: &mut VecDeque<Output>) {
    if received.missing.is_empty() {
        return;
    }
    let numbers = received.missing.iter().copied().take(ASK_MAX).collect();
    let frame = encode(&Frame::Ask {
        from: me.0,
        numbers,
    });
    outputs.push_back(Output::Send(node, frame));
}

fn encode(frame: &Frame) -> Bytes {
    minicbor::to_vec(frame)
        .expect("writing to a Vec cannot fail")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Generation;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);
    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn payload(generation: u64) -> Payload {
        Payload::Replaced {
            user: UserId::parse("anna").unwrap(),
            device: DeviceId(1),
            generation: Generation(generation),
        }
    }

    fn sent(peers: &mut Peers) -> Vec<Bytes> {
        std::iter::from_fn(|| peers.poll())
            .filter_map(|output| match output {
                Output::Send(_, frame) => Some(frame),
                Output::Told(_) | Output::Recheck => None,
            })
            .collect()
    }

    fn told(peers: &mut Peers) -> (Vec<Payload>, Vec<Bytes>, bool) {
        let (mut payloads, mut frames, mut recheck) = (Vec::new(), Vec::new(), false);
        while let Some(output) = peers.poll() {
            match output {
                Output::Send(_, frame) => frames.push(frame),
                Output::Told(payload) => payloads.push(payload),
                Output::Recheck => recheck = true,
            }
        }
        (payloads, frames, recheck)
    }

    #[test]
    fn a_hole_is_asked_for_and_filled() {
        let (mut a, mut b) = (Peers::new(A), Peers::new(B));
        (1..=3).for_each(|i| a.tell(B, payload(i)));
        let frames = sent(&mut a);
        b.receive(NOW, &frames[0]);
        b.receive(NOW, &frames[2]);
        let (payloads, asks, _) = told(&mut b);
        assert_eq!(payloads, [payload(1), payload(3)]);
        asks.iter().for_each(|ask| a.receive(NOW, ask));
        for frame in sent(&mut a) {
            b.receive(NOW, &frame);
        }
        assert_eq!(told(&mut b).0, [payload(2)]);
    }

    #[test]
    fn a_lost_last_hint_is_seen_by_the_beat() {
        let (mut a, mut b) = (Peers::new(A), Peers::new(B));
        a.tell(B, payload(1));
        let _lost = sent(&mut a);
        a.beat(NOW, &[A, B]);
        sent(&mut a).iter().for_each(|frame| b.receive(NOW, frame));
        told(&mut b).1.iter().for_each(|ask| a.receive(NOW, ask));
        sent(&mut a).iter().for_each(|frame| b.receive(NOW, frame));
        assert_eq!(told(&mut b).0, [payload(1)]);
    }

    #[test]
    fn a_repeated_hint_is_told_once() {
        let (mut a, mut b) = (Peers::new(A), Peers::new(B));
        a.tell(B, payload(1));
        let frames = sent(&mut a);
        b.receive(NOW, &frames[0]);
        b.receive(NOW, &frames[0]);
        assert_eq!(told(&mut b).0, [payload(1)]);
    }

    #[test]
    fn a_hole_of_a_node_that_is_gone_rechecks_the_inboxes() {
        let (mut a, mut b) = (Peers::new(A), Peers::new(B));
        (1..=2).for_each(|i| a.tell(B, payload(i)));
        b.receive(NOW, &sent(&mut a)[1]);
        let _ = told(&mut b);
        b.beat(NOW, &[B]);
        assert!(told(&mut b).2);
    }

    #[test]
    fn when_a_node_is_gone_the_others_recheck() {
        let mut b = Peers::new(B);
        b.beat(NOW, &[A, B]);
        assert!(!told(&mut b).2);
        b.beat(NOW, &[B]);
        assert!(
            told(&mut b).2,
            "it may have appended what it could no longer tell"
        );
    }

    #[test]
    fn what_left_the_ring_is_lost_and_said() {
        let (mut a, mut b) = (Peers::new(A), Peers::new(B));
        (1..=RING as u64 + 2).for_each(|i| a.tell(B, payload(i)));
        let frames = sent(&mut a);
        b.receive(NOW, frames.last().unwrap());
        for ask in told(&mut b).1 {
            a.receive(NOW, &ask);
        }
        sent(&mut a).iter().for_each(|frame| b.receive(NOW, frame));
        assert!(told(&mut b).2, "the oldest numbers are gone");
    }
}
