//! A `MessageStore` of one's own, as small as it can be: every log is a `Vec` behind one lock.
//!
//! ```text
//!   append(after) ── after ≠ head, or a claim exists ──► Conflict { head, duplicates }
//!        └────────── otherwise ──► entries and claims, in one step ──► Appended
//! ```
//!
//! What counts is that the head is compared, the claims are checked and both are written in one step: here under one lock,
//! on a database in one transaction. `tests/conformance.rs` runs the cases that any message store has to pass.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Epoch, Seq};
use messenger_core::model::{ClaimKey, Content, EraseReason, Stored};
use messenger_core::store::{
    AppendOutcome, Durability, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
};

/// All logs, in the memory of this process.
#[derive(Debug)]
pub struct VecStore {
    epoch: Epoch,
    logs: Mutex<BTreeMap<ConversationId, Log>>,
}

#[derive(Debug, Default)]
struct Log {
    /// The entry with seq `n` stands at `n - 1`.
    entries: Vec<Arc<Stored>>,
    claims: BTreeMap<ClaimKey, Seq>,
}

impl VecStore {
    /// An empty store. The epoch is random, and the same in all stores of a back end.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            logs: Mutex::default(),
        }
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<ConversationId, Log>> {
        self.logs
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

#[async_trait]
impl MessageStore for VecStore {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            epoch: self.epoch,
            durability: Durability::Memory,
        }
    }

    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
        Ok(self
            .logs()
            .get(conversation)
            .map_or(LogHead::EMPTY, Log::head))
    }

    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        let mut logs = self.logs();
        let log = logs.entry(conversation.clone()).or_default();
        let claimed = |(index, entry): (usize, &Arc<Stored>)| Some((index, log.find(&key(entry))?));
        let duplicates: Vec<_> = entries.iter().enumerate().filter_map(claimed).collect();
        let head = log.head();
        if head.head != after || !duplicates.is_empty() {
            return Ok(AppendOutcome::Conflict { head, duplicates });
        }
        for entry in entries {
            log.claims.insert(key(&entry), entry.seq());
            log.entries.push(entry);
        }
        Ok(AppendOutcome::Appended)
    }

    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>> {
        let logs = self.logs();
        let log = logs.get(conversation);
        Ok(keys.iter().map(|key| log?.find(key)).collect())
    }

    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>> {
        let logs = self.logs();
        let Some(log) = logs.get(conversation) else {
            return Ok(Vec::new());
        };
        let inside = log
            .entries
            .iter()
            .filter(|entry| range.contains(&entry.seq()));
        let mut page = if limit.newest_first {
            up_to(limit, inside.rev())
        } else {
            up_to(limit, inside)
        };
        page.sort_by_key(|entry| entry.seq());
        Ok(page)
    }

    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()> {
        let mut logs = self.logs();
        let Some(log) = logs.get_mut(conversation) else {
            return Ok(());
        };
        for entry in &mut log.entries {
            if seqs.contains(&entry.seq()) && entry.entry.content.has_body() {
                *entry = Arc::new(entry.erased(reason));
            }
        }
        Ok(())
    }
}

impl Log {
    fn head(&self) -> LogHead {
        self.entries.last().map_or(LogHead::EMPTY, |last| LogHead {
            head: last.seq(),
            ordinal: last.entry.ordinal,
            time: last.entry.time,
            ..LogHead::EMPTY
        })
    }

    fn find(&self, key: &ClaimKey) -> Option<Found> {
        let seq = *self.claims.get(key)?;
        let entry = self.entries.iter().find(|entry| entry.seq() == seq)?;
        Some(Found {
            seq,
            time: entry.entry.time,
            ordinal: entry.entry.ordinal,
            digest: entry.digest,
        })
    }
}

fn key(entry: &Stored) -> ClaimKey {
    ClaimKey {
        sender: entry.entry.sender.clone(),
        cmid: entry.entry.cmid,
    }
}

/// Takes entries up to the limit, which one entry may overshoot.
fn up_to<'a>(limit: ReadLimit, entries: impl Iterator<Item = &'a Arc<Stored>>) -> Vec<Arc<Stored>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for entry in entries.take(limit.entries) {
        if bytes >= limit.bytes && !page.is_empty() {
            break;
        }
        bytes += body_bytes(entry);
        page.push(entry.clone());
    }
    page
}

fn body_bytes(entry: &Stored) -> usize {
    match &entry.entry.content {
        Content::Message(message) => message.body_bytes(),
        Content::Edit(edit) => edit.message.body_bytes(),
        _ => 0,
    }
}
