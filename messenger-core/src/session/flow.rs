//! Inbound limits: frames per device, messages per conversation, messages under way (BP-3).

use std::time::Duration;

use crate::id::{Cmid, ConversationId};
use crate::time::Timestamp;
use crate::wire::{CloseCode, Code, ErrorFrame, Rejected};

use super::check::Fault;
use super::{Bucket, Outstanding, Session};

/// After this many frames that were refused for their rate in a row the link is closed.
const OFFENCES_MAX: u32 = 1_000;

/// How many frames in a row were refused for their rate.
#[derive(Debug, Default)]
pub(super) struct Offences(u32);

impl Offences {
    pub(super) fn count(&mut self) -> bool {
        self.0 += 1;
        self.0 > OFFENCES_MAX
    }

    pub(super) fn forgive(&mut self) {
        self.0 = 0;
    }
}

/// A draft's address, for its answer.
pub(super) struct Address {
    pub(super) conversation: ConversationId,
    pub(super) cmid: Cmid,
    pub(super) re: Option<u64>,
}

impl Session {
    /// Takes a place for a draft among those under way; refuses it when there is none.
    pub(super) fn take_place(&mut self, now: Timestamp, address: &Address) -> bool {
        let under_way = self
            .outstanding
            .iter()
            .filter(|out| out.conversation == address.conversation)
            .count();
        if under_way as u64 >= self.config.limits.in_flight_per_conversation {
            let limit = self.config.limits.in_flight_per_conversation;
            self.reject(
                address,
                Code::TooManyInFlight,
                None,
                Some(("conversation", Some(limit))),
            );
            return false;
        }
        let limits = &self.config.limits;
        let place = self.places.entry(address.conversation.clone()).or_default();
        let bucket = place.sends.get_or_insert_with(|| {
            Box::new(Bucket::new(
                limits.sends_per_second,
                limits.sends_burst,
                now,
            ))
        });
        if let Err(wait) = bucket.take(now) {
            self.reject(address, Code::RateLimited, Some(wait), None);
            return false;
        }
        self.outstanding.push(Outstanding {
            conversation: address.conversation.clone(),
            cmid: address.cmid,
            re: address.re,
        });
        true
    }

    /// Refuses a frame for its rate; closes the link of a repeat offender.
    pub(super) fn limit_rate(&mut self, re: Option<u64>, draft: Option<Address>, wait: Duration) {
        match draft {
            Some(address) => self.reject(&address, Code::RateLimited, Some(wait), None),
            None => {
                let mut error = ErrorFrame::new(Code::RateLimited, Code::RateLimited.advice());
                error.re = re;
                error.retry_after_ms = Some(millis(wait));
                self.send(error);
            }
        }
        if self.offences.count() {
            self.end(CloseCode::RateLimited);
        }
    }

    pub(super) fn reject_lagged(&mut self, out: Outstanding) {
        let address = Address {
            conversation: out.conversation,
            cmid: out.cmid,
            re: out.re,
        };
        self.reject(&address, Code::Unavailable, Some(Duration::ZERO), None);
    }

    pub(super) fn reject_fault(&mut self, address: &Address, fault: Fault) {
        self.reject(address, fault.code, None, Some((fault.field, fault.limit)));
    }

    fn reject(
        &mut self,
        address: &Address,
        code: Code,
        wait: Option<Duration>,
        fault: Option<(&str, Option<u64>)>,
    ) {
        self.send(Rejected {
            conversation: address.conversation.clone(),
            cmid: address.cmid,
            code,
            number: u64::from(code.number()),
            retriable: code.is_retriable(),
            message: match fault {
                Some((field, Some(limit))) => format!("`{field}` is limited to {limit}"),
                Some((field, None)) => format!("`{field}`: {}", code.advice()),
                None => code.advice().to_owned(),
            },
            re: address.re,
            retry_after_ms: wait.map(millis),
            seq: None,
            field: fault.map(|(field, _)| field.to_owned()),
            limit: fault.and_then(|(_, limit)| limit),
        });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
