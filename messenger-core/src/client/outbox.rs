//! The sender's half of a message's life (contract 5).
//!
//! ```text
//!  storing ──stored──► queued ──send──► submitted ──accepted(seq)──► sent ──its entry is stored──► forgotten
//!                        ▲                 │  └──rejected, final──► failed(code)
//!                        │                 └──link lost: outcome unknown → the same cmid again after `welcome`
//!                        └──rejected, retriable (backoff)          queued longer than 14 days → failed(outbox_expired)
//!  any state, failed too ──own cmid seen in the log──► sent
//! ```
//!
//! Each conversation is a lane, in the order of sending. A message names the nearest one before it that is neither accepted nor
//! failed (`after_cmid`); if that one fails, the next try names the one before it, under the same cmid (LOG-5).

mod lane;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use minicbor::{Decode, Encode};

use crate::id::{Cmid, ConversationId, Seq};
use crate::limits::{CMID_MAX_AGE, CMID_MAX_AHEAD, Limits};
use crate::time::Timestamp;
use crate::wire::{Accepted, ClientFrame, Code, ErrorFrame, Rejected};

use super::change::OutgoingRecord;
use lane::{Item, Lane, State, Todo};

pub use lane::OUTBOX_ID_BASE;

/// What a client shows of an own message that is not yet in its log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendState {
    /// Waiting, or under way.
    Sending,
    /// In the log.
    Sent(Seq),
    /// Not in the log, and not tried again.
    Failed(Failure),
}

/// Why a message is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[non_exhaustive]
pub enum Failure {
    /// The server refused it.
    #[n(0)]
    Rejected {
        /// Why.
        #[n(0)]
        code: Code,
        /// For a human.
        #[n(1)]
        message: String,
    },
    /// It waited longer than 14 days (`outbox_expired`).
    #[n(1)]
    Expired,
    /// The message that it changes was lost when the server's store was restored from a backup.
    #[n(2)]
    TargetLost,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rejected { code, message } if message.is_empty() => code.fmt(f),
            Self::Rejected { code, message } => write!(f, "{code}: {message}"),
            Self::Expired => f.write_str("outbox_expired: it waited longer than 14 days"),
            Self::TargetLost => f.write_str("the message that it changes was lost by the server"),
        }
    }
}

/// What the outbox wants done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutboxOutput {
    /// Make it durable; a new one is answered by [`Outbox::stored`], before which it is not sent.
    Store(OutgoingRecord),
    /// A record goes, in favour of one that is stored in the same transaction.
    Drop(Cmid),
    /// Send it over the link.
    Transmit(ClientFrame),
    /// The state to show has changed.
    Changed {
        /// Where.
        conversation: ConversationId,
        /// Which.
        cmid: Cmid,
        /// What it is now.
        state: SendState,
    },
    /// A message that was never sent has a new cmid, because the clock was wrong when it got the old one.
    Renamed {
        /// Where.
        conversation: ConversationId,
        /// The one that the user's program knows.
        old: Cmid,
        /// The one that is sent.
        new: Cmid,
    },
}

/// The messages of one device that are not in the log yet.
#[derive(Debug, Default)]
pub struct Outbox {
    lanes: BTreeMap<ConversationId, Lane>,
    places: BTreeMap<Cmid, ConversationId>,
    ids: BTreeMap<u64, Cmid>,
    /// The in-flight limit of the session; `None` while there is none.
    link: Option<usize>,
    next_id: u64,
    next_order: u64,
    output: VecDeque<OutboxOutput>,
}

impl Outbox {
    /// An outbox with what was stored before; what was under way then is sent again under the same cmid.
    pub fn new(mut saved: Vec<OutgoingRecord>) -> Self {
        saved.sort_by_key(|record| record.order);
        let mut outbox = Self::default();
        for record in saved {
            outbox.restore(record);
        }
        outbox
    }

    /// Takes a new message; it is sent once it is stored.
    pub fn send(&mut self, now: Timestamp, record: OutgoingRecord) {
        if self.places.contains_key(&record.cmid) {
            return;
        }
        let record = OutgoingRecord {
            queued_at: now,
            order: self.next_order,
            failure: None,
            maybe_sent: self.link.is_some(),
            ..record
        };
        self.output.push_back(OutboxOutput::Store(record.clone()));
        self.changed(&record, SendState::Sending);
        self.put(Item::new(record, State::Storing));
    }

    /// Takes a message that is stored already: of an earlier run, or queued again after a restored store (RES-3).
    pub fn restore(&mut self, record: OutgoingRecord) {
        if self.places.contains_key(&record.cmid) {
            return;
        }
        let state = match &record.failure {
            None => State::QUEUED,
            Some(failure) => State::Failed(failure.clone()),
        };
        self.put(Item::new(record, state));
    }

    /// A restored store keeps a conversation up to `kept`: what came to lie above is queued again (RES-3).
    pub fn reset(&mut self, now: Timestamp, conversation: &ConversationId, kept: Seq) {
        let lost: Vec<OutgoingRecord> = self
            .lanes
            .get_mut(conversation)
            .into_iter()
            .flat_map(|lane| &mut lane.items)
            .filter(|item| matches!(item.state, State::Sent(seq) if seq > kept))
            .map(|item| {
                item.state = State::QUEUED;
                item.record.clone()
            })
            .collect();
        for record in lost {
            self.changed(&record, SendState::Sending);
        }
        self.pump(now);
    }

    /// The storage has it.
    pub fn stored(&mut self, now: Timestamp, cmid: Cmid) {
        if let Some(item) = self.item(cmid)
            && item.state == State::Storing
        {
            item.state = State::QUEUED;
        }
        self.pump(now);
    }

    /// A session begins: everything without an answer is sent again.
    pub fn connected(&mut self, now: Timestamp, limits: &Limits, server_time: Timestamp) {
        self.link = Some(usize::try_from(limits.in_flight_per_conversation).unwrap_or(usize::MAX));
        self.rename_those_of_a_wrong_clock(server_time);
        self.pump(now);
    }

    /// The link is gone: what was under way has an unknown outcome.
    pub fn disconnected(&mut self) {
        self.link = None;
        self.ids.clear();
        for lane in self.lanes.values_mut() {
            lane.link_lost();
        }
    }

    /// A draft is in the log.
    pub fn accepted(&mut self, now: Timestamp, accepted: &Accepted) {
        self.seen(now, accepted.cmid, accepted.seq);
    }

    /// An own entry was seen in the log: whatever was thought of it, it is sent.
    pub fn seen(&mut self, now: Timestamp, cmid: Cmid, seq: Seq) {
        let Some(item) = self.item(cmid) else { return };
        if item.state == State::Sent(seq) {
            return;
        }
        item.state = State::Sent(seq);
        item.record.failure = None;
        let record = item.record.clone();
        self.changed(&record, SendState::Sent(seq));
        self.pump(now);
    }

    /// The entry of a sent message is stored, so it is no longer needed here.
    pub fn forget(&mut self, cmid: Cmid) {
        let Some(conversation) = self.places.remove(&cmid) else {
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            lane.items.retain(|item| item.record.cmid != cmid);
            if lane.items.is_empty() {
                self.lanes.remove(&conversation);
            }
        }
    }

    /// A draft was refused.
    pub fn rejected(&mut self, now: Timestamp, rejected: &Rejected) {
        self.refused(
            now,
            rejected.cmid,
            rejected.code,
            rejected.retriable,
            rejected.retry_after_ms,
            &rejected.message,
        );
    }

    /// A request was refused before it was judged; true when it was one of this outbox.
    pub fn error(&mut self, now: Timestamp, error: &ErrorFrame) -> bool {
        let Some(cmid) = error.re.and_then(|id| self.ids.get(&id).copied()) else {
            return false;
        };
        self.refused(
            now,
            cmid,
            error.code,
            error.retriable,
            error.retry_after_ms,
            &error.message,
        );
        true
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.pump(now);
    }

    /// When [`Outbox::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.lanes
            .values()
            .filter_map(|lane| lane.next_tick(self.link))
            .min()
    }

    /// What it wants done next.
    pub fn poll(&mut self) -> Option<OutboxOutput> {
        self.output.pop_front()
    }

    /// The record of a message that is not forgotten yet.
    pub fn record(&self, cmid: Cmid) -> Option<&OutgoingRecord> {
        let lane = self.lanes.get(self.places.get(&cmid)?)?;
        lane.items
            .iter()
            .map(|item| &item.record)
            .find(|record| record.cmid == cmid)
    }

    /// The messages of a conversation that are not in its log yet, in the order of sending.
    pub fn of(
        &self,
        conversation: &ConversationId,
    ) -> impl Iterator<Item = (&OutgoingRecord, SendState)> {
        self.lanes
            .get(conversation)
            .into_iter()
            .flat_map(|lane| &lane.items)
            .map(|item| (&item.record, item.shown()))
    }

    /// How many messages are neither sent nor failed.
    pub fn unanswered(&self) -> usize {
        self.lanes
            .values()
            .flat_map(|lane| &lane.items)
            .filter(|item| item.is_open())
            .count()
    }

    fn put(&mut self, item: Item) {
        self.next_order = self.next_order.max(item.record.order + 1);
        let conversation = item.record.conversation.clone();
        self.places.insert(item.record.cmid, conversation.clone());
        self.lanes
            .entry(conversation)
            .or_default()
            .items
            .push_back(item);
    }

    fn item(&mut self, cmid: Cmid) -> Option<&mut Item> {
        let lane = self.lanes.get_mut(self.places.get(&cmid)?)?;
        lane.items.iter_mut().find(|item| item.record.cmid == cmid)
    }

    fn refused(
        &mut self,
        now: Timestamp,
        cmid: Cmid,
        code: Code,
        retriable: bool,
        retry_after_ms: Option<u64>,
        message: &str,
    ) {
        let Some(item) = self.item(cmid) else { return };
        if !matches!(item.state, State::Submitted { .. }) {
            return;
        }
        if retriable {
            item.retry(now, code, retry_after_ms);
        } else {
            let failure = Failure::Rejected {
                code,
                message: message.to_owned(),
            };
            self.fail(cmid, failure);
        }
        self.pump(now);
    }

    fn fail(&mut self, cmid: Cmid, failure: Failure) {
        let Some(item) = self.item(cmid) else { return };
        item.state = State::Failed(failure.clone());
        item.record.failure = Some(failure.clone());
        let record = item.record.clone();
        self.output.push_back(OutboxOutput::Store(record.clone()));
        self.changed(&record, SendState::Failed(failure));
    }

    fn changed(&mut self, record: &OutgoingRecord, state: SendState) {
        self.output.push_back(OutboxOutput::Changed {
            conversation: record.conversation.clone(),
            cmid: record.cmid,
            state,
        });
    }

    /// Sends what may be sent, and gives up what waited too long.
    fn pump(&mut self, now: Timestamp) {
        let expired: Vec<Cmid> = self
            .lanes
            .values()
            .flat_map(|lane| lane.expired(now))
            .collect();
        for cmid in expired {
            self.fail(cmid, Failure::Expired);
        }
        let Some(in_flight) = self.link else { return };
        for lane in self.lanes.values_mut() {
            lane.pump(now, in_flight, &mut self.next_id, |todo| {
                self.output.push_back(match todo {
                    Todo::Store(record) => OutboxOutput::Store(record),
                    Todo::Transmit { id, cmid, frame } => {
                        self.ids.insert(id, cmid);
                        OutboxOutput::Transmit(frame)
                    }
                });
            });
        }
    }

    /// A client with a wrong clock gives what it never sent a new cmid, from the server's time (LOG-3).
    fn rename_those_of_a_wrong_clock(&mut self, server_time: Timestamp) {
        let oldest = server_time.minus(CMID_MAX_AGE);
        let newest = server_time.plus(CMID_MAX_AHEAD);
        let wrong: Vec<Cmid> = self
            .lanes
            .values()
            .flat_map(|lane| &lane.items)
            .filter(|item| item.is_open() && !item.unknown)
            .map(|item| item.record.cmid)
            .filter(|cmid| !(oldest..=newest).contains(&cmid.time()))
            .collect();
        for old in wrong {
            let mut random = [0; 10];
            random.copy_from_slice(&old.as_bytes()[6..]);
            let new = Cmid::from_parts(server_time, random);
            let Some(item) = self.item(old) else { continue };
            item.record.cmid = new;
            let record = item.record.clone();
            self.places.remove(&old);
            self.places.insert(new, record.conversation.clone());
            self.output.push_back(OutboxOutput::Drop(old));
            self.output.push_back(OutboxOutput::Renamed {
                conversation: record.conversation.clone(),
                old,
                new,
            });
            self.output.push_back(OutboxOutput::Store(record));
        }
    }
}
