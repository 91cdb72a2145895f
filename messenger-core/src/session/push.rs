//! Pushes: sent on where they follow what was sent, else pulled (LOG-5).
//!
//! ```text
//!   sent = 41   push 42‥44 ──► sent on, sent = 44        push 45‥45 while pulling ──► pulled
//!               push 40‥41 ──► had                       push 50‥50 ──► a hole: pulled
//! ```
//!
//! To the session that sent it, `accepted` stands for the entry: it takes the entry's place in the order.

use std::sync::Arc;

use crate::conversation::Batch;
use crate::model::Stored;
use crate::wire::{Accepted, Gap, GapReason, ServerFrame};

use super::io::Output;
use super::{Phase, Session};

impl Session {
    pub(super) fn push(&mut self, batch: &Arc<Batch>) {
        if self.phase != Phase::Open {
            return;
        }
        let is_transient = self.who.as_ref().is_some_and(|who| who.device.is_none());
        let place = self.places.entry(batch.conversation.clone()).or_default();
        if is_transient && place.sent.is_none() {
            // It starts at the head (MARK-4): that is before the first entry that came while it was there.
            place.sent = Some(batch.from.previous());
        }
        let sent = place
            .sent
            .filter(|sent| place.live && sent.next() >= batch.from);
        let Some(sent) = sent else {
            self.accept_own(batch);
            return self.want_pull(&batch.conversation);
        };
        if batch.to > sent {
            place.sent = Some(batch.to);
        }
        let mut next = sent.next().max(batch.from);
        let mut run = 0..0;
        for (index, entry) in batch.entries.iter().enumerate() {
            let stored = entry.stored();
            let own = self.take_outstanding(batch, stored);
            if stored.seq() < next {
                if let Some(re) = own {
                    self.send(accepted(batch, stored, re));
                }
                continue;
            }
            if stored.seq() > next {
                self.flush(batch, &mut run);
                self.send(Gap {
                    conversation: batch.conversation.clone(),
                    from: next,
                    to: stored.seq().previous(),
                    reason: GapReason::Right,
                });
            }
            next = stored.seq().next();
            match own {
                Some(re) => {
                    self.flush(batch, &mut run);
                    self.send(accepted(batch, stored, re));
                }
                None if run.start == run.end => run = index..index + 1,
                None => run.end = index + 1,
            }
        }
        self.flush(batch, &mut run);
        if next <= batch.to {
            self.send(Gap {
                conversation: batch.conversation.clone(),
                from: next,
                to: batch.to,
                reason: GapReason::Right,
            });
        }
    }

    fn flush(&mut self, batch: &Arc<Batch>, run: &mut std::ops::Range<usize>) {
        if run.start < run.end {
            self.outputs.push_back(Output::SendEntries {
                batch: Arc::clone(batch),
                range: run.clone(),
            });
            *run = 0..0;
        }
    }

    /// The push cannot be sent on now, but own drafts in it are answered.
    fn accept_own(&mut self, batch: &Arc<Batch>) {
        for entry in &batch.entries {
            if let Some(re) = self.take_outstanding(batch, entry.stored()) {
                self.send(accepted(batch, entry.stored(), re));
            }
        }
    }

    /// The request's id, if the entry is a draft of this session that was not answered.
    fn take_outstanding(&mut self, batch: &Batch, stored: &Stored) -> Option<Option<u64>> {
        let user = &self.who.as_ref()?.user;
        if self.outstanding.is_empty() || stored.entry.sender != *user {
            return None;
        }
        let index = self.outstanding.iter().position(|out| {
            out.cmid == stored.entry.cmid && out.conversation == batch.conversation
        })?;
        Some(self.outstanding.remove(index).re)
    }

    /// Passes an answer on; one that settles a draft settles it here too.
    pub(super) fn answer(&mut self, frame: ServerFrame) {
        let settled = match &frame {
            ServerFrame::Accepted(accepted) => Some((&accepted.conversation, accepted.cmid)),
            ServerFrame::Rejected(rejected) => Some((&rejected.conversation, rejected.cmid)),
            _ => None,
        };
        if let Some((conversation, cmid)) = settled {
            self.outstanding
                .retain(|out| out.cmid != cmid || out.conversation != *conversation);
        }
        self.send(frame);
    }
}

fn accepted(batch: &Batch, stored: &Stored, re: Option<u64>) -> Accepted {
    Accepted {
        conversation: batch.conversation.clone(),
        cmid: stored.entry.cmid,
        seq: stored.seq(),
        time: stored.entry.time,
        ordinal: stored.entry.ordinal,
        re,
        duplicate: false,
    }
}
