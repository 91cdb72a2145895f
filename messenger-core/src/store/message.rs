//! The ordered log of a conversation, appended by compare-and-set on its head.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

use crate::id::{ConversationId, Ordinal, Seq};
use crate::model::{ClaimKey, ContentDigest, EraseReason, Stored};
use crate::time::Timestamp;

use super::{StoreInfo, StoreResult};

/// The logs of all conversations.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MessageStore: Send + Sync + 'static {
    /// Epoch and durability of this store.
    fn info(&self) -> StoreInfo;

    /// The present end of a log.
    ///
    /// # Contract
    /// - `an_empty_log_has_base_1_head_0` (LOG-8)
    /// - `the_head_is_the_last_appended_entry` (LOG-1)
    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead>;

    /// Appends `entries` after the entry `after`, all or nothing.
    ///
    /// The entries are finished: dense seqs from `after + 1`, times and ordinals set. The caller never passes two entries
    /// with one claim key in one call, nor an empty list.
    ///
    /// # Contract
    /// - `an_append_after_the_head_is_applied_whole` (LOG-1, LOG-2)
    /// - `an_append_below_the_head_conflicts` (LOG-2)
    /// - `an_append_above_the_head_conflicts` (LOG-2)
    /// - `a_conflict_changes_nothing_and_names_the_head` (LOG-2)
    /// - `a_duplicate_claim_conflicts_and_names_its_seq` (LOG-3)
    /// - `claims_are_scoped_to_the_sender_and_the_conversation` (LOG-3)
    /// - `a_claim_outlives_erasure_of_its_entry` (LOG-3, LOG-6)
    /// - `racing_appends_leave_a_dense_log` (LOG-1, LOG-2)
    /// - `an_acknowledged_append_is_there_after_opening_again` (LOG-4)
    ///
    /// # Errors
    /// `Unknown` when the append may or may not have happened: trying the same again answers `Appended` or a conflict whose
    /// duplicates tell.
    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome>;

    /// Looks up claims, in the order of `keys`.
    ///
    /// # Contract
    /// - `find_answers_each_key_in_order` (LOG-3)
    /// - `find_knows_claims_for_32_days` (LOG-3)
    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>>;

    /// Reads entries of `range` in seq order; from its end backwards when `limit.newest_first` is set (the answer is in seq
    /// order all the same). Stops at the limit, which one entry may overshoot, so that a page is never empty by size.
    ///
    /// # Contract
    /// - `read_gives_the_range_in_seq_order` (LOG-5)
    /// - `read_stops_at_the_limit_of_entries_and_of_bytes` (BP-4)
    /// - `read_newest_first_gives_the_end_of_the_range` (BP-4)
    /// - `read_beyond_the_head_gives_nothing` (LOG-1)
    /// - `erased_entries_are_read_as_tombstones` (LOG-6)
    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>>;

    /// Erases the bodies of the entries; they stay as tombstones. Seqs without a body, or beyond the log, are passed over.
    ///
    /// # Contract
    /// - `an_erased_body_is_unreadable_at_once` (RET-2)
    /// - `erasing_keeps_seq_sender_cmid_time_and_ordinal` (LOG-6)
    /// - `erasing_again_keeps_the_first_reason` (LOG-6)
    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()>;

    /// How many entries an append after `after` may carry without crossing a partition of the store (LOG-2).
    ///
    /// A store without partitions keeps the default, which is no bound.
    async fn room(&self, _conversation: &ConversationId, _after: Seq) -> StoreResult<usize> {
        Ok(usize::MAX)
    }
}

/// The end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The first entry kept.
    pub base: Seq,
    /// The last entry; 0 in an empty log.
    pub head: Seq,
    /// Countable entries up to the head.
    pub ordinal: Ordinal,
    /// The clamped time of the last entry.
    pub time: Timestamp,
    /// The head of the log when the store was restored from a backup; 0 if it never was (RES-3).
    pub kept: Seq,
}

impl LogHead {
    /// The end of a log that has no entry.
    pub const EMPTY: Self = Self {
        base: Seq(1),
        head: Seq::ZERO,
        ordinal: Ordinal(0),
        time: Timestamp(0),
        kept: Seq::ZERO,
    };
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// All entries are durable.
    Appended,
    /// Nothing was appended: the head is another one, or claims exist already.
    Conflict {
        /// The end of the log.
        head: LogHead,
        /// The entries whose claims exist, by their index in the call.
        duplicates: Vec<(usize, Found)>,
    },
}

/// An earlier entry found by its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it stands.
    pub seq: Seq,
    /// Its time.
    pub time: Timestamp,
    /// Its ordinal.
    pub ordinal: Ordinal,
    /// The digest of its content, unless erased.
    pub digest: Option<ContentDigest>,
}

/// How much a read may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Entries at most.
    pub entries: usize,
    /// Bytes of bodies at most.
    pub bytes: usize,
    /// From the end of the range.
    pub newest_first: bool,
}
