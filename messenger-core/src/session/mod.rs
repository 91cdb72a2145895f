//! One link: authenticates, resumes, checks frames, pages, heartbeats.
//!
//! ```text
//!   link up ─► greeting ──hello──► authenticating ──► admitting ──► open ──► closed
//!                                                                   │  catching up ⇄ live
//!                                                                   └─ walk inbox ─► pull each ─► page/confirm ─► caught_up
//! ```
//!
//! Pushes are hints here too: a session compares each with the position that it has sent, and pulls what is missing. So a lost,
//! repeated or early push does no harm (LOG-5, RES-2).

mod bucket;
mod check;
mod flow;
mod frames;
mod hello;
mod io;
mod push;
mod resume;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{Cmid, ConversationId, DeviceId, Epoch, Generation, Seq, SessionId, UserId};
use crate::limits::{HELLO_TIMEOUT, Limits, SINCE_EVERY};
use crate::time::Timestamp;
use crate::wire::{CloseCode, DecodeError, ErrorFrame, Goaway, Lag, ServerFrame};

pub use bucket::Bucket;
pub use io::{Admission, Admit, Input, Output, Refusal};

use resume::{Pages, Walk};

/// What all sessions of a node share.
#[derive(Debug)]
pub struct Config {
    /// The limits in force.
    pub limits: Limits,
    /// The store's epoch.
    pub epoch: Epoch,
    /// What `accepted` promises, by name.
    pub durability: &'static str,
    /// Within this time a lost push between nodes is made good.
    pub recheck: Duration,
}

/// The machine of one link.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    config: Arc<Config>,
    phase: Phase,
    who: Option<Box<Who>>,
    /// How far each conversation of this session was sent.
    places: BTreeMap<ConversationId, Place>,
    pages: Pages,
    walk: Option<Box<Walk>>,
    /// Drafts that are neither accepted nor rejected.
    outstanding: Vec<Outstanding>,
    bucket: Bucket,
    offences: flow::Offences,
    heard: Timestamp,
    /// The peer was asked whether it is there, since it was last heard.
    pinged: bool,
    since_sent: Timestamp,
    outputs: VecDeque<Output>,
}

/// Where the link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Greeting { since: Timestamp },
    Authenticating,
    Admitting,
    Open,
    Closed,
}

/// Who the link belongs to, once it is admitted.
#[derive(Debug)]
struct Who {
    user: UserId,
    device: Option<DeviceId>,
    generation: Generation,
    expires: Option<Timestamp>,
}

/// How far a conversation was sent on this link.
#[derive(Debug, Default)]
struct Place {
    /// Everything up to here was sent; `None` before the first pull of a registered device.
    sent: Option<Seq>,
    /// At the head: pushes that follow are sent on.
    live: bool,
    /// The `conversation` frame was sent.
    told: bool,
    /// Queued for a pull, or being pulled.
    pulling: bool,
    /// A push came that did not fit while it was being pulled.
    again: bool,
    sends: Option<Box<Bucket>>,
    typed: Timestamp,
}

#[derive(Debug)]
struct Outstanding {
    conversation: ConversationId,
    cmid: Cmid,
    re: Option<u64>,
}

impl Session {
    /// A session whose link has just come up.
    pub fn new(id: SessionId, config: Arc<Config>, now: Timestamp) -> Self {
        let bucket = Bucket::new(
            config.limits.frames_per_second,
            config.limits.frames_burst,
            now,
        );
        Self {
            id,
            config,
            phase: Phase::Greeting { since: now },
            who: None,
            places: BTreeMap::new(),
            pages: Pages::default(),
            walk: None,
            outstanding: Vec::new(),
            bucket,
            offences: flow::Offences::default(),
            heard: now,
            pinged: false,
            since_sent: now,
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input in.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            _ if self.phase == Phase::Closed => {}
            Input::Heard => self.hear(now),
            Input::Received { frame, bytes } => {
                self.hear(now);
                self.received(now, frame, bytes);
            }
            Input::Authenticated(outcome) => self.authenticated(now, outcome),
            Input::Admitted(outcome) => self.admitted(now, outcome),
            Input::Inbox(page) => self.inbox(now, page),
            Input::Pulled(pulled) => self.pulled(now, pulled),
            Input::Push(batch) => self.push(&batch),
            Input::Frame(frame) => self.answer(frame),
            Input::Tell(frame) => self.outputs.push_back(Output::SendShared(frame)),
            Input::Lagged => self.lagged(),
            Input::Recheck => self.recheck(),
            Input::Goaway { retry_after } => self.goaway(retry_after),
            Input::Close(code) => self.close(code),
            Input::Tick => self.tick(now),
        }
        if self.phase == Phase::Open {
            self.pump();
        }
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is wanted next.
    pub fn deadline(&self) -> Timestamp {
        match self.phase {
            Phase::Greeting { since } => since.plus(HELLO_TIMEOUT),
            Phase::Authenticating | Phase::Admitting | Phase::Closed => {
                self.heard.plus(2 * self.interval())
            }
            Phase::Open => {
                let intervals = if self.pinged { 2 } else { 1 };
                let silent = self.heard.plus(intervals * self.interval());
                let expires = self.who.as_ref().and_then(|who| who.expires);
                [expires, self.pages.retry_at()]
                    .into_iter()
                    .flatten()
                    .fold(silent, Timestamp::min)
            }
        }
    }

    /// The link's id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The user, once the link is admitted.
    pub fn user(&self) -> Option<&UserId> {
        self.who.as_ref().map(|who| &who.user)
    }

    /// True until the first frame was accepted as a `hello`.
    pub fn is_greeting(&self) -> bool {
        matches!(self.phase, Phase::Greeting { .. })
    }

    /// True once the link is to be closed.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn hear(&mut self, now: Timestamp) {
        self.heard = now;
        self.pinged = false;
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.config.limits.heartbeat_ms)
    }

    fn received(
        &mut self,
        now: Timestamp,
        frame: Result<Box<crate::wire::ClientFrame>, DecodeError>,
        bytes: usize,
    ) {
        match self.phase {
            Phase::Greeting { .. } => self.greeted(frame, bytes),
            Phase::Open => self.frame(now, frame),
            // Frames sent before `welcome` wait on the client's side; what comes all the same is refused.
            Phase::Authenticating | Phase::Admitting => {
                let mut error = ErrorFrame::new(
                    crate::wire::Code::Unavailable,
                    "wait for `welcome` before sending anything else",
                );
                error.re = frame.ok().and_then(|frame| frame.id());
                self.send(error);
            }
            Phase::Closed => {}
        }
    }

    fn tick(&mut self, now: Timestamp) {
        let silent = now.since(self.heard);
        match self.phase {
            Phase::Greeting { since } if now.since(since) >= HELLO_TIMEOUT => {
                self.close(CloseCode::HelloTimeout);
            }
            Phase::Open => {
                let expires = self.who.as_ref().and_then(|who| who.expires);
                if expires.is_some_and(|expires| expires <= now) {
                    self.close(CloseCode::Unauthorized);
                } else if silent >= 2 * self.interval() {
                    self.close(CloseCode::HeartbeatTimeout);
                } else if silent >= self.interval() && !self.pinged {
                    self.pinged = true;
                    self.outputs.push_back(Output::Ping);
                }
                self.pages.retry(now);
                if now.since(self.since_sent) >= SINCE_EVERY && self.walk.is_none() {
                    self.since_sent = now;
                    self.recheck();
                }
            }
            Phase::Greeting { .. } | Phase::Authenticating | Phase::Admitting | Phase::Closed => {}
        }
    }

    /// The queue of pushes ran over: everything is pulled again (RES-2).
    fn lagged(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        self.send(Lag {});
        // The pushes that were dropped may have been the answers to own drafts: a retry finds them (LOG-3).
        for out in std::mem::take(&mut self.outstanding) {
            self.reject_lagged(out);
        }
        for place in self.places.values_mut() {
            place.live = false;
            place.told = false;
            place.pulling = false;
            place.again = false;
        }
        // Whoever was asked may be gone with the answer.
        self.pages.forget_pulls();
        self.begin_walk(None, true);
    }

    /// Pushes may have been lost between nodes: what changed is pulled again (RES-5).
    fn recheck(&mut self) {
        if self.phase == Phase::Open {
            self.begin_walk(self.pages.since.clone(), true);
        }
    }

    fn goaway(&mut self, retry_after: Duration) {
        self.send(Goaway {
            retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
        });
        self.end(CloseCode::Goaway);
    }

    fn send(&mut self, frame: impl Into<ServerFrame>) {
        self.outputs.push_back(Output::Send(frame.into()));
    }

    /// Says why, then closes.
    fn close(&mut self, close: CloseCode) {
        let code = close.code();
        self.send(ErrorFrame::new(code, code.advice()));
        self.end(close);
    }

    fn end(&mut self, close: CloseCode) {
        self.outputs.push_back(Output::Close(close));
        self.phase = Phase::Closed;
        self.places = BTreeMap::new();
        self.outstanding = Vec::new();
        self.walk = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_link_is_pinged_once_and_then_taken_for_dead() {
        let start = Timestamp(1_790_000_000_000);
        let config = Arc::new(Config {
            limits: Limits::default(),
            epoch: Epoch(1),
            durability: "memory",
            recheck: Duration::from_secs(60),
        });
        let mut session = Session::new(SessionId(1), config, start);
        session.phase = Phase::Open;
        let interval = Duration::from_secs(20);
        assert_eq!(session.deadline(), start.plus(interval));
        session.handle(session.deadline(), Input::Tick);
        assert!(matches!(session.poll(), Some(Output::Ping)));
        // The deadline moves on, so that waiting for the answer costs nothing.
        assert_eq!(session.deadline(), start.plus(2 * interval));
        session.handle(session.deadline(), Input::Tick);
        let outputs: Vec<Output> = std::iter::from_fn(|| session.poll()).collect();
        assert!(matches!(
            outputs[..],
            [Output::Send(_), Output::Close(CloseCode::HeartbeatTimeout)]
        ));
    }
}
