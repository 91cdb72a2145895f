//! The messages of one conversation, in the order of sending.
//!
//! ```text
//!   accepted · failed · submitted(a) · submitted(b, after a) · queued · queued …
//!                        └── at most `in_flight_per_conversation` ──┘
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::id::{Cmid, Seq};
use crate::limits::OUTBOX_MAX_AGE;
use crate::time::Timestamp;
use crate::wire::{ClientFrame, Code};

use super::super::backoff::Backoff;
use super::super::change::OutgoingRecord;
use super::{Failure, SendState};

/// The ids of an outbox's requests begin here; a program's own requests use smaller ones.
pub const OUTBOX_ID_BASE: u64 = 1 << 48;

/// What a lane wants done.
#[derive(Debug)]
pub(super) enum Todo {
    /// It is about to be sent for the first time: store that it may be in the log.
    Store(OutgoingRecord),
    /// Send it.
    Transmit {
        id: u64,
        cmid: Cmid,
        frame: ClientFrame,
    },
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) items: VecDeque<Item>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) record: OutgoingRecord,
    pub(super) state: State,
    /// It was sent at least once without an answer: it may be in the log.
    pub(super) unknown: bool,
    /// Answered `order_gap`: it goes when everything before it is answered.
    waits_for_all_before: bool,
    attempts: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not durable yet.
    Storing,
    /// Waiting, at least until then.
    Queued { not_before: Timestamp },
    /// Under way.
    Submitted { after: Option<Cmid> },
    /// In the log.
    Sent(Seq),
    /// Given up.
    Failed(Failure),
}

impl State {
    pub(super) const QUEUED: Self = Self::Queued {
        not_before: Timestamp(0),
    };
}

impl Lane {
    /// Sends what may be sent now.
    pub(super) fn pump(
        &mut self,
        now: Timestamp,
        in_flight: usize,
        next_id: &mut u64,
        mut todo: impl FnMut(Todo),
    ) {
        let submitted = |item: &&Item| matches!(item.state, State::Submitted { .. });
        let mut under_way = self.items.iter().filter(submitted).count();
        let mut before: Option<Cmid> = None;
        for item in &mut self.items {
            match item.state {
                State::Sent(_) | State::Failed(_) => continue,
                State::Storing => break,
                State::Submitted { .. } => {}
                State::Queued { not_before } => {
                    let alone = item.waits_for_all_before || !item.record.request.is_chained();
                    if not_before > now || under_way >= in_flight || (alone && before.is_some()) {
                        break;
                    }
                    if !item.record.maybe_sent {
                        item.record.maybe_sent = true;
                        item.state = State::Storing;
                        todo(Todo::Store(item.record.clone()));
                        break;
                    }
                    let id = OUTBOX_ID_BASE + *next_id;
                    *next_id += 1;
                    under_way += 1;
                    item.state = State::Submitted { after: before };
                    item.unknown = true;
                    let record = &item.record;
                    let frame =
                        record
                            .request
                            .frame(id, record.conversation.clone(), record.cmid, before);
                    let cmid = record.cmid;
                    todo(Todo::Transmit { id, cmid, frame });
                }
            }
            if !item.record.request.is_chained() {
                // A change of members or policy names no predecessor, so nothing overtakes it.
                break;
            }
            before = Some(item.record.cmid);
        }
    }

    pub(super) fn link_lost(&mut self) {
        for item in &mut self.items {
            if matches!(item.state, State::Submitted { .. }) {
                item.state = State::QUEUED;
            }
            item.waits_for_all_before = false;
        }
    }

    /// Those that waited too long; never one that may be in the log.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = Cmid> {
        self.items
            .iter()
            .filter(move |item| item.expires().is_some_and(|at| at <= now))
            .map(|item| item.record.cmid)
    }

    /// When something is to be done that waits for nothing but time.
    pub(super) fn next_tick(&self, in_flight: Option<usize>) -> Option<Timestamp> {
        let expiry = self.items.iter().filter_map(Item::expires).min();
        let retry = in_flight.and_then(|in_flight| self.next_retry(in_flight));
        expiry.into_iter().chain(retry).min()
    }

    /// When the first waiting message may go; `None` when it waits for an answer, not for a time.
    fn next_retry(&self, in_flight: usize) -> Option<Timestamp> {
        let mut under_way = 0;
        for item in &self.items {
            match item.state {
                State::Sent(_) | State::Failed(_) => continue,
                State::Storing => return None,
                State::Submitted { .. } if item.record.request.is_chained() => under_way += 1,
                State::Submitted { .. } => return None,
                State::Queued { not_before } => {
                    let alone = item.waits_for_all_before || !item.record.request.is_chained();
                    let may = under_way < in_flight && !(alone && under_way > 0);
                    return (may && not_before > Timestamp(0)).then_some(not_before);
                }
            }
        }
        None
    }
}

impl Item {
    pub(super) fn new(record: OutgoingRecord, state: State) -> Self {
        Self {
            unknown: record.maybe_sent && state == State::QUEUED,
            record,
            state,
            waits_for_all_before: false,
            attempts: 0,
        }
    }

    /// Neither sent nor failed.
    pub(super) fn is_open(&self) -> bool {
        match self.state {
            State::Storing | State::Queued { .. } | State::Submitted { .. } => true,
            State::Sent(_) | State::Failed(_) => false,
        }
    }

    pub(super) fn shown(&self) -> SendState {
        match &self.state {
            State::Storing | State::Queued { .. } | State::Submitted { .. } => SendState::Sending,
            State::Sent(seq) => SendState::Sent(*seq),
            State::Failed(failure) => SendState::Failed(failure.clone()),
        }
    }

    /// Goes back into the queue after a retriable refusal.
    pub(super) fn retry(&mut self, now: Timestamp, code: Code, retry_after_ms: Option<u64>) {
        let named = match self.state {
            State::Submitted { after } => after,
            _ => None,
        };
        self.unknown = false;
        if code == Code::OrderGap && named.is_some() {
            // What it named is not in the log yet: nothing to wait for but that.
            self.waits_for_all_before = true;
            self.state = State::QUEUED;
            return;
        }
        let wait = Backoff::SENDING
            .half_jitter(self.attempts, self.random())
            .max(Duration::from_millis(retry_after_ms.unwrap_or(0)));
        self.attempts += 1;
        self.state = State::Queued {
            not_before: now.plus(wait),
        };
    }

    fn expires(&self) -> Option<Timestamp> {
        let waits = matches!(self.state, State::Storing | State::Queued { .. });
        (waits && !self.unknown).then(|| self.record.queued_at.plus(OUTBOX_MAX_AGE))
    }

    /// Random enough to spread retries: the tail of the cmid, another one for each try.
    fn random(&self) -> u32 {
        let bytes = self.record.cmid.as_bytes();
        let tail = u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        tail.rotate_left(self.attempts.wrapping_mul(7))
    }
}
