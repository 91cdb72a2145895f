//! The clients' side: what people do, and what carries out their machines.

use messenger_core::client::{Change, ReplicaOutput, Request};
use messenger_core::id::{Cmid, ConversationId, Seq, SessionId};
use messenger_core::model::{Created, History, Message, Reaction, Retention, Retraction};
use messenger_core::wire::{
    AddMembers, ClientFrame, CloseCode, Hello, Leave, MembersChange, Ping, RemoveMember,
    SendContent, ServerFrame,
};

use super::node::served;
use super::person::Dialled;
use super::{Event, World};

/// A link takes this long at most, in each direction.
const LATENCY_MS: u64 = 40;

impl World {
    /// Somebody does something; or something breaks.
    pub(super) fn act(&mut self) {
        match self.rng.below(20) {
            0 => {
                let person = self.rng.below(self.people.len() as u64) as usize;
                self.at(0, Event::Crash { person });
            }
            1 => {
                let node = self.rng.below(self.nodes.len() as u64) as usize;
                self.at(0, Event::Die { node });
            }
            2..=4 => {
                let person = self.rng.below(self.people.len() as u64) as usize;
                if let Some(link) = self.people[person].link {
                    self.report.cuts += 1;
                    self.cut(person, link.session);
                }
            }
            _ => self.send_something(),
        }
    }

    fn send_something(&mut self) {
        let person = self.rng.below(self.people.len() as u64) as usize;
        let burst = 1 + self.rng.below(5);
        let conversation = self.some_conversation(person);
        for _ in 0..burst {
            let request = self.some_request(person, &conversation);
            self.send(person, conversation.clone(), request);
        }
        if self.rng.once_in(3) {
            let now = self.now;
            let replica = &mut self.people[person].replica;
            if let Some(cursor) = replica.inbox().record(&conversation).map(|r| r.cursor) {
                replica.read(now, &conversation, cursor, false);
            }
            self.drive(person);
        }
    }

    fn some_conversation(&mut self, person: usize) -> ConversationId {
        let me = self.people[person].user.clone();
        if self.rng.once_in(3) {
            if self.groups.is_empty() || self.rng.once_in(10) {
                return self.create_group(person);
            }
            return self.rng.pick(&self.groups).clone();
        }
        let other = self.rng.below(self.people.len() as u64) as usize;
        ConversationId::direct(&me, &self.people[other].user)
    }

    fn create_group(&mut self, person: usize) -> ConversationId {
        let bytes = self.rng.bytes();
        let id = ConversationId::group(Cmid::from_parts(self.now, bytes).as_uuid());
        let me = self.people[person].user.clone();
        let mut members: Vec<_> = self.people.iter().map(|p| p.user.clone()).collect();
        members.dedup();
        members.retain(|user| *user != me);
        if self.rng.once_in(2) {
            members.pop();
        }
        let request = Request::Create(Created {
            title: "Gruppe 🏔".to_owned(),
            members,
            retention: Retention::Keep,
            history: if self.rng.once_in(2) {
                History::All
            } else {
                History::None
            },
        });
        self.groups.push(id.clone());
        self.send(person, id.clone(), request);
        id
    }

    fn some_request(&mut self, person: usize, conversation: &ConversationId) -> Request {
        let record = self.people[person].replica.inbox().record(conversation);
        let head = record.map_or(0, |record| record.cursor.get());
        let target = Seq(1 + self.rng.below(head.max(1)));
        let other = self.rng.below(self.people.len() as u64) as usize;
        let other = self.people[other].user.clone();
        let is_group = conversation.pair().is_none();
        match self.rng.below(12) {
            0 if head > 0 => Request::Send(Retraction { target }.into()),
            1 if head > 0 => Request::Send(
                Reaction {
                    target,
                    emoji: "👍🏽".to_owned(),
                    set: self.rng.once_in(2),
                }
                .into(),
            ),
            2 if is_group => {
                Request::Members(MembersChange::Add(AddMembers { users: vec![other] }))
            }
            3 if is_group => Request::Members(MembersChange::Remove(RemoveMember { user: other })),
            4 if is_group => Request::Members(MembersChange::Leave(Leave { successor: None })),
            _ => {
                let number = self.rng.below(1_000_000);
                let text = format!("{number} שלום a\u{301} 👩‍👩‍👧‍👦");
                Request::Send(SendContent::Message(Message::text(text)))
            }
        }
    }

    fn send(&mut self, person: usize, conversation: ConversationId, request: Request) {
        let cmid = Cmid::from_parts(self.now, self.rng.bytes());
        let now = self.now;
        let me = &mut self.people[person];
        me.sent.push((conversation.clone(), cmid));
        me.replica.send(now, cmid, conversation, request);
        self.drive(person);
    }

    /// Carries out what a client's machine wants.
    pub(super) fn drive(&mut self, person: usize) {
        while let Some(output) = self.people[person].replica.poll() {
            let life = self.people[person].life;
            match output {
                ReplicaOutput::Store { ticket, changes } => self.at(
                    3,
                    Event::Stored {
                        person,
                        life,
                        ticket,
                        changes,
                    },
                ),
                ReplicaOutput::Load {
                    conversation,
                    above,
                } => self.at(
                    3,
                    Event::Load {
                        person,
                        life,
                        conversation,
                        above,
                    },
                ),
                ReplicaOutput::Hello(hello) => self.connect(person, *hello),
                ReplicaOutput::Transmit(frame) => self.send_up(person, frame),
                _ => {}
            }
        }
    }

    pub(super) fn stored(&mut self, person: usize, life: u64, ticket: u64, changes: &[Change]) {
        if self.people[person].life != life {
            return;
        }
        for change in changes {
            self.never_back(person, change);
            self.people[person].image.apply(change);
        }
        let now = self.now;
        self.people[person].replica.stored(now, ticket);
        self.drive(person);
    }

    /// Nothing that a device has stored falls: not its cursor, not the marks of others (MARK-3).
    fn never_back(&mut self, person: usize, change: &Change) {
        let Change::Conversation(record) = change else {
            return;
        };
        let me = &mut self.people[person];
        for (user, marks) in &record.others {
            let key = (record.id.clone(), user.clone());
            let seen = me.seen_marks.entry(key).or_default();
            assert!(
                marks.delivered >= seen.0 && marks.read >= seen.1,
                "{}: marks of {user} in {} fell from {seen:?} to {marks:?}",
                me.name,
                record.id
            );
            *seen = (marks.delivered, marks.read);
        }
    }

    pub(super) fn load(
        &mut self,
        person: usize,
        life: u64,
        conversation: &ConversationId,
        above: Seq,
    ) {
        let now = self.now;
        let me = &mut self.people[person];
        if me.life != life {
            return;
        }
        let all = above.next()..=Seq(u64::MAX);
        let entries = me.image.entries(conversation, all, usize::MAX);
        me.replica.loaded(now, conversation, &entries);
        self.drive(person);
    }

    pub(super) fn dial(&mut self, person: usize, life: u64) {
        let me = &mut self.people[person];
        if me.life != life || me.link.is_some() || me.ended {
            return;
        }
        me.attempts += 1;
        me.replica.begin();
        self.drive(person);
    }

    /// The generation is durable: the link goes up, to any node.
    fn connect(&mut self, person: usize, hello: Hello) {
        let node = self.rng.below(self.nodes.len() as u64) as usize;
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let life = self.nodes[node].life;
        let link = served(session, &self.links, self.now);
        self.nodes[node].node.links.insert(session, link);
        let token = self.people[person].user.as_str().to_owned();
        self.people[person].link = Some(Dialled {
            node,
            node_life: life,
            session,
            welcomed: false,
        });
        if !self.nodes[node].node.leased {
            return self.at(LATENCY_MS, Event::Cut { person, session });
        }
        self.send_up(person, ClientFrame::Hello(Hello { token, ..hello }));
    }

    fn send_up(&mut self, person: usize, frame: ClientFrame) {
        let Some(link) = self.people[person].link else {
            return;
        };
        self.at(
            LATENCY_MS,
            Event::Up {
                node: link.node,
                life: link.node_life,
                session: link.session,
                frame: Box::new(frame),
            },
        );
    }

    pub(super) fn send_down(&mut self, session: SessionId, frame: ServerFrame) {
        if let Some(person) = self.person_of(session) {
            self.at(
                LATENCY_MS,
                Event::Down {
                    person,
                    session,
                    frame: Box::new(frame),
                },
            );
        }
    }

    fn person_of(&self, session: SessionId) -> Option<usize> {
        let is_of = |person: &super::Person| person.link.is_some_and(|l| l.session == session);
        self.people.iter().position(is_of)
    }

    pub(super) fn down(&mut self, person: usize, session: SessionId, frame: &ServerFrame) {
        let now = self.now;
        let me = &mut self.people[person];
        let Some(link) = me.link.as_mut().filter(|link| link.session == session) else {
            return;
        };
        let frame = ServerFrame::from_cbor(&frame.to_cbor()).expect("a frame survives its codec");
        if matches!(frame, ServerFrame::Welcome(_)) {
            link.welcomed = true;
            me.attempts = 0;
        }
        if let ServerFrame::Error(error) = &frame
            && let Some(current) = error.current
        {
            me.replica.generation_stale(current);
        }
        me.replica
            .frame(now, &frame)
            .expect("the storage is this user's");
        self.drive(person);
    }

    pub(super) fn closed_by_server(&mut self, session: SessionId, code: CloseCode) {
        let Some(person) = self.person_of(session) else {
            return;
        };
        self.people[person].ended |= matches!(code, CloseCode::DeviceRevoked | CloseCode::Banned);
        self.at(LATENCY_MS, Event::Cut { person, session });
    }

    /// The client notices that the link is gone; the server notices by itself.
    pub(super) fn cut(&mut self, person: usize, session: SessionId) {
        let now = self.now;
        let me = &mut self.people[person];
        if me.link.is_none_or(|link| link.session != session) {
            return;
        }
        me.link = None;
        me.replica.disconnected(now);
        let (life, attempts) = (me.life, me.attempts.min(5));
        self.drive(person);
        let after = self.rng.below(100 << attempts);
        self.at(after, Event::Dial { person, life });
    }

    pub(super) fn tick(&mut self, person: usize, life: u64) {
        if self.people[person].life != life {
            return;
        }
        let now = self.now;
        self.people[person].replica.tick(now);
        self.drive(person);
        if self.people[person].link.is_some_and(|link| link.welcomed) && self.rng.once_in(10) {
            self.send_up(person, ClientFrame::Ping(Ping { id: None }));
        }
        self.at(1_000, Event::Tick { person, life });
    }

    pub(super) fn crash(&mut self, person: usize) {
        self.report.crashes += 1;
        self.people[person].crash();
        let life = self.people[person].life;
        let after = self.rng.below(4_000);
        self.at(after, Event::Dial { person, life });
        self.at(after, Event::Tick { person, life });
    }
}
