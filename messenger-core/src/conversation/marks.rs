//! Marks on their way up: coalesced while one raise is in flight, shown only when durable (MARK-2, MARK-3).
//!
//! ```text
//!   ack ─┐                     ┌► in flight ──durable──► told: the raiser, the others, the own devices
//!   ack ─┼─► pending (max) ────┘
//!   read ┘    └ above the head: the head is read first, then refused if it still is
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{DeviceId, Ordinal, Seq, SessionId, UserId};
use crate::model::{Content, MarkKind, Position, UserMarks};
use crate::wire::{Code, EncodedEntry, MarksFrame, OwnMarks, ServerFrame, UserMark};

use super::Machine;
use super::append::MAX_ATTEMPTS;
use super::io::{Answer, Asker, Hint, Input, Mark, Output, Request, Ticket};

/// Raises by their key; a `BTreeMap` in this order puts `delivered` behind `acked`, so the key begins with its reverse.
type Key = (std::cmp::Reverse<MarkKind>, UserId, Option<DeviceId>);

/// Marks that are being raised.
#[derive(Debug, Default)]
pub(super) struct Raising {
    pending: BTreeMap<Key, Wanted>,
    in_flight: Option<InFlight>,
    /// Raises above the head, until the head was read.
    ahead: Vec<(Asker, Option<u64>, MarkKind, Seq)>,
}

#[derive(Debug)]
struct Wanted {
    to: Seq,
    ordinal: Option<Ordinal>,
    /// The session that is told when it is durable; none for what the server raises by itself.
    sessions: Vec<SessionId>,
}

#[derive(Debug)]
struct InFlight {
    ticket: Option<Ticket>,
    marks: Vec<Mark>,
    sessions: Vec<Vec<SessionId>>,
    attempt: u32,
}

impl Raising {
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.in_flight.is_none() && self.ahead.is_empty()
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.in_flight.as_ref()?.ticket
    }

    fn want(&mut self, mark: Mark, session: Option<SessionId>) {
        let wanted = self
            .pending
            .entry((std::cmp::Reverse(mark.kind), mark.user, mark.device))
            .or_insert(Wanted {
                to: Seq::ZERO,
                ordinal: None,
                sessions: Vec::new(),
            });
        if mark.to > wanted.to {
            wanted.to = mark.to;
            wanted.ordinal = mark.ordinal;
        }
        if let Some(session) = session
            && !wanted.sessions.contains(&session)
        {
            wanted.sessions.push(session);
        }
    }
}

impl Machine {
    pub(super) fn raise(&mut self, asker: Asker, re: Option<u64>, kind: MarkKind, to: Seq) {
        let Some(rights) = self.log.state.rights_of(&asker.user) else {
            return self.error(&asker, re, Code::NotFound);
        };
        let end = rights.end(self.log.head());
        if to > end {
            if rights.present().is_some() && to > self.log.head() {
                self.raising.ahead.push((asker, re, kind, to));
                self.queue.want_learn();
            } else {
                self.error(&asker, re, Code::MarkAhead);
            }
            return;
        }
        self.want(&asker, kind, to);
    }

    /// The head was read: what is still above it is refused.
    pub(super) fn recheck_ahead(&mut self) {
        for (asker, re, kind, to) in std::mem::take(&mut self.raising.ahead) {
            let end = self
                .log
                .state
                .rights_of(&asker.user)
                .map_or(Seq::ZERO, |rights| rights.end(self.log.head()));
            if to > end {
                self.error(&asker, re, Code::MarkAhead);
            } else {
                self.want(&asker, kind, to);
            }
        }
    }

    fn want(&mut self, asker: &Asker, kind: MarkKind, to: Seq) {
        let mark = |kind, device, ordinal| Mark {
            user: asker.user.clone(),
            device,
            kind,
            to,
            ordinal,
        };
        let ordinal = self.ordinal_at(to);
        match (kind, asker.device) {
            // A transient device never acks (MARK-4).
            (MarkKind::Acked, None) => {}
            (MarkKind::Acked, Some(device)) => {
                if self
                    .log
                    .marks
                    .get(&asker.user)
                    .is_none_or(|m| m.delivered.seq < to)
                {
                    self.raising
                        .want(mark(MarkKind::Delivered, None, ordinal), None);
                }
                self.raising.want(
                    mark(MarkKind::Acked, Some(device), ordinal),
                    Some(asker.session),
                );
            }
            (kind, _) => self
                .raising
                .want(mark(kind, None, ordinal), Some(asker.session)),
        }
    }

    fn ordinal_at(&self, seq: Seq) -> Option<Ordinal> {
        if seq == self.log.head() {
            return Some(self.log.ordinal);
        }
        Some(self.log.recent.at(seq)?.stored().entry.ordinal)
    }

    /// An own message raises `read_private` to itself if only own entries lie between (MARK-6).
    pub(super) fn raise_own(&mut self, entries: &[Arc<EncodedEntry>]) {
        for entry in entries {
            let stored = entry.stored();
            if !matches!(stored.entry.content, Content::Message(_)) {
                continue;
            }
            let user = &stored.entry.sender;
            let Some(marks) = self.log.marks.get(user) else {
                continue;
            };
            let key = (std::cmp::Reverse(MarkKind::ReadPrivate), user.clone(), None);
            let pending = self.raising.pending.get(&key).map_or(Seq::ZERO, |w| w.to);
            let flying = self.raising.in_flight.as_ref().map_or(Seq::ZERO, |flight| {
                let own = |mark: &&Mark| mark.kind == MarkKind::ReadPrivate && mark.user == *user;
                flight
                    .marks
                    .iter()
                    .find(own)
                    .map_or(Seq::ZERO, |mark| mark.to)
            });
            let read = pending
                .max(flying)
                .max(marks.read.seq)
                .max(marks.read_private.seq);
            if read.next() == stored.seq() {
                let mark = Mark {
                    user: user.clone(),
                    device: None,
                    kind: MarkKind::ReadPrivate,
                    to: stored.seq(),
                    ordinal: Some(stored.entry.ordinal),
                };
                self.raising.want(mark, None);
            }
        }
    }

    /// Sends the pending marks, if none are in flight.
    pub(super) fn send_raises(&mut self, now: crate::time::Timestamp) {
        if self.raising.in_flight.is_some() || self.raising.pending.is_empty() {
            return;
        }
        let mut marks = Vec::with_capacity(self.raising.pending.len());
        let mut sessions = Vec::with_capacity(self.raising.pending.len());
        for ((kind, user, device), wanted) in std::mem::take(&mut self.raising.pending) {
            marks.push(Mark {
                user,
                device,
                kind: kind.0,
                to: wanted.to,
                ordinal: wanted.ordinal,
            });
            sessions.push(wanted.sessions);
        }
        // `delivered` is raised before `acked`, or in the same step (MARK-3): `acked` sorts last.
        let list = if self.log.listed == Some(now.day()) {
            Vec::new()
        } else {
            self.log.users.to_vec()
        };
        let ticket = self.request(Request::Raise {
            marks: marks.clone(),
            list,
        });
        self.raising.in_flight = Some(InFlight {
            ticket: Some(ticket),
            marks,
            sessions,
            attempt: 0,
        });
    }

    pub(super) fn raised(&mut self, answer: Answer) {
        let Some(mut flight) = self.raising.in_flight.take() else {
            return;
        };
        let outcomes = match answer {
            Answer::Raised(outcomes) => outcomes,
            Answer::Failed { retriable, unknown } if retriable || unknown => {
                flight.attempt += 1;
                flight.ticket = None;
                let attempt = flight.attempt;
                if attempt < MAX_ATTEMPTS {
                    self.raising.in_flight = Some(flight);
                    self.wake(attempt);
                }
                return;
            }
            // The client keeps its marks and repeats them (MARK-2).
            _ => return,
        };
        self.tell_raised(outcomes, &flight.sessions);
        self.want_relay_check(&flight.marks);
    }

    /// A timer has run out: sends a raise that failed again.
    pub(super) fn retry_raises(&mut self) {
        let Some(flight) = &self.raising.in_flight else {
            return;
        };
        if flight.ticket.is_some() {
            return;
        }
        let marks = flight.marks.clone();
        let list = self.log.users.to_vec();
        let ticket = self.request(Request::Raise { marks, list });
        if let Some(flight) = &mut self.raising.in_flight {
            flight.ticket = Some(ticket);
        }
    }

    fn tell_raised(&mut self, outcomes: Vec<(Mark, bool)>, sessions: &[Vec<SessionId>]) {
        let mut answers: BTreeMap<SessionId, (UserId, Option<Seq>, bool)> = BTreeMap::new();
        let mut public: Vec<UserId> = Vec::new();
        let mut private: Vec<UserId> = Vec::new();
        for ((mark, rose), sessions) in outcomes.into_iter().zip(sessions) {
            let position = Position {
                seq: mark.to,
                ordinal: mark.ordinal.unwrap_or_default(),
            };
            let acked = (mark.kind == MarkKind::Acked).then_some(mark.to);
            for &session in sessions {
                let answer = answers
                    .entry(session)
                    .or_insert((mark.user.clone(), None, false));
                answer.1 = answer.1.max(acked);
                answer.2 |= acked.is_none();
            }
            if mark.kind == MarkKind::Acked || !self.lift(&mark.user, mark.kind, position) && !rose
            {
                continue;
            }
            let asked = !sessions.is_empty();
            match mark.kind {
                MarkKind::Delivered | MarkKind::Read => push_once(&mut public, &mark.user),
                MarkKind::Acked | MarkKind::ReadPrivate | MarkKind::Cleared => {}
            }
            if asked && self.log.shows_marks() {
                push_once(&mut private, &mark.user);
            }
        }
        for user in &public {
            self.tell_marks(user, true);
        }
        for user in &private {
            self.tell_own(user, true);
        }
        for (session, (user, acked, more)) in answers {
            if more && private.contains(&user) {
                continue;
            }
            let own = self.own_marks(&user, acked);
            self.outputs.push_back(Output::Frame(
                session,
                ServerFrame::Marks(MarksFrame {
                    conversation: self.id.clone(),
                    re: None,
                    marks: Vec::new(),
                    own: Some(own),
                    unread: None,
                }),
            ));
        }
    }

    /// Takes a durable mark in; true when it rose here.
    fn lift(&mut self, user: &UserId, kind: MarkKind, to: Position) -> bool {
        if !self.log.shows_marks() {
            return false;
        }
        let marks = self.log.marks.entry(user.clone()).or_default();
        match marks.of(kind) {
            Some(mark) if *mark < to => {
                *mark = to;
                true
            }
            _ => false,
        }
    }

    /// Takes the durable marks of a user in; true when one rose here.
    pub(super) fn lift_all(&mut self, user: &UserId, marks: &UserMarks) -> bool {
        let mut rose = false;
        for (kind, to) in [
            (MarkKind::Delivered, marks.delivered),
            (MarkKind::Read, marks.read),
            (MarkKind::ReadPrivate, marks.read_private),
            (MarkKind::Cleared, marks.cleared),
        ] {
            rose |= self.lift(user, kind, to);
        }
        rose
    }

    /// Tells the other members the marks of a user.
    pub(super) fn tell_marks(&mut self, user: &UserId, publish: bool) {
        let Some(marks) = self.log.marks.get(user).copied() else {
            return;
        };
        if !self.log.shows_marks() {
            return;
        }
        let users = self.others(user);
        if !users.is_empty() {
            let frame = MarksFrame {
                conversation: self.id.clone(),
                re: None,
                marks: vec![shown(user, &marks)],
                own: None,
                unread: None,
            };
            self.outputs.push_back(Output::Tell {
                users: Arc::clone(&users),
                frame: Arc::new(ServerFrame::Marks(frame)),
            });
        }
        if publish {
            self.publish_marks(user, marks, false);
        }
    }

    /// Tells a user's own sessions their marks and what is unread.
    fn tell_own(&mut self, user: &UserId, publish: bool) {
        let Some(marks) = self.log.marks.get(user).copied() else {
            return;
        };
        let frame = MarksFrame {
            conversation: self.id.clone(),
            re: None,
            marks: Vec::new(),
            own: Some(self.own_marks(user, None)),
            unread: Some(self.unread_bound(user, &marks)),
        };
        self.outputs.push_back(Output::Tell {
            users: Arc::from([user.clone()]),
            frame: Arc::new(ServerFrame::Marks(frame)),
        });
        if publish {
            self.publish_marks(user, marks, true);
        }
    }

    fn publish_marks(&mut self, user: &UserId, marks: UserMarks, own: bool) {
        self.outputs.push_back(Output::Publish {
            users: Arc::clone(&self.log.users),
            hint: Hint::Marks {
                user: user.clone(),
                marks,
                own,
            },
        });
    }

    /// Hints of marks opened the conversation: what was read with it has them already, but the sessions here do not.
    pub(super) fn tell_hinted_marks(&mut self) {
        let hinted: Vec<(UserId, bool)> = self
            .waiting
            .iter()
            .filter_map(|input| match input {
                Input::Hint(Hint::Marks { user, own, .. }) => Some((user.clone(), *own)),
                _ => None,
            })
            .collect();
        for (user, own) in hinted {
            self.tell_marks(&user, false);
            if own {
                self.tell_own(&user, false);
            }
        }
    }

    /// Another node raised marks.
    pub(super) fn marks_hinted(&mut self, user: UserId, marks: UserMarks, own: bool) {
        if self.lift_all(&user, &marks) {
            self.tell_marks(&user, false);
            if own {
                self.tell_own(&user, false);
            }
        }
    }

    pub(super) fn own_marks(&self, user: &UserId, acked: Option<Seq>) -> OwnMarks {
        let marks = self.log.marks.get(user).copied().unwrap_or_default();
        OwnMarks {
            acked,
            ..own_of(&marks)
        }
    }

    pub(super) fn error(&mut self, asker: &Asker, re: Option<u64>, code: Code) {
        let mut error = crate::wire::ErrorFrame::new(code, code.advice());
        error.re = re;
        error.conversation = Some(self.id.clone());
        self.outputs
            .push_back(Output::Frame(asker.session, ServerFrame::Error(error)));
    }
}

/// The marks of a user as others see them; reading implies delivery (MARK-5).
pub(super) fn shown(user: &UserId, marks: &UserMarks) -> UserMark {
    UserMark {
        user: user.clone(),
        delivered: marks.delivered.seq.max(marks.read.seq),
        read: marks.read.seq,
    }
}

/// The marks of a user as their own devices see them.
pub(super) fn own_of(marks: &UserMarks) -> OwnMarks {
    OwnMarks {
        acked: None,
        delivered: marks.delivered.seq,
        read: marks.read.seq,
        read_private: marks.read_private.seq,
        cleared: marks.cleared.seq,
    }
}

fn push_once(users: &mut Vec<UserId>, user: &UserId) {
    if !users.contains(user) {
        users.push(user.clone());
    }
}
