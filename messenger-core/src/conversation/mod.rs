//! One conversation's log: collects drafts, appends them after the head it knows, learns what others appended, judges rights.
//!
//! ```text
//!            input                                    one append at a time
//!              │        ┌──────────────────────────────────────────────────────────────┐
//!   closed ──Open──► idle ──drafts──► finding? ──► appending ──► announcing ──► push ──┘
//!                      ▲                              │ conflict
//!                      └────────── learning ◄─────────┘
//!   beside it: raises (one in flight, the rest coalesced), fetches (any number)
//! ```
//!
//! Nothing here is needed for correctness beyond the store's compare-and-set: any number of nodes may run a machine for the
//! same conversation (LOG-2).

mod append;
mod audience;
mod delivery;
mod io;
mod judge;
mod marks;
mod recent;
mod retention;
mod serve;
mod summary;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{ConversationId, Ordinal, Seq, UserId};
use crate::limits::{Limits, MARKS_LIVE_MEMBERS, SAVE_EVERY_ENTRIES};
use crate::model::{Conversation, Standing, Stored, UserMarks};
use crate::time::{Day, Timestamp};
use crate::wire::{Code, EncodedEntry};

pub use delivery::{Aggregate, Delivery, Event, Recipient};
pub use io::{
    Announcement, Answer, Asker, Batch, Claimed, Fetch, Fetched, Find, FoundAll, Hint, Input, Mark,
    Opened, Output, Pulled, PulledFrame, Question, Request, Ticket, Window,
};

use append::{Cycle, Queue};
use judge::Known;
use marks::Raising;
use recent::Recent;
use retention::Expiring;
use serve::Asked;

/// Older entries that nobody was told of have been found by then: sessions recheck within this time (RES-5).
const UNTOLD_MAX: Duration = Duration::from_secs(60);

/// What all machines of a node share.
#[derive(Debug)]
pub struct Config {
    /// The limits in force.
    pub limits: Limits,
    /// The key of the content digests: one for all nodes of a cluster.
    pub digest_key: [u8; 16],
}

/// The machine of one conversation.
#[derive(Debug)]
pub struct Machine {
    id: ConversationId,
    config: Arc<Config>,
    phase: Phase,
    /// Inputs that wait for the conversation to be open.
    waiting: Vec<Input>,
    log: Log,
    queue: Queue,
    cycle: Cycle,
    known: Known,
    raising: Raising,
    asked: BTreeMap<Ticket, Asked>,
    /// Questions that wait until the machine has learned what others appended.
    behind: Vec<(Asker, Option<u64>, Question)>,
    expiring: Expiring,
    /// The last entry that was pushed to the sessions here; kept when the machine forgets everything else.
    told: Option<Seq>,
    next_ticket: u64,
    outputs: VecDeque<Output>,
}

/// Whether the machine knows its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Opening { ticket: Ticket, attempt: u32 },
    Open,
}

/// The log as far as the machine knows it.
#[derive(Debug)]
struct Log {
    state: Conversation,
    base: Seq,
    kept: Seq,
    ordinal: Ordinal,
    time: Timestamp,
    recent: Recent,
    standings: BTreeMap<UserId, Standing>,
    /// The members' marks, in conversations of up to 64 members.
    marks: BTreeMap<UserId, UserMarks>,
    /// The present members, for pushes.
    users: Arc<[UserId]>,
    /// The day on which the conversation was last listed for all present members.
    listed: Option<Day>,
    saved: Seq,
    saving: Option<Ticket>,
    changed: bool,
}

impl Log {
    fn empty(id: ConversationId) -> Self {
        let state = Conversation::empty(id);
        Self {
            users: state.members.keys().cloned().collect(),
            state,
            base: Seq(1),
            kept: Seq::ZERO,
            ordinal: Ordinal(0),
            time: Timestamp(0),
            recent: Recent::default(),
            standings: BTreeMap::new(),
            marks: BTreeMap::new(),
            listed: None,
            saved: Seq::ZERO,
            saving: None,
            changed: false,
        }
    }

    fn head(&self) -> Seq {
        self.state.as_of
    }

    /// True when marks of members are kept here and pushed (MARK-7).
    fn shows_marks(&self) -> bool {
        self.users.len() <= MARKS_LIVE_MEMBERS
    }

    /// Takes the next entry of the log in.
    fn take(&mut self, stored: Arc<Stored>) -> Arc<EncodedEntry> {
        if self.state.apply(&stored.entry) {
            self.users = self.state.members.keys().cloned().collect();
            self.listed = None;
            self.changed = true;
        }
        self.ordinal = stored.entry.ordinal;
        self.time = stored.entry.time;
        self.recent.push(stored)
    }
}

impl Machine {
    /// A machine that knows nothing yet; it opens the conversation with its first input.
    pub fn new(id: ConversationId, config: Arc<Config>) -> Self {
        Self {
            log: Log::empty(id.clone()),
            id,
            config,
            phase: Phase::Closed,
            waiting: Vec::new(),
            queue: Queue::default(),
            cycle: Cycle::Idle,
            known: Known::default(),
            raising: Raising::default(),
            asked: BTreeMap::new(),
            behind: Vec::new(),
            expiring: Expiring::default(),
            told: None,
            next_ticket: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes an input in.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match (self.phase, input) {
            (Phase::Opening { ticket, .. }, Input::Answer(answered, answer))
                if ticket == answered =>
            {
                self.opened(now, answer);
            }
            // Answers to what was asked before the machine was closed come too late.
            (Phase::Closed | Phase::Opening { .. }, Input::Answer(..)) => {}
            (Phase::Opening { attempt, .. }, Input::Timer) => self.open(attempt),
            (Phase::Closed, Input::Timer | Input::Hint(Hint::Typing { .. })) => {}
            (Phase::Closed, input) => {
                self.waiting.push(input);
                self.open(0);
            }
            (Phase::Opening { .. }, input) => self.waiting.push(input),
            (Phase::Open, input) => self.handle_open(now, input),
        }
        if self.phase == Phase::Open {
            self.advance(now);
            self.send_raises(now);
            self.save();
        }
    }

    /// The next thing to be done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// True when the machine may be dropped: it holds nothing that a later machine could not read from the store.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
            && self.queue.is_empty()
            && matches!(self.cycle, Cycle::Idle)
            && self.raising.is_empty()
            && self.asked.is_empty()
            && self.behind.is_empty()
            && self.log.saving.is_none()
            && self.expiring.is_idle()
            && !matches!(self.phase, Phase::Opening { .. })
    }

    /// The conversation.
    pub fn id(&self) -> &ConversationId {
        &self.id
    }

    /// The present members, when the log is known.
    pub fn members(&self) -> Option<&Arc<[UserId]>> {
        (self.phase == Phase::Open).then_some(&self.log.users)
    }

    /// The last entry, when the log is known.
    pub fn head(&self) -> Option<Seq> {
        (self.phase == Phase::Open).then(|| self.log.head())
    }

    fn handle_open(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Submit { asker, re, draft } => self.submit(now, asker, re, draft),
            Input::Raise {
                asker,
                re,
                kind,
                to,
            } => self.raise(asker, re, kind, to),
            Input::Ask {
                asker,
                re,
                question,
            } => self.ask(now, asker, re, question),
            Input::Typing { user, stopped } => self.typing(&user, stopped, true),
            Input::Hint(hint) => self.hinted(hint),
            Input::Blocked { by, user, blocked } => {
                let blocks = &mut self.log.standings.entry(by).or_default().blocks;
                if blocked {
                    blocks.insert(user);
                } else {
                    blocks.remove(&user);
                }
            }
            Input::Sweep(day) => self.expiring.want(day),
            Input::Answer(ticket, answer) => self.answered(now, ticket, answer),
            Input::Timer => self.timer(),
        }
    }

    fn answered(&mut self, now: Timestamp, ticket: Ticket, answer: Answer) {
        if self.cycle.ticket() == Some(ticket) {
            self.cycle_answered(now, answer);
        } else if self.raising.ticket() == Some(ticket) {
            self.raised(answer);
        } else if self.log.saving == Some(ticket) {
            self.log.saving = None;
        } else if self.expiring.ticket() == Some(ticket) {
            self.expired(answer);
        } else if let Some(asked) = self.asked.remove(&ticket) {
            self.served(now, asked, answer);
        }
    }

    fn open(&mut self, attempt: u32) {
        let ticket = self.request(Request::Open);
        self.phase = Phase::Opening { ticket, attempt };
    }

    fn opened(&mut self, now: Timestamp, answer: Answer) {
        let Phase::Opening { attempt, .. } = self.phase else {
            return;
        };
        let opened = match answer {
            Answer::Opened(opened) => *opened,
            Answer::Failed { retriable, .. } if retriable && attempt < append::MAX_ATTEMPTS => {
                self.phase = Phase::Opening {
                    ticket: Ticket(u64::MAX),
                    attempt: attempt + 1,
                };
                self.wake(attempt + 1);
                return;
            }
            _ => return self.fail_waiting(),
        };
        self.log = Log {
            users: opened.state.members.keys().cloned().collect(),
            saved: opened.state.as_of,
            state: opened.state,
            base: opened.base,
            kept: opened.kept,
            ordinal: opened.ordinal,
            time: opened.time,
            standings: opened.standings.into_iter().collect(),
            marks: opened.marks.into_iter().collect(),
            ..Log::empty(self.id.clone())
        };
        self.phase = Phase::Open;
        let tail: Vec<_> = opened
            .tail
            .into_iter()
            .map(|stored| self.log.recent.push(stored))
            .collect();
        // The last append of whoever wrote last may be unannounced (LOG-4).
        self.push_untold(now, &tail);
        self.tell_hinted_marks();
        self.announce(now, tail, false, None);
        for input in std::mem::take(&mut self.waiting) {
            self.handle_open(now, input);
        }
    }

    /// Entries that were appended just before this machine began: the node that appended them may have died before it told,
    /// or its hint is still on its way and will be passed over as known. Sessions that have them pass over what they have.
    fn push_untold(&mut self, now: Timestamp, tail: &[Arc<EncodedEntry>]) {
        let hinted = self.waiting.iter().filter_map(|input| match input {
            Input::Hint(Hint::Entries { entries }) => entries.first().map(Stored::seq),
            _ => None,
        });
        let submitted = self
            .waiting
            .iter()
            .any(|input| matches!(input, Input::Submit { .. }));
        let fresh = tail
            .iter()
            .filter(|entry| now.since(entry.stored().accepted_at) < UNTOLD_MAX)
            .map(|entry| entry.stored().seq());
        let after_told = self.told.map(Seq::next);
        let Some(from) = hinted.chain(fresh).chain(after_told).min() else {
            return;
        };
        let untold: Vec<_> = tail
            .iter()
            .filter(|entry| entry.stored().seq() >= from)
            .cloned()
            .collect();
        self.push(&untold);
        if submitted {
            self.publish(&untold);
        }
    }

    /// Forgets what is known, so that the next input opens the conversation again; whoever waits is told to try again.
    fn close(&mut self) {
        let untold = self.queue.has_news() || self.told.is_some_and(|told| told < self.log.head());
        self.fail_queue(Code::Unavailable);
        self.fail_asked();
        self.raising = Raising::default();
        self.expiring = Expiring::default();
        self.cycle = Cycle::Idle;
        self.known = Known::default();
        self.log = Log::empty(self.id.clone());
        self.phase = Phase::Closed;
        if untold {
            // The sessions here wait for entries that were not pushed: no further input will come for them.
            self.phase = Phase::Opening {
                ticket: Ticket(u64::MAX),
                attempt: 1,
            };
            self.wake(1);
        }
    }

    fn fail_waiting(&mut self) {
        self.phase = Phase::Closed;
        for input in std::mem::take(&mut self.waiting) {
            self.refuse_input(input);
        }
    }

    fn save(&mut self) {
        let behind = self.log.head().get() - self.log.saved.get();
        if self.log.saving.is_none()
            && (self.log.changed || behind >= SAVE_EVERY_ENTRIES)
            && matches!(self.cycle, Cycle::Idle)
        {
            self.log.changed = false;
            self.log.saved = self.log.head();
            let ticket = self.request(Request::Save(Box::new(self.log.state.clone())));
            self.log.saving = Some(ticket);
        }
    }

    fn request(&mut self, request: Request) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.outputs.push_back(Output::Store(ticket, request));
        ticket
    }

    /// Asks for a timer: 50 ms after the first failure, doubling up to 3.2 s.
    fn wake(&mut self, attempt: u32) {
        let after_ms = 50 << attempt.saturating_sub(1).min(6);
        self.outputs.push_back(Output::Wake { after_ms });
    }
}
