//! The log of a conversation in memory, and its claims.
//!
//! ```text
//!   base ───────────────── head        entries: dense, erased ones as tombstones
//!   oldest ───────────── newest        ages: the claims in the order of their appends, pruned from the front
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{ConversationId, Ordinal, Seq};
use crate::limits::CLAIM_KEPT;
use crate::model::{ClaimKey, Content, EraseReason, Stored};
use crate::store::{
    AppendOutcome, Durability, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
};
use crate::time::Timestamp;

use super::Memory;

#[async_trait]
impl MessageStore for Memory {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            epoch: self.shared.epoch,
            durability: Durability::Memory,
        }
    }

    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
        let state = self.state();
        let room = state.rooms.get(conversation);
        Ok(room.map_or(LogHead::EMPTY, |room| room.log.end()))
    }

    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        let mut state = self.state();
        let conflict = match state.rooms.get(conversation) {
            Some(room) => room.log.conflict(after, &entries),
            None => Log::default().conflict(after, &entries),
        };
        if let Some(conflict) = conflict {
            return Ok(conflict);
        }
        state.changing(conversation).log.extend(entries);
        Ok(AppendOutcome::Appended)
    }

    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>> {
        let state = self.state();
        let log = state.rooms.get(conversation).map(|room| &room.log);
        let find = |key| log.and_then(|log| log.find(key));
        Ok(keys.iter().map(find).collect())
    }

    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>> {
        let state = self.state();
        let room = state.rooms.get(conversation);
        Ok(room.map_or_else(Vec::new, |room| room.log.read(range, limit)))
    }

    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()> {
        let mut state = self.state();
        if let Some(room) = state.rooms.get_mut(conversation) {
            for seq in seqs {
                room.log.erase(*seq, reason);
            }
        }
        Ok(())
    }
}

/// One conversation's entries and claims.
#[derive(Clone)]
pub(super) struct Log {
    base: Seq,
    entries: VecDeque<Arc<Stored>>,
    claims: BTreeMap<ClaimKey, Claim>,
    ages: VecDeque<(Timestamp, ClaimKey)>,
    kept: Seq,
}

/// What is known of an entry by its claim, also when the entry was cut off.
#[derive(Clone, Copy)]
struct Claim {
    seq: Seq,
    time: Timestamp,
    ordinal: Ordinal,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            base: LogHead::EMPTY.base,
            entries: VecDeque::new(),
            claims: BTreeMap::new(),
            ages: VecDeque::new(),
            kept: LogHead::EMPTY.kept,
        }
    }
}

impl Log {
    pub(super) fn end(&self) -> LogHead {
        let last = self.entries.back().map(|stored| &stored.entry);
        LogHead {
            base: self.base,
            head: last.map_or(LogHead::EMPTY.head, |entry| entry.seq),
            ordinal: last.map_or(LogHead::EMPTY.ordinal, |entry| entry.ordinal),
            time: last.map_or(LogHead::EMPTY.time, |entry| entry.time),
            kept: self.kept,
        }
    }

    /// Notes that the log as it is now was restored.
    pub(super) fn mark_kept(&mut self) {
        self.kept = self.end().head;
    }

    /// Drops the entries below `base`, but never the last one.
    pub(super) fn cut(&mut self, base: Seq) {
        let base = base.min(self.end().head).max(self.base);
        let dropped = base.0 - self.base.0;
        self.entries
            .drain(..usize::try_from(dropped).expect("entries fit in memory"));
        self.base = base;
    }

    fn conflict(&self, after: Seq, entries: &[Arc<Stored>]) -> Option<AppendOutcome> {
        let head = self.end();
        let duplicates: Vec<_> = entries
            .iter()
            .enumerate()
            .filter_map(|(index, stored)| Some((index, self.find(&claim_key(stored))?)))
            .collect();
        if after == head.head && duplicates.is_empty() {
            return None;
        }
        Some(AppendOutcome::Conflict { head, duplicates })
    }

    fn extend(&mut self, entries: Vec<Arc<Stored>>) {
        for stored in entries {
            debug_assert_eq!(stored.seq(), self.end().head.next(), "entries are dense");
            let key = claim_key(&stored);
            let claim = Claim {
                seq: stored.seq(),
                time: stored.entry.time,
                ordinal: stored.entry.ordinal,
            };
            self.ages.push_back((stored.entry.time, key.clone()));
            self.claims.insert(key, claim);
            self.entries.push_back(stored);
        }
        self.forget_old_claims();
    }

    /// Forgets the claims that the time of the last append has left behind. That time never falls, so the oldest claims
    /// are always in front.
    fn forget_old_claims(&mut self) {
        let kept_since = self.end().time.minus(CLAIM_KEPT);
        while let Some((time, key)) = self.ages.front()
            && *time < kept_since
        {
            self.claims.remove(key);
            self.ages.pop_front();
        }
    }

    fn find(&self, key: &ClaimKey) -> Option<Found> {
        let claim = self.claims.get(key)?;
        Some(Found {
            seq: claim.seq,
            time: claim.time,
            ordinal: claim.ordinal,
            digest: self.at(claim.seq).and_then(|stored| stored.digest),
        })
    }

    fn read(&self, range: RangeInclusive<Seq>, limit: ReadLimit) -> Vec<Arc<Stored>> {
        let first = range.start().max(&self.base).0;
        let last = range.end().min(&self.end().head).0;
        if first > last {
            return Vec::new();
        }
        let index = |seq: u64| usize::try_from(seq - self.base.0).expect("entries fit in memory");
        let window = self.entries.range(index(first)..=index(last));
        if limit.newest_first {
            let mut page = take(window.rev(), limit);
            page.reverse();
            page
        } else {
            take(window, limit)
        }
    }

    fn erase(&mut self, seq: Seq, reason: EraseReason) {
        let Some(index) = self.index(seq) else { return };
        let stored = &mut self.entries[index];
        if stored.entry.content.has_body() {
            *stored = Arc::new(stored.erased(reason));
        }
    }

    fn at(&self, seq: Seq) -> Option<&Arc<Stored>> {
        self.entries.get(self.index(seq)?)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        let index = usize::try_from(seq.0.checked_sub(self.base.0)?).ok()?;
        (index < self.entries.len()).then_some(index)
    }
}

/// Entries up to the limit, which the first one may overshoot.
fn take<'a>(window: impl Iterator<Item = &'a Arc<Stored>>, limit: ReadLimit) -> Vec<Arc<Stored>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for stored in window.take(limit.entries) {
        bytes += body_bytes(&stored.entry.content);
        if bytes > limit.bytes && !page.is_empty() {
            break;
        }
        page.push(Arc::clone(stored));
    }
    page
}

fn body_bytes(content: &Content) -> usize {
    match content {
        Content::Message(message) => message.body_bytes(),
        Content::Edit(edit) => edit.message.body_bytes(),
        Content::Retraction(_)
        | Content::Reaction(_)
        | Content::Membership(_)
        | Content::Policy(_)
        | Content::Tombstone(_) => 0,
    }
}

fn claim_key(stored: &Stored) -> ClaimKey {
    ClaimKey {
        sender: stored.entry.sender.clone(),
        cmid: stored.entry.cmid,
    }
}
