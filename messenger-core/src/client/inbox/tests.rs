//! A replica against a naive server: one list per conversation, pushed, cut, repeated, lost.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::client::{Change, Event, Image, Replica, ReplicaOutput, Request, Tick};
use crate::id::{Cmid, ConversationId, DeviceId, Epoch, Ordinal, Seq, SessionId, UserId};
use crate::limits::Limits;
use crate::model::{Content, Entry, Message, Policy, Role, Setting};
use crate::time::Timestamp;
use crate::wire::{
    Accepted, CaughtUp, ClientFrame, ConversationFrame, Entries, Gap, GapReason, KindName,
    MarksFrame, MemberEntry, OwnMarks, Page, ServerFrame, Unread, UserMark, Welcome,
};

const START: Timestamp = Timestamp(1_790_000_000_000);

fn anna() -> UserId {
    UserId::parse("anna").unwrap()
}

fn talk(number: u8) -> ConversationId {
    ConversationId::parse(&format!("anna/ben{number}")).unwrap()
}

fn cmid(number: u64) -> Cmid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Cmid::from_parts(START, random)
}

/// One conversation as the server has it; `None` is an entry hidden from anna.
#[derive(Default, Clone)]
struct Log {
    entries: Vec<Option<(UserId, Cmid)>>,
    acked: u64,
    kept: Option<u64>,
}

impl Log {
    fn entry(&self, seq: u64) -> Option<Entry> {
        let (sender, cmid) = self.entries[seq as usize - 1].clone()?;
        Some(Entry {
            seq: Seq(seq),
            sender,
            cmid,
            time: START.plus(Duration::from_secs(seq)),
            ordinal: Ordinal(seq),
            content: Content::Message(Message::text("x")),
        })
    }

    fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The frames for a range, as a push or an answer to `history`.
    fn frames(&self, id: &ConversationId, from: u64, to: u64, re: Option<u64>) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        for seq in (from..=to).filter(|&seq| self.entry(seq).is_none()) {
            frames.push(ServerFrame::Gap(Gap {
                conversation: id.clone(),
                from: Seq(seq),
                to: Seq(seq),
                reason: GapReason::Right,
            }));
        }
        frames.push(ServerFrame::Entries(Entries {
            conversation: id.clone(),
            entries: (from..=to).filter_map(|seq| self.entry(seq)).collect(),
            re,
            overlays: Vec::new(),
            more: false,
        }));
        frames
    }

    fn describe(&self, id: &ConversationId, re: Option<u64>) -> ServerFrame {
        ServerFrame::Conversation(Box::new(ConversationFrame {
            re,
            conversation: id.clone(),
            kind: KindName::Direct,
            title: None,
            base: Seq(1),
            head: Seq(self.head()),
            ordinal: Ordinal(self.head()),
            from: Seq(1),
            member: true,
            role: None,
            last: None,
            members: [id.pair().unwrap().0, id.pair().unwrap().1]
                .map(|user| MemberEntry {
                    user,
                    role: Role::Member,
                    from: Seq(1),
                })
                .to_vec(),
            member_count: 2,
            policy: Policy::default(),
            own: OwnMarks {
                acked: Some(Seq(self.acked)),
                ..OwnMarks::default()
            },
            marks: Vec::new(),
            unread: Unread::default(),
            setting: Setting::default(),
            kept: self.kept.map(Seq),
        }))
    }
}

/// A client with its storage and its link, and the server, moved one step at a time.
struct World {
    now: Timestamp,
    replica: Replica,
    image: Image,
    unstored: Vec<(u64, Vec<Change>)>,
    link: Option<Vec<ServerFrame>>,
    logs: BTreeMap<ConversationId, Log>,
    epoch: u64,
    sent: u64,
    told: BTreeMap<ConversationId, Vec<u64>>,
}

impl World {
    fn new() -> Self {
        Self {
            now: START,
            replica: Replica::new(Image::default().saved(), "a key of this device"),
            image: Image::default(),
            unstored: Vec::new(),
            link: None,
            logs: BTreeMap::new(),
            epoch: 1,
            sent: 0,
            told: BTreeMap::new(),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.replica.poll() {
            match output {
                ReplicaOutput::Store { ticket, changes } => self.unstored.push((ticket, changes)),
                ReplicaOutput::Load {
                    conversation,
                    above,
                } => {
                    self.store_all_before();
                    let range = above.next()..=Seq(u64::MAX);
                    let entries = self.image.entries(&conversation, range, usize::MAX);
                    self.replica.loaded(self.now, &conversation, &entries);
                }
                ReplicaOutput::Hello(_) => self.welcome(),
                ReplicaOutput::Transmit(frame) => self.serve(&frame),
                ReplicaOutput::Event(event) => self.told(event),
            }
        }
    }

    /// A storage reads what all changes before have made; their answers come later.
    fn store_all_before(&mut self) {
        for (_, changes) in &mut self.unstored {
            for change in std::mem::take(changes) {
                self.image.apply(&change);
            }
        }
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::Entry {
                conversation,
                entry,
            } => self.told.entry(conversation).or_default().push(entry.seq.0),
            Event::Dropped { conversation, kept } => {
                self.told
                    .entry(conversation)
                    .or_default()
                    .retain(|&seq| seq <= kept.0);
            }
            _ => {}
        }
    }

    fn connect(&mut self) {
        if self.link.is_none() {
            self.replica.begin();
            self.link = Some(Vec::new());
            self.drain();
        }
    }

    fn welcome(&mut self) {
        let Some(link) = &mut self.link else { return };
        let restored = self
            .replica
            .session()
            .epoch
            .is_some_and(|epoch| epoch.0 != self.epoch);
        link.push(ServerFrame::Welcome(Welcome {
            session: SessionId(1),
            user: anna(),
            device: Some(DeviceId(1)),
            epoch: Epoch(self.epoch),
            durability: "memory".into(),
            limits: Limits::default(),
            heartbeat_ms: 20_000,
            recheck_ms: 60_000,
            server_time: self.now,
            capabilities: Vec::new(),
        }));
        if restored {
            link.push(ServerFrame::Reset(crate::wire::Reset {
                epoch: Epoch(self.epoch),
            }));
        }
        for (page, (id, log)) in (1..).zip(&self.logs) {
            let mut described = log.clone();
            described.kept = log.kept.filter(|_| restored);
            described.acked = log.acked.min(described.kept.unwrap_or(u64::MAX));
            link.push(described.describe(id, None));
            link.extend(log.frames(id, described.acked + 1, log.head(), None));
            link.push(ServerFrame::Page(Page { page }));
        }
        link.push(ServerFrame::CaughtUp(CaughtUp {
            since: format!("{}", self.now.0),
        }));
    }

    fn serve(&mut self, frame: &ClientFrame) {
        let Some(link) = &mut self.link else {
            panic!("{} was sent without a link", frame.tag());
        };
        match frame {
            ClientFrame::Ack(ack) => {
                for mark in &ack.marks {
                    let log = self.logs.get_mut(&mark.conversation).expect("it is known");
                    let record = &self.image.saved().conversations[&mark.conversation];
                    assert!(mark.seq <= record.cursor, "acked before it was stored");
                    assert!(mark.seq.0 <= log.head(), "acked above the head");
                    log.acked = log.acked.max(mark.seq.0);
                }
            }
            ClientFrame::History(request) => {
                let log = &self.logs[&request.conversation];
                let after = request.after.expect("an inbox pulls upwards").0;
                let frames = log.frames(&request.conversation, after + 1, log.head(), request.id);
                link.extend(frames);
            }
            ClientFrame::Open(open) => {
                let log = self.logs.entry(open.conversation.clone()).or_default();
                link.push(log.describe(&open.conversation, open.id));
            }
            ClientFrame::Send(send) => {
                let log = self.logs.entry(send.conversation.clone()).or_default();
                let claim = (anna(), send.cmid);
                let found = log.entries.iter().position(|e| e.as_ref() == Some(&claim));
                let index = found.unwrap_or_else(|| {
                    log.entries.push(Some(claim));
                    log.entries.len() - 1
                });
                link.push(ServerFrame::Accepted(Accepted {
                    conversation: send.conversation.clone(),
                    cmid: send.cmid,
                    seq: Seq(index as u64 + 1),
                    time: self.now,
                    ordinal: Ordinal(index as u64 + 1),
                    re: send.id,
                    duplicate: found.is_some(),
                }));
            }
            ClientFrame::Confirm(_) | ClientFrame::Read(_) => {}
            other => panic!("unexpected {}", other.tag()),
        }
    }

    fn append(&mut self, to: u8, hidden: bool, lost: bool) {
        self.sent += 1;
        let ben = UserId::parse(&format!("ben{to}")).unwrap();
        let log = self.logs.entry(talk(to)).or_default();
        log.entries.push((!hidden).then(|| (ben, cmid(self.sent))));
        if let Some(link) = &mut self.link
            && !lost
            && !link.is_empty()
        {
            link.extend(log.frames(&talk(to), log.head(), log.head(), None));
        }
    }

    fn send(&mut self, to: u8) {
        self.sent += 1;
        let request = Request::Send(Message::text("x").into());
        self.replica
            .send(self.now, cmid(self.sent), talk(to), request);
        self.drain();
    }

    fn deliver(&mut self) {
        if let Some(link) = &mut self.link
            && !link.is_empty()
        {
            let frame = link.remove(0);
            self.replica.frame(self.now, &frame).expect("it is anna's");
            self.drain();
        }
    }

    fn store(&mut self) {
        if self.unstored.is_empty() {
            return;
        }
        let (ticket, changes) = self.unstored.remove(0);
        for change in changes {
            self.image.apply(&change);
        }
        self.replica.stored(self.now, ticket);
        self.drain();
    }

    fn cut(&mut self) {
        if self.link.take().is_some() {
            self.replica.disconnected(self.now);
            self.drain();
        }
    }

    fn crash(&mut self) {
        self.link = None;
        self.unstored.clear();
        self.replica = Replica::new(self.image.saved(), "another key");
        // What is stored and was not told before the crash is found by reading the storage.
        for (id, record) in self.image.saved().conversations {
            let stored = self
                .image
                .entries(&id, record.start..=record.cursor, usize::MAX);
            self.told
                .insert(id, stored.iter().map(|e| e.seq.0).collect());
        }
    }

    /// The server comes back from a backup: every log is shorter, and the epoch is another one.
    fn restore(&mut self, lost: usize) {
        self.cut();
        self.epoch += 1;
        for log in self.logs.values_mut() {
            log.entries.truncate(log.entries.len().saturating_sub(lost));
            log.kept = Some(log.kept.unwrap_or(u64::MAX).min(log.head()));
            log.acked = log.acked.min(log.head());
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.replica.tick(self.now);
        self.drain();
    }

    fn rest(&mut self) {
        self.cut();
        self.connect();
        for _ in 0..2_000 {
            self.store();
            self.deliver();
            self.wait(50);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append { to: u8, hidden: bool, lost: bool },
    Send(u8),
    Deliver,
    Store,
    Connect,
    Cut,
    Crash,
    Restore(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..2, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(to, hidden, lost)| Step::Append { to, hidden, lost }),
        4 => (0u8..2).prop_map(Step::Send),
        12 => Just(Step::Deliver),
        10 => Just(Step::Store),
        4 => Just(Step::Connect),
        1 => Just(Step::Cut),
        1 => Just(Step::Crash),
        1 => (0usize..4).prop_map(Step::Restore),
        3 => (0u64..3_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn the_storage_becomes_the_log_and_everything_is_told_once_and_in_order(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Append { to, hidden, lost } => world.append(to, hidden, lost),
                Step::Send(to) => world.send(to),
                Step::Deliver => world.deliver(),
                Step::Store => world.store(),
                Step::Connect => world.connect(),
                Step::Cut => world.cut(),
                Step::Crash => world.crash(),
                Step::Restore(lost) => world.restore(lost),
                Step::Wait(millis) => world.wait(millis),
            }
        }
        world.rest();
        prop_assert!(world.replica.inbox().is_live());
        prop_assert_eq!(world.replica.outbox().unanswered(), 0);
        for (id, log) in &world.logs {
            let visible: Vec<Entry> = (1..=log.head()).filter_map(|seq| log.entry(seq)).collect();
            let stored = world.image.entries(id, Seq(1)..=Seq(u64::MAX), usize::MAX);
            let key = |e: &Entry| (e.seq.0, e.sender.clone(), e.cmid);
            prop_assert_eq!(stored.iter().map(key).collect::<Vec<_>>(), visible.iter().map(key).collect::<Vec<_>>());
            let seqs: Vec<u64> = visible.iter().map(|e| e.seq.0).collect();
            prop_assert_eq!(world.told.get(id).cloned().unwrap_or_default(), seqs);
            prop_assert_eq!(log.acked, log.head());
            let mut own: Vec<Cmid> = visible.iter().map(|e| e.cmid).collect();
            own.sort();
            own.dedup();
            prop_assert_eq!(own.len(), visible.len(), "a cmid is in the log twice");
        }
        prop_assert_eq!(&world.image.saved().session, world.replica.session());
        prop_assert_eq!(world.replica.session().epoch, Some(Epoch(world.epoch)));
    }
}

#[test]
fn the_generation_is_durable_before_hello_is_sent() {
    let mut replica = Replica::new(Image::default().saved(), "a key of this device");
    replica.begin();
    let Some(ReplicaOutput::Store { ticket, changes }) = replica.poll() else {
        panic!("nothing to store");
    };
    assert_eq!(replica.poll(), None);
    let [Change::Session(session)] = &changes[..] else {
        panic!("no session in {changes:?}");
    };
    replica.stored(START, ticket);
    let Some(ReplicaOutput::Hello(hello)) = replica.poll() else {
        panic!("no hello");
    };
    assert_eq!(hello.generation, session.generation);
    assert_eq!(hello.register.as_deref(), Some("a key of this device"));
}

#[test]
fn a_storage_of_another_user_is_refused() {
    let mut world = World::new();
    world.connect();
    world.store();
    world.deliver();
    let mut image = world.image.clone();
    world.store_all_before();
    image.clone_from(&world.image);
    let mut session = image.saved().session;
    session.user = Some(UserId::parse("cleo").unwrap());
    image.apply(&Change::Session(session));
    world.image = image;
    world.crash();
    world.connect();
    world.store();
    let welcome = world.link.as_ref().unwrap()[0].clone();
    assert!(world.replica.frame(START, &welcome).is_err());
}

#[test]
fn ticks_follow_the_marks_of_the_other() {
    let mut world = World::new();
    world.send(0);
    world.rest();
    let tick = |world: &World| {
        let record = world.replica.inbox().record(&talk(0)).unwrap();
        record
            .delivery(Seq(1), &Content::Message(Message::text("x")), &anna())
            .tick
    };
    assert_eq!(tick(&world), Tick::Sent);
    for (delivered, read, expected) in [(1, 0, Tick::Delivered), (0, 1, Tick::Read)] {
        let marks = MarksFrame {
            conversation: talk(0),
            re: None,
            marks: vec![UserMark {
                user: UserId::parse("ben0").unwrap(),
                delivered: Seq(delivered),
                read: Seq(read),
            }],
            own: None,
            unread: None,
        };
        world
            .replica
            .frame(START, &ServerFrame::Marks(marks))
            .unwrap();
        assert_eq!(tick(&world), expected);
    }
}

#[test]
fn reading_lowers_the_unread_number_and_is_repeated_until_the_server_confirms_it() {
    let mut world = World::new();
    for _ in 0..3 {
        world.append(0, false, false);
    }
    world.rest();
    let unread = |world: &World| world.replica.inbox().unread(&talk(0)).count;
    assert_eq!(unread(&world), 3);
    world.replica.read(world.now, &talk(0), Seq(2), false);
    assert_eq!(unread(&world), 1);
    world.drain();
    world.crash_after_storing();
    assert_eq!(unread(&world), 1);
    world.link = Some(Vec::new());
    world.replica.begin();
    let mut reads = 0;
    for _ in 0..100 {
        while let Some(output) = world.replica.poll() {
            match output {
                ReplicaOutput::Transmit(ClientFrame::Read(read)) => {
                    assert_eq!(read.seq, Seq(2));
                    reads += 1;
                }
                ReplicaOutput::Transmit(frame) => world.serve(&frame),
                ReplicaOutput::Store { ticket, .. } => world.replica.stored(START, ticket),
                ReplicaOutput::Hello(_) => world.welcome(),
                _ => {}
            }
        }
        if let Some(link) = &mut world.link
            && !link.is_empty()
        {
            let frame = link.remove(0);
            world.replica.frame(START, &frame).unwrap();
        }
    }
    assert!(reads >= 1);
}

impl World {
    fn crash_after_storing(&mut self) {
        while !self.unstored.is_empty() {
            self.store();
        }
        self.crash();
    }
}
