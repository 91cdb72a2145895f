//! The outbox against a naive server: a list per conversation, and a plain look-up for claims.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::client::Request;
use crate::id::Ordinal;
use crate::limits::OUTBOX_MAX_AGE;
use crate::model::{Created, Message};

const START: Timestamp = Timestamp(1_790_000_000_000);

fn talk(number: u8) -> ConversationId {
    ConversationId::parse(&format!("anna/ben{number}")).unwrap()
}

fn cmid(number: u64) -> Cmid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Cmid::from_parts(START, random)
}

fn record(number: u64, conversation: ConversationId, request: Request) -> OutgoingRecord {
    OutgoingRecord {
        cmid: cmid(number),
        conversation,
        request,
        queued_at: START,
        order: 0,
        failure: None,
        maybe_sent: false,
    }
}

fn message(number: u64, conversation: ConversationId) -> OutgoingRecord {
    record(
        number,
        conversation,
        Request::Send(Message::text("x").into()),
    )
}

fn frame_key(frame: &ClientFrame) -> (ConversationId, Cmid, Option<Cmid>) {
    match frame {
        ClientFrame::Send(send) => (send.conversation.clone(), send.cmid, send.after_cmid),
        ClientFrame::Create(create) => (create.conversation.clone(), create.cmid, None),
        other => panic!("an outbox does not send {}", other.tag()),
    }
}

fn refusal(conversation: &ConversationId, cmid: Cmid, code: Code) -> Rejected {
    Rejected {
        conversation: conversation.clone(),
        cmid,
        code,
        number: u64::from(code.number()),
        retriable: code.is_retriable(),
        message: String::new(),
        re: None,
        retry_after_ms: None,
        seq: None,
        field: None,
        limit: None,
    }
}

/// The client, its storage, its link and a naive server, moved one step at a time.
struct World {
    now: Timestamp,
    outbox: Outbox,
    stored: BTreeMap<Cmid, OutgoingRecord>,
    unstored: Vec<OutgoingRecord>,
    connected: bool,
    link: Vec<ClientFrame>,
    answers: Vec<Result<Accepted, Rejected>>,
    log: BTreeMap<ConversationId, Vec<Cmid>>,
    doomed: BTreeSet<Cmid>,
    sent_by_user: BTreeMap<ConversationId, Vec<Cmid>>,
    shown_failed: BTreeSet<Cmid>,
    most_under_way: usize,
}

impl World {
    fn new() -> Self {
        Self {
            now: START,
            outbox: Outbox::default(),
            stored: BTreeMap::new(),
            unstored: Vec::new(),
            connected: false,
            link: Vec::new(),
            answers: Vec::new(),
            log: BTreeMap::new(),
            doomed: BTreeSet::new(),
            sent_by_user: BTreeMap::new(),
            shown_failed: BTreeSet::new(),
            most_under_way: 0,
        }
    }

    fn send(&mut self, number: u64, to: u8, doomed: bool) {
        let record = message(number, talk(to));
        if doomed {
            self.doomed.insert(record.cmid);
        }
        self.outbox.send(self.now, record.clone());
        self.sent_by_user
            .entry(talk(to))
            .or_default()
            .push(record.cmid);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.outbox.poll() {
            match output {
                OutboxOutput::Store(record) => self.unstored.push(record),
                OutboxOutput::Transmit(frame) => {
                    let (_, cmid, _) = frame_key(&frame);
                    assert!(self.stored[&cmid].maybe_sent, "stored before it is sent");
                    assert!(self.connected, "sent without a session");
                    self.link.push(frame);
                }
                OutboxOutput::Changed { cmid, state, .. } => match state {
                    SendState::Failed(_) => {
                        self.shown_failed.insert(cmid);
                    }
                    SendState::Sending | SendState::Sent(_) => {}
                },
                OutboxOutput::Drop(_) | OutboxOutput::Renamed { .. } => {
                    panic!("no clock is wrong here")
                }
            }
        }
        self.most_under_way = self.most_under_way.max(self.link.len());
    }

    fn store_one(&mut self) {
        if self.unstored.is_empty() {
            return;
        }
        let record = self.unstored.remove(0);
        let cmid = record.cmid;
        self.stored.insert(cmid, record);
        self.outbox.stored(self.now, cmid);
        self.drain();
    }

    fn connect(&mut self) {
        if self.connected {
            return;
        }
        self.connected = true;
        self.outbox
            .connected(self.now, &Limits::default(), self.now);
        self.drain();
    }

    fn cut(&mut self) {
        self.connected = false;
        self.link.clear();
        self.answers.clear();
        self.outbox.disconnected();
        self.drain();
    }

    /// The client is killed and started again from its storage.
    fn crash(&mut self) {
        self.connected = false;
        self.link.clear();
        self.answers.clear();
        self.unstored.clear();
        self.sent_by_user
            .values_mut()
            .for_each(|sent| sent.retain(|cmid| self.stored.contains_key(cmid)));
        self.outbox = Outbox::new(self.stored.values().cloned().collect());
        self.drain();
    }

    /// The server reads one frame and answers as LOG-3 and LOG-5 say; `busy` refuses for a while.
    fn serve(&mut self, busy: bool) {
        if self.link.is_empty() {
            return;
        }
        let (conversation, cmid, after) = frame_key(&self.link.remove(0));
        let log = self.log.entry(conversation.clone()).or_default();
        let claim = log.iter().position(|claimed| *claimed == cmid);
        let answer = match claim {
            Some(index) => Ok((index, true)),
            None if busy => Err(Code::Unavailable),
            None if after.is_some_and(|after| !log.contains(&after)) => Err(Code::OrderGap),
            None if self.doomed.contains(&cmid) => Err(Code::Refused),
            None => {
                log.push(cmid);
                Ok((log.len() - 1, false))
            }
        };
        self.answers.push(match answer {
            Ok((index, duplicate)) => Ok(Accepted {
                conversation,
                cmid,
                seq: Seq(index as u64 + 1),
                time: self.now,
                ordinal: Ordinal(0),
                re: None,
                duplicate,
            }),
            Err(code) => Err(refusal(&conversation, cmid, code)),
        });
    }

    fn answer(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        match self.answers.remove(0) {
            Ok(accepted) => self.outbox.accepted(self.now, &accepted),
            Err(rejected) => self.outbox.rejected(self.now, &rejected),
        }
        self.drain();
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.outbox.tick(self.now);
        self.drain();
    }

    fn rest(&mut self) {
        for _ in 0..3_000 {
            self.connect();
            self.store_one();
            self.serve(false);
            self.answer();
            self.wait(1);
            if self.outbox.unanswered() == 0 {
                return;
            }
        }
        panic!("{} messages found no end", self.outbox.unanswered());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send { to: u8, doomed: bool },
    Store,
    Connect,
    Cut,
    Crash,
    Serve { busy: bool },
    Answer,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..2, prop::bool::weighted(0.15)).prop_map(|(to, doomed)| Step::Send { to, doomed }),
        6 => Just(Step::Store),
        3 => Just(Step::Connect),
        1 => Just(Step::Cut),
        1 => Just(Step::Crash),
        6 => prop::bool::weighted(0.2).prop_map(|busy| Step::Serve { busy }),
        6 => Just(Step::Answer),
        2 => (0u64..40).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn every_message_is_in_the_log_once_and_in_order_or_shown_as_refused(
        steps in proptest::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new();
        for (step, number) in steps.iter().zip(0u64..) {
            match *step {
                Step::Send { to, doomed } => world.send(number, to, doomed),
                Step::Store => world.store_one(),
                Step::Connect => world.connect(),
                Step::Cut => world.cut(),
                Step::Crash => world.crash(),
                Step::Serve { busy } => world.serve(busy),
                Step::Answer => world.answer(),
                Step::Wait(seconds) => world.wait(seconds),
            }
        }
        world.rest();
        for (conversation, sent) in &world.sent_by_user {
            let expected: Vec<Cmid> = sent.iter().filter(|c| !world.doomed.contains(c)).copied().collect();
            let log = world.log.get(conversation).cloned().unwrap_or_default();
            prop_assert_eq!(log, expected);
        }
        prop_assert!(world.shown_failed.is_subset(&world.doomed), "failed before the answer");
        prop_assert!(world.most_under_way <= 2 * Limits::default().in_flight_per_conversation as usize);
    }
}

/// An outbox with a session, whose stores are answered at once; gives what it transmits.
fn transmitted(outbox: &mut Outbox, now: Timestamp) -> Vec<ClientFrame> {
    let mut frames = Vec::new();
    while let Some(output) = outbox.poll() {
        match output {
            OutboxOutput::Store(record) => outbox.stored(now, record.cmid),
            OutboxOutput::Transmit(frame) => frames.push(frame),
            _ => {}
        }
    }
    frames
}

fn with_messages(count: u64) -> (Outbox, Vec<ClientFrame>) {
    let mut outbox = Outbox::default();
    outbox.connected(START, &Limits::default(), START);
    for number in 1..=count {
        outbox.send(START, message(number, talk(0)));
    }
    let frames = transmitted(&mut outbox, START);
    (outbox, frames)
}

#[test]
fn a_message_names_the_one_before_it_and_the_one_before_that_when_it_fails() {
    let (mut outbox, frames) = with_messages(3);
    let after: Vec<Option<Cmid>> = frames.iter().map(|frame| frame_key(frame).2).collect();
    assert_eq!(after, [None, Some(cmid(1)), Some(cmid(2))]);

    outbox.rejected(START, &refusal(&talk(0), cmid(2), Code::Refused));
    outbox.rejected(START, &refusal(&talk(0), cmid(3), Code::OrderGap));
    assert!(
        transmitted(&mut outbox, START).is_empty(),
        "1 is not answered"
    );
    let accepted = Accepted {
        conversation: talk(0),
        cmid: cmid(1),
        seq: Seq(1),
        time: START,
        ordinal: Ordinal(1),
        re: None,
        duplicate: false,
    };
    outbox.accepted(START, &accepted);
    let again = transmitted(&mut outbox, START);
    assert_eq!(
        again.iter().map(frame_key).collect::<Vec<_>>(),
        [(talk(0), cmid(3), None)]
    );
}

#[test]
fn no_more_messages_are_under_way_than_the_limit() {
    let (_, frames) = with_messages(40);
    assert_eq!(
        frames.len() as u64,
        Limits::default().in_flight_per_conversation
    );
}

#[test]
fn nothing_overtakes_the_beginning_of_a_group() {
    let mut outbox = Outbox::default();
    outbox.connected(START, &Limits::default(), START);
    let created = Created {
        title: "walk".into(),
        members: Vec::new(),
        retention: crate::model::Retention::Keep,
        history: crate::model::History::None,
    };
    outbox.send(START, record(1, talk(0), Request::Create(created)));
    outbox.send(START, message(2, talk(0)));
    assert_eq!(transmitted(&mut outbox, START).len(), 1);
    outbox.seen(START, cmid(1), Seq(1));
    assert_eq!(transmitted(&mut outbox, START).len(), 1);
}

#[test]
fn what_was_never_sent_expires_after_14_days_and_what_may_be_in_the_log_does_not() {
    let (mut outbox, _) = with_messages(1);
    outbox.disconnected();
    outbox.send(START, message(2, talk(1)));
    transmitted(&mut outbox, START);
    let late = START.plus(OUTBOX_MAX_AGE);
    assert_eq!(outbox.next_tick(), Some(late));
    outbox.tick(late);
    let shown = |to: u8| {
        outbox
            .of(&talk(to))
            .map(|(_, state)| state)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(0), [SendState::Sending]);
    assert_eq!(shown(1), [SendState::Failed(Failure::Expired)]);
}

#[test]
fn a_failed_message_that_is_seen_in_the_log_is_sent() {
    let (mut outbox, _) = with_messages(1);
    outbox.rejected(START, &refusal(&talk(0), cmid(1), Code::Refused));
    outbox.seen(START, cmid(1), Seq(9));
    let states: Vec<SendState> = outbox.of(&talk(0)).map(|(_, state)| state).collect();
    assert_eq!(states, [SendState::Sent(Seq(9))]);
}

#[test]
fn a_retriable_refusal_waits_as_long_as_the_server_says() {
    let (mut outbox, _) = with_messages(1);
    let refused = Rejected {
        retry_after_ms: Some(90_000),
        ..refusal(&talk(0), cmid(1), Code::RateLimited)
    };
    outbox.rejected(START, &refused);
    assert_eq!(
        outbox.next_tick(),
        Some(START.plus(Duration::from_secs(90)))
    );
    outbox.tick(START.plus(Duration::from_secs(89)));
    assert!(transmitted(&mut outbox, START).is_empty());
    outbox.tick(START.plus(Duration::from_secs(90)));
    assert_eq!(transmitted(&mut outbox, START).len(), 1);
}

#[test]
fn a_time_that_has_come_is_not_named_while_something_else_is_waited_for() {
    let (mut outbox, _) = with_messages(2);
    for (number, wait) in [(1, 90_000), (2, 10_000)] {
        let refused = Rejected {
            retry_after_ms: Some(wait),
            ..refusal(&talk(0), cmid(number), Code::RateLimited)
        };
        outbox.rejected(START, &refused);
    }
    outbox.tick(START.plus(Duration::from_secs(20)));
    assert_eq!(
        outbox.next_tick(),
        Some(START.plus(Duration::from_secs(90)))
    );
}

#[test]
fn an_error_that_names_the_request_refuses_the_message() {
    let (mut outbox, frames) = with_messages(1);
    let error = ErrorFrame {
        re: frames[0].id(),
        ..ErrorFrame::new(Code::BodyTooLarge, "too long")
    };
    assert!(outbox.error(START, &error));
    let states: Vec<SendState> = outbox.of(&talk(0)).map(|(_, state)| state).collect();
    assert!(matches!(
        states[..],
        [SendState::Failed(Failure::Rejected {
            code: Code::BodyTooLarge,
            ..
        })]
    ));
}

#[test]
fn a_message_of_a_wrong_clock_gets_a_new_cmid_before_it_is_first_sent() {
    let mut outbox = Outbox::default();
    outbox.send(START, message(1, talk(0)));
    transmitted(&mut outbox, START);
    let server = START.plus(Duration::from_secs(40 * 24 * 60 * 60));
    outbox.connected(START, &Limits::default(), server);
    let mut renamed = Vec::new();
    let mut sent = Vec::new();
    while let Some(output) = outbox.poll() {
        match output {
            OutboxOutput::Store(record) => outbox.stored(START, record.cmid),
            OutboxOutput::Renamed { old, new, .. } => renamed.push((old, new)),
            OutboxOutput::Transmit(frame) => sent.push(frame_key(&frame).1),
            OutboxOutput::Drop(_) | OutboxOutput::Changed { .. } => {}
        }
    }
    assert_eq!(renamed[0].0, cmid(1));
    assert_eq!(renamed[0].1.time(), server);
    assert_eq!(sent, [renamed[0].1]);
}
