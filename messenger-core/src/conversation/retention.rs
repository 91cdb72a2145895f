//! Bodies that go by themselves: at once unreadable, then physically gone (RET-2).
//!
//! ```text
//!   sweep(day) ─┐
//!               ├─► due? ──► erase ──► settle(day)
//!   relay ack ──┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::Seq;
use crate::model::{Content, EraseReason, Expiry, Stored};
use crate::time::{Day, Timestamp};
use crate::wire::EncodedEntry;

use super::Machine;
use super::io::{Answer, Mark, Request, Ticket};

/// What expires in a conversation.
#[derive(Debug, Default)]
pub(super) struct Expiring {
    /// Days that are scheduled in the store, as far as this machine knows.
    scheduled: BTreeSet<Day>,
    /// Days that a sweep asked for.
    sweeping: BTreeSet<Day>,
    /// Some entry goes when every device has it.
    relay: bool,
    relay_check: bool,
    /// Below this seq no body is left that goes by itself.
    from: Seq,
    step: Step,
}

#[derive(Debug, Default)]
enum Step {
    #[default]
    Idle,
    Asking(Ticket),
    Erasing {
        ticket: Ticket,
        seqs: Vec<Seq>,
        reason: EraseReason,
        rest: Vec<(EraseReason, Vec<Seq>)>,
    },
    Settling(Ticket),
}

impl Expiring {
    /// Notes that something expires on `day`; true when the store does not know yet.
    pub(super) fn schedules(&mut self, day: Day) -> bool {
        self.scheduled.insert(day)
    }

    pub(super) fn add(&mut self, expiry: Expiry) {
        self.relay |= expiry.relay;
    }

    pub(super) fn want(&mut self, day: Day) {
        self.sweeping.insert(day);
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.step, Step::Idle) && !self.is_wanted()
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self.step {
            Step::Idle => None,
            Step::Asking(ticket) | Step::Settling(ticket) | Step::Erasing { ticket, .. } => {
                Some(ticket)
            }
        }
    }

    fn is_wanted(&self) -> bool {
        !self.sweeping.is_empty() || (self.relay && self.relay_check)
    }
}

impl Machine {
    /// An acked mark rose: under `relay` a body may go now.
    pub(super) fn want_relay_check(&mut self, marks: &[Mark]) {
        self.expiring.relay_check |= marks.iter().any(|mark| mark.device.is_some());
    }

    /// Begins a sweep, if one is wanted and none is under way; true when it began.
    pub(super) fn sweep(&mut self) -> bool {
        if !matches!(self.expiring.step, Step::Idle) || !self.expiring.is_wanted() {
            return false;
        }
        self.expiring.relay_check = false;
        let state = &self.log.state;
        let audience = if self.expiring.relay || !self.expiring.sweeping.is_empty() {
            let former = state
                .former
                .iter()
                .map(|(user, rights)| (user.clone(), rights.clone()));
            let present = state
                .members
                .iter()
                .map(|(user, m)| (user.clone(), m.rights.clone()));
            present.chain(former).collect()
        } else {
            Vec::new()
        };
        let from = self.expiring.from.max(self.log.base);
        let ticket = self.request(Request::Due { from, audience });
        self.expiring.step = Step::Asking(ticket);
        true
    }

    pub(super) fn expired(&mut self, answer: Answer) {
        match (std::mem::take(&mut self.expiring.step), answer) {
            (
                Step::Asking(_),
                Answer::Due {
                    expired,
                    relayed,
                    next,
                    later,
                },
            ) => {
                self.expiring.from = next;
                // A day stays due while something of it is left.
                self.expiring.sweeping.retain(|day| !later.contains(day));
                let mut rest = Vec::new();
                if !relayed.is_empty() {
                    rest.push((EraseReason::Relayed, relayed));
                }
                for reason in [EraseReason::Timed, EraseReason::Expired] {
                    let seqs: Vec<Seq> = expired
                        .iter()
                        .filter(|(_, other)| *other == reason)
                        .map(|(seq, _)| *seq)
                        .collect();
                    if !seqs.is_empty() {
                        rest.push((reason, seqs));
                    }
                }
                self.erase_next(rest);
            }
            (
                Step::Erasing {
                    seqs, reason, rest, ..
                },
                Answer::Done,
            ) => {
                for seq in seqs {
                    self.bury(seq, reason);
                }
                self.erase_next(rest);
            }
            (Step::Settling(_), Answer::Done) => {
                let settled = self.expiring.sweeping.pop_first();
                if let Some(day) = settled {
                    self.expiring.scheduled.remove(&day);
                }
                self.settle_next();
            }
            // What failed stays due: the next sweep tries again.
            _ => self.expiring.sweeping.clear(),
        }
    }

    fn erase_next(&mut self, mut rest: Vec<(EraseReason, Vec<Seq>)>) {
        match rest.pop() {
            None => self.settle_next(),
            Some((reason, seqs)) => {
                let ticket = self.request(Request::Erase {
                    seqs: seqs.clone(),
                    reason,
                });
                self.expiring.step = Step::Erasing {
                    ticket,
                    seqs,
                    reason,
                    rest,
                };
            }
        }
    }

    fn settle_next(&mut self) {
        if let Some(day) = self.expiring.sweeping.first().copied() {
            let ticket = self.request(Request::Settle(day));
            self.expiring.step = Step::Settling(ticket);
        }
    }

    /// Retractions among these entries: the erased bodies go from memory too (EDIT-4).
    pub(super) fn erase_retracted(&mut self, entries: &[Arc<EncodedEntry>]) {
        for entry in entries {
            let Content::Retraction(retraction) = &entry.stored().entry.content else {
                continue;
            };
            let edits: Vec<Seq> = self
                .log
                .recent
                .newest_first()
                .filter(|other| match &other.stored().entry.content {
                    Content::Edit(edit) => edit.target == retraction.target,
                    _ => false,
                })
                .map(|other| other.stored().seq())
                .collect();
            self.bury(retraction.target, EraseReason::Retracted);
            for seq in edits {
                self.bury(seq, EraseReason::Retracted);
            }
        }
    }

    fn bury(&mut self, seq: Seq, reason: EraseReason) {
        let erased = match self.log.recent.at(seq) {
            Some(entry) if entry.stored().entry.content.has_body() => entry.stored().erased(reason),
            _ => return,
        };
        self.log.recent.replace(erased);
    }
}

/// The entry as a reader may see it now: a body whose time has passed is unreadable at once (RET-2).
pub(super) fn readable(entry: &Arc<EncodedEntry>, now: Timestamp) -> Arc<EncodedEntry> {
    let stored: &Stored = entry.stored();
    match stored.expiry {
        Some(expiry) if expiry.at <= now && stored.entry.content.has_body() => {
            Arc::new(EncodedEntry::new(Arc::new(stored.erased(expiry.reason()))))
        }
        _ => Arc::clone(entry),
    }
}
