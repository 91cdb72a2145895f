//! A whole world from one seed: nodes, clients with several devices, stores that fail, hints that are lost, links that are cut.
//!
//! ```text
//!   people ── frames, cut at any moment ── nodes (sessions, conversations, peers) ── store calls that fail or kill ── memory store
//!      └ storage that survives a crash         └ hints, lost and reordered ┘
//!
//!   trouble for a virtual minute ──► rest: nothing fails any more ──► everybody must agree
//! ```
//!
//! Everything runs over the pure machines on virtual time. The same seed is the same world, so a world that fails is a test.

mod chance;
mod check;
mod clients;
mod flaky;
mod node;
mod person;
mod servers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messenger_core::client::Change;
use messenger_core::conversation;
use messenger_core::id::{ConversationId, Epoch, NodeId, SessionId, UserId};
use messenger_core::limits::Limits;
use messenger_core::memory::Memory;
use messenger_core::node::Payload;
use messenger_core::session;
use messenger_core::store::Backend;
use messenger_core::time::Timestamp;
use messenger_core::wire::{ClientFrame, ServerFrame};

pub use check::Disagreement;

use chance::Rng;
use flaky::Faults;
use node::Node;
use person::Person;

/// When the world begins.
const BEGIN: Timestamp = Timestamp(1_790_000_000_000);
/// How long there is trouble.
const TROUBLE: Duration = Duration::from_secs(60);
/// How long the world rests before everybody must agree: past the heartbeats, the backoff and the recheck.
const REST: Duration = Duration::from_secs(200);

/// What became of a world in which everybody agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Entries in all logs.
    pub entries: usize,
    /// Nodes that died.
    pub deaths: usize,
    /// Client programs that died.
    pub crashes: usize,
    /// Links that were cut.
    pub cuts: usize,
    /// Hints that were lost.
    pub lost_hints: usize,
}

/// Runs the world of a seed.
///
/// # Errors
/// The first [`Disagreement`] that is found after the rest.
pub fn run(seed: u64) -> Result<Report, Disagreement> {
    let mut world = World::new(seed);
    world.live();
    world.check()?;
    Ok(world.report)
}

struct World {
    rng: Rng,
    now: Timestamp,
    truth: Backend,
    nodes: Vec<Slot>,
    people: Vec<Person>,
    groups: Vec<ConversationId>,
    events: BTreeMap<(Timestamp, u64), Event>,
    order: u64,
    sessions: u64,
    conversations: Arc<conversation::Config>,
    links: Arc<session::Config>,
    resting: bool,
    report: Report,
}

/// A place where a node runs, one life after the other.
struct Slot {
    life: u64,
    node: Node,
}

/// What happens at a moment.
enum Event {
    /// A user does something.
    Act,
    /// A node's second has passed.
    Beat { node: usize, life: u64 },
    /// Something for a conversation of a node.
    Conversation {
        node: usize,
        life: u64,
        conversation: ConversationId,
        input: Box<conversation::Input>,
    },
    /// A store request is carried out.
    Perform {
        node: usize,
        life: u64,
        conversation: ConversationId,
        ticket: conversation::Ticket,
        request: Box<conversation::Request>,
    },
    /// Something for a session.
    Session {
        node: usize,
        life: u64,
        session: SessionId,
        input: Box<session::Input>,
    },
    /// A call of a session is carried out.
    Call {
        node: usize,
        life: u64,
        session: SessionId,
        call: Box<session::Output>,
    },
    /// Hints of conversations are sent to the nodes of users.
    Publish {
        node: usize,
        life: u64,
        users: Arc<[UserId]>,
        payload: Box<Payload>,
    },
    /// A frame of a peer arrives.
    Peer { to: NodeId, frame: bytes::Bytes },
    /// A frame arrives at a node.
    Up {
        node: usize,
        life: u64,
        session: SessionId,
        frame: Box<ClientFrame>,
    },
    /// A frame arrives at a client.
    Down {
        person: usize,
        session: SessionId,
        frame: Box<ServerFrame>,
    },
    /// A client notices that its link is gone.
    Cut { person: usize, session: SessionId },
    /// A client connects.
    Dial { person: usize, life: u64 },
    /// A client's second has passed.
    Tick { person: usize, life: u64 },
    /// A client's storage has made changes durable.
    Stored {
        person: usize,
        life: u64,
        ticket: u64,
        changes: Vec<Change>,
    },
    /// A client's storage is read.
    Load {
        person: usize,
        life: u64,
        conversation: ConversationId,
        above: messenger_core::id::Seq,
    },
    /// A client program dies.
    Crash { person: usize },
    /// A node dies.
    Die { node: usize },
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let memory = Memory::new(Epoch(1 + rng.below(1 << 40)));
        let truth = memory.backend();
        let limits = Limits {
            frames_burst: 10_000,
            sends_burst: 10_000,
            // Small, so that pages, holes and full windows happen in a short life.
            page_entries: 5 + rng.below(20),
            drafts_per_append: 1 + rng.below(8),
            ..Limits::default()
        };
        let info = truth.messages.info();
        let links = Arc::new(session::Config {
            limits: limits.clone(),
            epoch: info.epoch,
            durability: info.durability.as_str(),
            recheck: Duration::from_secs(60),
        });
        let conversations = Arc::new(conversation::Config {
            limits,
            digest_key: [7; 16],
        });
        let mut world = Self {
            now: BEGIN,
            truth,
            nodes: Vec::new(),
            people: Vec::new(),
            groups: Vec::new(),
            events: BTreeMap::new(),
            order: 0,
            sessions: 0,
            conversations,
            links,
            resting: false,
            report: Report {
                entries: 0,
                deaths: 0,
                crashes: 0,
                cuts: 0,
                lost_hints: 0,
            },
            rng,
        };
        world.people_world();
        world
    }

    fn people_world(&mut self) {
        for _ in 0..1 + self.rng.below(3) {
            let node = self.fresh_node();
            self.nodes.push(Slot { life: 0, node });
            let index = self.nodes.len() - 1;
            self.at(
                0,
                Event::Beat {
                    node: index,
                    life: 0,
                },
            );
        }
        for name in ["anna", "ben", "cleo", "dora"]
            .iter()
            .take(2 + self.rng.below(3) as usize)
        {
            let user = UserId::parse(name).expect("a short name is a user id");
            for device in 0..1 + self.rng.below(2) {
                self.people
                    .push(Person::new(user.clone(), format!("{name}{device}")));
                let person = self.people.len() - 1;
                let after = self.rng.below(5_000);
                self.at(after, Event::Dial { person, life: 0 });
                self.at(after, Event::Tick { person, life: 0 });
            }
        }
        let acts = 20 + self.rng.below(60);
        for _ in 0..acts {
            let when = self.rng.below(TROUBLE.as_millis() as u64);
            self.at(when, Event::Act);
        }
    }

    fn fresh_node(&mut self) -> Node {
        let id = NodeId(self.rng.next());
        let seed = self.rng.next();
        let faults = if self.resting {
            Faults::default()
        } else {
            Faults {
                refuse: 30 + self.rng.below(100),
                forget: 30 + self.rng.below(100),
                die: 300 + self.rng.below(2_000),
            }
        };
        Node::new(id, &self.truth, seed, faults)
    }

    /// Schedules an event after so many milliseconds; events of one moment happen in the order in which they were scheduled.
    fn at(&mut self, after_ms: u64, event: Event) {
        self.order += 1;
        let when = self.now.plus(Duration::from_millis(after_ms));
        self.events.insert((when, self.order), event);
    }

    fn live(&mut self) {
        self.pass(TROUBLE);
        self.rest();
        self.pass(REST);
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((when, _), event) = entry.remove_entry();
            self.now = when;
            self.happen(event);
        }
        self.now = end;
    }

    /// Nothing fails from here on.
    fn rest(&mut self) {
        self.resting = true;
        for slot in &self.nodes {
            slot.node.plan.heal();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Beat { node, life } => self.beat(node, life),
            Event::Conversation {
                node,
                life,
                conversation,
                input,
            } => self.tell_conversation(node, life, &conversation, *input),
            Event::Perform {
                node,
                life,
                conversation,
                ticket,
                request,
            } => self.perform(node, life, conversation, ticket, *request),
            Event::Session {
                node,
                life,
                session,
                input,
            } => self.tell_session(node, life, session, *input),
            Event::Call {
                node,
                life,
                session,
                call,
            } => self.call(node, life, session, *call),
            Event::Publish {
                node,
                life,
                users,
                payload,
            } => self.publish(node, life, &users, *payload),
            Event::Peer { to, frame } => self.peer(to, &frame),
            Event::Up {
                node,
                life,
                session,
                frame,
            } => {
                let input = session::Input::Received {
                    bytes: frame.to_cbor().len(),
                    frame: ClientFrame::from_cbor(&frame.to_cbor()).map(Box::new),
                };
                self.tell_session(node, life, session, input);
            }
            Event::Down {
                person,
                session,
                frame,
            } => self.down(person, session, &frame),
            Event::Cut { person, session } => self.cut(person, session),
            Event::Dial { person, life } => self.dial(person, life),
            Event::Tick { person, life } => self.tick(person, life),
            Event::Stored {
                person,
                life,
                ticket,
                changes,
            } => self.stored(person, life, ticket, &changes),
            Event::Load {
                person,
                life,
                conversation,
                above,
            } => self.load(person, life, &conversation, above),
            Event::Crash { person } => self.crash(person),
            Event::Die { node } => self.die(node),
        }
    }
}
