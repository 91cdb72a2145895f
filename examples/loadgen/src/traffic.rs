//! Messages in rooms, in a closed loop with a window or an open one with a rate.
//!
//! ```text
//!            due            sent          accepted       arrived at the others      receipt
//!   author ───●──────────────●───────────────●─────────────────┼───────────────────────●──► next, in a closed loop
//!              └─ backlog ──┘ └─ in flight, at most the window ┼──────────────────────┘
//!   others ────────────────────────────────────────────────────●── ack: the newest of a round ──►
//! ```
//!
//! All latencies count from when a message was *due*: in the open loop a server that stalls cannot hide the messages
//! which it kept from being sent. A room of two is done with a message when its receipt is back, a larger one when
//! it arrived at all others.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::dialect::{Heard, Outgoing};
use crate::fleet::Fleet;
use crate::identity::cmid;
use crate::lane::Lane;
use crate::seat::Seat;
use crate::stamp::{STAMP, Stamp};
use crate::stats::{Latency, Measured, Usage};

/// After the measured time, messages in flight get so long to come home.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks whether all is home.
const DRAIN_POLL: Duration = Duration::from_millis(10);

/// When messages are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// As soon as fewer than the window are in flight.
    Closed,
    /// So many a second, from all authors together, evenly spaced.
    Rate(f64),
}

/// What is sent, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// When messages are due.
    pub(crate) pace: Pace,
    /// At most so many of an author are in flight.
    pub(crate) window: usize,
    /// So many users of each room send.
    pub(crate) authors: u32,
    /// Bytes of a body.
    pub(crate) body: usize,
    /// Time before the measuring.
    pub(crate) warm_up: Duration,
    /// Time that is measured.
    pub(crate) time: Duration,
    /// Ends the measured time early, after so many messages.
    pub(crate) messages: Option<u64>,
}

/// Runs a plan over a fleet.
pub(crate) struct Traffic<'a> {
    fleet: &'a mut Fleet,
    plan: Plan,
    start: Instant,
    lanes: Vec<Lane>,
    /// Lanes that send, in the order in which the open loop serves them.
    authors: Vec<usize>,
    body: Vec<u8>,
    sending: bool,
    measuring: bool,
    /// How many messages have been due, in an open loop.
    scheduled: u64,
    heard: Vec<Heard>,
    result: Measured,
}

impl<'a> Traffic<'a> {
    /// Prepares a plan; the fleet's seats must be users in a row from 0.
    pub(crate) fn new(fleet: &'a mut Fleet, plan: Plan) -> Self {
        let lanes = (0..fleet.len()).map(|_| Lane::default()).collect();
        let sends = |seat: Seat| seat.user - seat.first() < plan.authors;
        let authors = (0..fleet.len())
            .filter(|&index| sends(fleet.seat(index)))
            .collect();
        let body = (0..plan.body.max(STAMP))
            .map(|at| b'a' + (at % 26) as u8)
            .collect();
        Self {
            fleet,
            plan,
            start: Instant::now(),
            lanes,
            authors,
            body,
            sending: true,
            measuring: false,
            scheduled: 0,
            heard: Vec::new(),
            result: Measured::default(),
        }
    }

    /// Sends, measures, and waits for what is in flight; `usage` samples the CPU time used so far.
    pub(crate) fn run(mut self, usage: impl Fn() -> io::Result<Usage>) -> io::Result<Measured> {
        self.start = Instant::now();
        if self.plan.pace == Pace::Closed {
            for at in 0..self.authors.len() {
                self.serve(self.authors[at])?;
            }
        }
        self.until(self.plan.warm_up)?;
        let before = usage()?;
        let begin = self.now();
        self.measuring = true;
        self.until(self.plan.warm_up + self.plan.time)?;
        self.measuring = false;
        let after = usage()?;
        self.result.seconds = (self.now() - begin) as f64 / 1e9;
        self.result.usage = after - before;
        self.drain()?;
        self.settle();
        Ok(self.result)
    }

    /// Goes on until that time since the start, or until enough messages are measured.
    fn until(&mut self, end: Duration) -> io::Result<()> {
        let end = nanos(end);
        loop {
            let now = self.now();
            let enough = self
                .plan
                .messages
                .is_some_and(|limit| self.result.messages >= limit);
            if now >= end || enough {
                return Ok(());
            }
            let wake = match self.plan.pace {
                Pace::Closed => end,
                Pace::Rate(rate) => self.schedule(now, rate)?.min(end),
            };
            self.round(Duration::from_nanos(wake.saturating_sub(self.now())))?;
        }
    }

    /// Gives out what is due by now; answers when the next message is due.
    fn schedule(&mut self, now: u64, rate: f64) -> io::Result<u64> {
        loop {
            let due = (self.scheduled as f64 * 1e9 / rate) as u64;
            if due > now {
                return Ok(due);
            }
            let turn = self.scheduled % self.authors.len() as u64;
            let index = self.authors[usize::try_from(turn).expect("below a length")];
            self.scheduled += 1;
            self.lanes[index].backlog.push_back(due);
            self.serve(index)?;
        }
    }

    /// One wait, and everything that follows from it.
    fn round(&mut self, timeout: Duration) -> io::Result<()> {
        let mut heard = std::mem::take(&mut self.heard);
        let mut credited = Vec::new();
        for index in self.fleet.wait(Some(timeout))? {
            self.fleet.read(index, &mut heard)?;
            let now = self.now();
            for event in heard.drain(..) {
                if let Some(author) = self.apply(index, event, now) {
                    credited.push(author);
                }
            }
            self.serve(index)?;
        }
        for index in credited {
            self.serve(index)?;
        }
        self.heard = heard;
        Ok(())
    }

    /// Applies what a client heard; answers another client that may send now.
    fn apply(&mut self, index: usize, event: Heard, now: u64) -> Option<usize> {
        match event {
            Heard::Accepted { number, position } => {
                if let Some(due) = self.lanes[index].accept(number, position) {
                    self.record(|latency| &mut latency.accepted, now, due);
                }
                self.complete(index, now);
            }
            Heard::Delivered { position } => {
                self.lanes[index].deliver(position);
                self.complete(index, now);
            }
            Heard::Entry { stamp, position } => return self.arrive(index, stamp, position, now),
            Heard::Refused { number, reason } => {
                *self.result.refused.entry(reason).or_default() += 1;
                if let Some(number) = number {
                    self.lanes[index].give_up(number);
                }
            }
            Heard::Live | Heard::Device(_) | Heard::Page(_) => {}
        }
        None
    }

    fn arrive(&mut self, index: usize, stamp: Stamp, position: u64, now: u64) -> Option<usize> {
        let seat = self.fleet.seat(index);
        let direct = seat.room_size == 2;
        if stamp.author == seat.user {
            return None;
        }
        if self.lanes[index].receive(stamp, position, direct) {
            self.result.repeated += 1;
        }
        if self.measuring {
            self.result.deliveries += 1;
        }
        self.record(|latency| &mut latency.delivery, now, stamp.due);
        let author = stamp.author as usize;
        if direct || author >= self.lanes.len() {
            return None;
        }
        self.lanes[author].arrived_at_member(stamp.number);
        self.complete(author, now).then_some(author)
    }

    /// Takes the messages out of flight that are done; whether one was.
    fn complete(&mut self, index: usize, now: u64) -> bool {
        let others = self.fleet.seat(index).room_size - 1;
        let mut any = false;
        while let Some(due) = self.lanes[index].complete(others) {
            any = true;
            if self.measuring {
                self.result.messages += 1;
            }
            self.record(|latency| &mut latency.receipt, now, due);
        }
        any
    }

    /// Acknowledges what is new, sends what may be sent, and writes both at once.
    fn serve(&mut self, index: usize) -> io::Result<()> {
        let seat = self.fleet.seat(index);
        if let Some(newest) = self.lanes[index].acknowledge() {
            self.fleet
                .say(index, |dialect, who, out| dialect.ack(who, newest, out));
        }
        if self.sending && seat.user - seat.first() < self.plan.authors {
            self.send(index, seat.user);
        }
        self.fleet.flush(index)
    }

    /// Sends as much as the window and the pace allow.
    fn send(&mut self, index: usize, author: u32) {
        let now = self.now();
        let lane = &mut self.lanes[index];
        while lane.in_flight() < self.plan.window {
            let due = match self.plan.pace {
                Pace::Closed => now,
                Pace::Rate(_) => match lane.backlog.pop_front() {
                    Some(due) => due,
                    None => return,
                },
            };
            let number = lane.next_number();
            let cmid = cmid(self.fleet.salt(), author, number);
            let after = lane.send(cmid, due);
            Stamp {
                due,
                author,
                number,
            }
            .write(&mut self.body);
            let body = std::str::from_utf8(&self.body).expect("stamp and filling are ASCII");
            let message = Outgoing {
                number,
                cmid,
                after,
                body,
            };
            self.fleet.say(index, |dialect, who, out| {
                dialect.message(who, &message, out)
            });
        }
    }

    /// Stops sending, and waits for what is in flight.
    fn drain(&mut self) -> io::Result<()> {
        self.sending = false;
        let deadline = self.now() + nanos(DRAIN_TIMEOUT);
        while self.lanes.iter().any(|lane| lane.in_flight() > 0) && self.now() < deadline {
            self.round(DRAIN_POLL)?;
        }
        Ok(())
    }

    /// Counts what should have come and did not.
    fn settle(&mut self) {
        let (mut due, mut arrived) = (0, 0);
        for (index, lane) in self.lanes.iter().enumerate() {
            due += lane.accepted * u64::from(self.fleet.seat(index).room_size - 1);
            arrived += lane.arrived;
            self.result.unfinished += lane.in_flight() as u64;
        }
        self.result.lost = due.saturating_sub(arrived);
    }

    fn record(
        &mut self,
        part: impl FnOnce(&mut Latency) -> &mut Histogram<u64>,
        now: u64,
        due: u64,
    ) {
        if self.measuring {
            part(&mut self.result.latency).saturating_record(now.saturating_sub(due));
        }
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Seats for `users` users in rooms of `room_size`.
pub(crate) fn seats(users: u32, room_size: u32) -> Vec<Seat> {
    (0..users).map(|user| Seat { user, room_size }).collect()
}
