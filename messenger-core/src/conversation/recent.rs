//! The newest entries of a log with their claims, bounded in number and bytes.
//!
//! ```text
//!   log  1 … 4711 │4712 … 4967│        claims of these: (sender, cmid) → seq
//!                  └ recent ──┘
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::id::Seq;
use crate::model::{ClaimKey, Content, Stored};
use crate::wire::EncodedEntry;

use super::io::Claimed;

/// Entries kept at most.
const MAX_ENTRIES: usize = 64;
/// Bytes of bodies kept at most.
const MAX_BYTES: usize = 512 * 1024;

/// The newest entries of a log.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: VecDeque<Arc<EncodedEntry>>,
    claims: HashMap<ClaimKey, Seq>,
    bytes: usize,
}

impl Recent {
    /// Adds the next entry.
    pub(super) fn push(&mut self, stored: Arc<Stored>) -> Arc<EncodedEntry> {
        self.bytes += weight(&stored);
        self.claims.insert(key_of(&stored), stored.seq());
        let entry = Arc::new(EncodedEntry::new(stored));
        self.entries.push_back(Arc::clone(&entry));
        while self.entries.len() > MAX_ENTRIES || (self.bytes > MAX_BYTES && self.entries.len() > 1)
        {
            self.drop_oldest();
        }
        entry
    }

    /// The entry at this seq.
    pub(super) fn at(&self, seq: Seq) -> Option<&Arc<EncodedEntry>> {
        let first = self.first()?;
        self.entries
            .get(usize::try_from(seq.get().checked_sub(first.get())?).ok()?)
    }

    /// The oldest seq held.
    pub(super) fn first(&self) -> Option<Seq> {
        self.entries.front().map(|entry| entry.stored().seq())
    }

    /// The entries above `seq`, if all of them are held.
    pub(super) fn above(&self, seq: Seq) -> Option<impl Iterator<Item = &Arc<EncodedEntry>>> {
        let first = self.first()?;
        if first > seq.next() {
            return None;
        }
        let skip = usize::try_from(seq.next().get() - first.get()).ok()?;
        Some(self.entries.iter().skip(skip))
    }

    /// The newest entries first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Arc<EncodedEntry>> {
        self.entries.iter().rev()
    }

    /// The entry of a claim.
    pub(super) fn claimed(&self, key: &ClaimKey) -> Option<Claimed> {
        let stored = self.at(*self.claims.get(key)?)?.stored();
        Some(Claimed {
            seq: stored.seq(),
            time: stored.entry.time,
            ordinal: stored.entry.ordinal,
            digest: stored.digest,
        })
    }

    /// Puts the tombstone in the place of an entry.
    pub(super) fn replace(&mut self, stored: Stored) {
        let Some(first) = self.first() else { return };
        let Some(index) = stored.seq().get().checked_sub(first.get()) else {
            return;
        };
        if let Some(slot) = usize::try_from(index)
            .ok()
            .and_then(|index| self.entries.get_mut(index))
        {
            self.bytes = self.bytes - weight(slot.stored()) + weight(&stored);
            *slot = Arc::new(EncodedEntry::new(Arc::new(stored)));
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= weight(entry.stored());
            self.claims.remove(&key_of(entry.stored()));
        }
    }
}

fn key_of(stored: &Stored) -> ClaimKey {
    ClaimKey {
        sender: stored.entry.sender.clone(),
        cmid: stored.entry.cmid,
    }
}

fn weight(stored: &Stored) -> usize {
    match &stored.entry.content {
        Content::Message(message) => message.body_bytes(),
        Content::Edit(edit) => edit.message.body_bytes(),
        Content::Retraction(_)
        | Content::Reaction(_)
        | Content::Membership(_)
        | Content::Policy(_)
        | Content::Tombstone(_) => 0,
    }
}
