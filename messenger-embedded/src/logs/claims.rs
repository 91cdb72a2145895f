//! Looking up claims: nearly always without looking (LOG-3).
//!
//! ```text
//!   cmid above the sender's newest? ─yes─► fresh
//!        │ no
//!   in the tail? ─yes─► there
//!        │ no
//!   cmid time above all that left the tail? ─yes─► fresh
//!        │ no
//!   stray of that cmid? runs whose claims reach its time?      the index: a retry after a long while
//! ```

use messenger_core::id::{Cmid, ConversationId, Seq, UserId};

use super::Access;
use super::run::{RUN_SPAN, claims_key, find_claim, first_seq, stray_key};
use crate::bytes::Malformed;
use crate::fault::Fault;
use crate::index::{Go, Index, Table};

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nobody has it.
    Fresh,
    /// The entry that has it.
    At(Seq),
}

impl Access<'_> {
    /// Looks up the claim of a sender's cmid.
    pub(crate) fn claim(&self, sender: &UserId, cmid: Cmid) -> Result<Claim, Fault> {
        let Some(known) = self.room.senders.get(sender) else {
            return Ok(Claim::Fresh);
        };
        if cmid > known.newest {
            return Ok(Claim::Fresh);
        }
        let recent = self
            .room
            .tail
            .iter()
            .rev()
            .position(|entry| entry.cmid == cmid && entry.sender == *sender);
        if let Some(back) = recent {
            return Ok(Claim::At(Seq(self.room.end.head.get() - back as u64)));
        }
        if cmid.time() > known.left {
            return Ok(Claim::Fresh);
        }
        let found = find_in_index(self.index(), self.conversation, sender, cmid)?;
        Ok(found.map_or(Claim::Fresh, Claim::At))
    }
}

fn find_in_index(
    index: &dyn Index,
    conversation: &ConversationId,
    sender: &UserId,
    cmid: Cmid,
) -> Result<Option<Seq>, Fault> {
    if let Some(bytes) = index.get(Table::Runs, &stray_key(conversation, cmid, sender))? {
        let bytes = bytes.try_into().map_err(|_| Malformed("stray claim"))?;
        return Ok(Some(Seq(u64::from_le_bytes(bytes))));
    }
    // The entry lies within a span of the cmid, its run within another, the run's claims within a third.
    let from = claims_key(conversation, cmid.time(), Seq::ZERO);
    let to = claims_key(conversation, cmid.time().plus(3 * RUN_SPAN), Seq(u64::MAX));
    let mut found = Ok(None);
    index.scan(Table::Runs, &from, &to, false, &mut |key, value| {
        found = first_seq(key).and_then(|first| find_claim(value, first, sender, cmid));
        if matches!(found, Ok(None)) {
            Go::On
        } else {
            Go::Stop
        }
    })?;
    Ok(found?)
}
