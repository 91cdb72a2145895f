//! Erasing bodies (RET-2): unreadable at once, then gone from the disk.
//!
//! ```text
//!   erase ─► erase record durable ─► answered             tombstone for every reader
//!               └─ upkeep: zeros over the body, sync, whole pages punched
//! ```
//!
//! No checkpoint passes an erase record whose bodies are still on the disk: after a crash the record is replayed and the
//! bodies are overwritten then.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::EraseReason;

use super::{Engine, Erasure};
use crate::fault::Fault;
use crate::log::Stream;
use crate::record::{BodyState, put_cut, put_erase};

/// Whole pages inside a body are given back to the file system.
const PAGE: u64 = 4096;

/// Entries that one erase record names.
const ERASE_SEQS: usize = 4_096;

impl Engine {
    /// Queues the erasing of bodies; those that are no more, or never were, are passed over. Answers the cycle.
    pub(crate) fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> Result<u64, Fault> {
        let mut newest = 0;
        for seqs in seqs.chunks(ERASE_SEQS) {
            let mut kept = Vec::with_capacity(seqs.len());
            for seq in seqs {
                let places = self.logs.locate(conversation, *seq, *seq, 1, false)?;
                newest = newest.max(places.cycle);
                if places
                    .found
                    .first()
                    .is_some_and(|place| place.body == BodyState::Kept)
                {
                    kept.push(*seq);
                }
            }
            kept.sort_unstable();
            kept.dedup();
            if !kept.is_empty() {
                newest = newest.max(self.erase_kept(conversation, kept, reason)?);
            }
        }
        Ok(newest)
    }

    fn erase_kept(
        &self,
        conversation: &ConversationId,
        kept: Vec<Seq>,
        reason: EraseReason,
    ) -> Result<u64, Fault> {
        let cycle = self.logs.with(conversation, |access| {
            // Erasing is a change without a number: what readers see of it comes with the entry that caused it.
            let change = access.room.changed;
            let mut batch = self.log.batch(Stream::Entries, 64 + kept.len() * 4);
            batch.record(
                |out| put_erase(out, conversation, change, reason, &kept),
                |_| (),
            );
            let submitted = self.log.submit(Stream::Entries, &batch)?;
            access.erase(&kept, reason);
            access.room.cycle = submitted.cycle;
            Ok(submitted.cycle)
        })?;
        self.overwrite_later(conversation.clone(), kept, cycle);
        Ok(cycle)
    }

    /// Raises the base of a log; what lies below is no longer there for anybody. Answers the cycle.
    pub(crate) fn cut(&self, conversation: &ConversationId, base: Seq) -> Result<u64, Fault> {
        self.logs.with(conversation, |access| {
            let base = base.min(access.room.end.head);
            if base <= access.room.end.base {
                return Ok(access.room.cycle);
            }
            let change = access.room.changed;
            let mut batch = self.log.batch(Stream::Entries, 64);
            batch.record(|out| put_cut(out, conversation, change, base), |_| ());
            let submitted = self.log.submit(Stream::Entries, &batch)?;
            access.cut(base);
            access.room.cycle = submitted.cycle;
            Ok(submitted.cycle)
        })
    }

    /// Notes bodies to be overwritten once `cycle` is durable.
    pub(crate) fn overwrite_later(&self, conversation: ConversationId, seqs: Vec<Seq>, cycle: u64) {
        let mut erasures = self.erasures.lock().unwrap_or_else(PoisonError::into_inner);
        erasures.push(Erasure {
            conversation,
            seqs,
            cycle,
        });
    }

    /// True while bodies wait to be overwritten.
    pub(crate) fn has_erasures(&self) -> bool {
        !self
            .erasures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Overwrites every body that waits for it, durably. The caller holds the standstill.
    pub(crate) fn overwrite_erased(&self) -> Result<(), Fault> {
        let erasures =
            std::mem::take(&mut *self.erasures.lock().unwrap_or_else(PoisonError::into_inner));
        if erasures.is_empty() {
            return Ok(());
        }
        let mut touched = BTreeMap::new();
        let mut holes = Vec::new();
        for erasure in &erasures {
            self.log.wait(erasure.cycle)?;
            for seq in &erasure.seqs {
                for place in self.logs.locate_one(&erasure.conversation, *seq)?.found {
                    let stream = self.log.stream(Stream::Entries);
                    let (segment, offset) = stream.place(place.at.body_at());
                    let file = stream.file(segment)?;
                    let bytes = u64::from(place.at.body);
                    file.write_at(offset, &vec![0; place.at.body as usize])?;
                    let (first, end) = (
                        offset.next_multiple_of(PAGE),
                        (offset + bytes) / PAGE * PAGE,
                    );
                    if first < end {
                        holes.push((file.clone(), first, end - first));
                    }
                    touched.insert(segment, file);
                }
            }
        }
        for file in touched.values() {
            file.sync()?;
        }
        for (file, offset, bytes) in holes {
            file.punch(offset, bytes)?;
        }
        Ok(())
    }
}
