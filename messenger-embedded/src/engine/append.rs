//! Appending: compare-and-set, claims, one copy into the log.

use std::sync::Arc;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::{ClaimKey, Stored};
use messenger_core::store::{AppendOutcome, Found, LogHead};

use super::Engine;
use crate::fault::Fault;
use crate::log::{Located, Stream};
use crate::logs::{Access, Claim, TailEntry};
use crate::record::{BodyState, put_entry_body, put_entry_head};

/// Bytes of a record without its body, about.
const HEAD_BYTES: usize = 192;

/// What an append came to, before it is durable.
pub(crate) enum Appended {
    /// Queued: applied once the cycle is durable.
    Queued(u64),
    /// Refused: the entries that have the claims, by index in the call.
    Refused {
        end: LogHead,
        duplicates: Vec<(usize, Seq)>,
        cycle: u64,
    },
}

impl Engine {
    /// Judges and queues an append (LOG-2, LOG-3).
    pub(crate) fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: &[Arc<Stored>],
    ) -> Result<Appended, Fault> {
        self.logs.with(conversation, |access| {
            let mut duplicates = Vec::new();
            for (i, stored) in entries.iter().enumerate() {
                if let Claim::At(seq) = access.claim(&stored.entry.sender, stored.entry.cmid)? {
                    duplicates.push((i, seq));
                }
            }
            if access.room.end.head != after || !duplicates.is_empty() {
                let (end, cycle) = (access.room.end, access.room.cycle);
                return Ok(Appended::Refused {
                    end,
                    duplicates,
                    cycle,
                });
            }
            self.queue(access, conversation, entries)
                .map(Appended::Queued)
        })
    }

    /// The seqs of claims, in the order of the keys, and the cycle to wait for.
    pub(crate) fn claims(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> Result<(Vec<Claim>, u64), Fault> {
        self.logs.with(conversation, |access| {
            let claims = keys
                .iter()
                .map(|key| access.claim(&key.sender, key.cmid))
                .collect::<Result<_, _>>()?;
            Ok((claims, access.room.cycle))
        })
    }

    /// What a claim's entry says of itself. `None` once the claim has expired.
    pub(crate) fn found(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<Option<Found>, Fault> {
        let (end, stored) = self.entry(conversation, seq)?;
        let expired = stored.entry.time < end.time.minus(CLAIM_KEPT);
        let digest = stored.digest.filter(|_| seq >= end.base);
        let (time, ordinal) = (stored.entry.time, stored.entry.ordinal);
        Ok((!expired).then_some(Found {
            seq,
            time,
            ordinal,
            digest,
        }))
    }

    /// Resolves the duplicates of a refused append.
    pub(crate) fn conflict(
        &self,
        conversation: &ConversationId,
        head: LogHead,
        duplicates: Vec<(usize, Seq)>,
    ) -> Result<AppendOutcome, Fault> {
        let mut found = Vec::with_capacity(duplicates.len());
        for (i, seq) in duplicates {
            if let Some(one) = self.found(conversation, seq)? {
                found.push((i, one));
            }
        }
        Ok(AppendOutcome::Conflict {
            head,
            duplicates: found,
        })
    }

    fn queue(
        &self,
        access: &mut Access<'_>,
        conversation: &ConversationId,
        entries: &[Arc<Stored>],
    ) -> Result<u64, Fault> {
        let change = access.change();
        let mut batch = self
            .log
            .batch(Stream::Entries, entries.len() * (HEAD_BYTES + 256));
        let located: Vec<Located> = entries
            .iter()
            .map(|stored| {
                batch.record(
                    |out| put_entry_head(out, conversation, change, stored),
                    |out| put_entry_body(out, stored),
                )
            })
            .collect();
        let submitted = self.log.submit(Stream::Entries, &batch)?;
        for (stored, at) in entries.iter().zip(located) {
            let entry = TailEntry {
                at: Located {
                    at: submitted.at + at.at,
                    ..at
                },
                sender: stored.entry.sender.clone(),
                cmid: stored.entry.cmid,
                time: stored.entry.time,
                body: BodyState::of(&stored.entry.content),
            };
            access.push(entry, stored.entry.ordinal);
        }
        access.room.cycle = submitted.cycle;
        Ok(submitted.cycle)
    }
}
