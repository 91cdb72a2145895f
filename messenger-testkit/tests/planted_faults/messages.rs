//! Faults of the log.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Ordinal, Seq};
use messenger_core::model::{ClaimKey, Content, EraseReason, Message, Stored};
use messenger_core::store::{
    AppendOutcome, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
};
use messenger_core::time::DAY;
use messenger_testkit::conformance::Need;
use messenger_testkit::fixtures::{START, cmid};

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    AppendIgnoresTheHead,
    AppendAcceptsAboveTheHead,
    ConflictKeepsWhatIsNew,
    ConflictForgetsTheHead,
    DuplicateIsAppendedAgain,
    ClaimIsNotScopedToTheSender,
    ClaimIsNotScopedToTheConversation,
    ClaimGoesWithTheBody,
    ClaimIsForgottenAfter30Days,
    FindAnswersInOtherOrder,
    FindLosesTheOrdinal,
    HeadCountsSilentEntries,
    HeadLacksItsTime,
    EmptyLogHasBaseZero,
    ReadIgnoresTheEntryLimit,
    ReadIgnoresTheByteLimit,
    ReadIsEmptyBySize,
    ReadGivesNewestFirst,
    ReadNewestGivesTheBeginning,
    ReadSkipsTombstones,
    ReadBeyondTheHeadGivesTheLast,
    ReadLosesHiddenFrom,
    TextIsTrimmed,
    EraseDoesNothing,
    EraseKeepsTheDigest,
    EraseChangesTheOrdinal,
    EraseTakesTheLastReason,
    EraseTakesWhatHasNoBody,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    AppendIgnoresTheHead,
    AppendAcceptsAboveTheHead,
    ConflictKeepsWhatIsNew,
    ConflictForgetsTheHead,
    DuplicateIsAppendedAgain,
    ClaimIsNotScopedToTheSender,
    ClaimIsNotScopedToTheConversation,
    ClaimGoesWithTheBody,
    ClaimIsForgottenAfter30Days,
    FindAnswersInOtherOrder,
    FindLosesTheOrdinal,
    HeadCountsSilentEntries,
    HeadLacksItsTime,
    EmptyLogHasBaseZero,
    ReadIgnoresTheEntryLimit,
    ReadIgnoresTheByteLimit,
    ReadIsEmptyBySize,
    ReadGivesNewestFirst,
    ReadNewestGivesTheBeginning,
    ReadSkipsTombstones,
    ReadBeyondTheHeadGivesTheLast,
    ReadLosesHiddenFrom,
    TextIsTrimmed,
    EraseDoesNothing,
    EraseKeepsTheDigest,
    EraseChangesTheOrdinal,
    EraseTakesTheLastReason,
    EraseTakesWhatHasNoBody,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Messages, ALL, |parts, wrong| {
        let inner = parts.messages.take().expect("memory has it");
        parts.messages = Some(Arc::new(Messages {
            inner,
            wrong,
            seen: std::sync::Mutex::default(),
        }));
    })
}

struct Messages {
    inner: Arc<dyn MessageStore>,
    wrong: Wrong,
    /// All entries that were ever given to it, with their conversations.
    seen: std::sync::Mutex<Vec<(ConversationId, Arc<Stored>)>>,
}

const WITHOUT_BOUNDS: ReadLimit = ReadLimit {
    entries: usize::MAX,
    bytes: usize::MAX,
    newest_first: false,
};

impl Messages {
    async fn log(&self, conversation: &ConversationId) -> Vec<Arc<Stored>> {
        let all = Seq(1)..=Seq(1 << 40);
        let log = self.inner.read(conversation, all, WITHOUT_BOUNDS).await;
        log.expect("memory reads")
    }

    /// Appends after whatever the head is.
    async fn append_anyway(
        &self,
        conversation: &ConversationId,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        let head = self.inner.head(conversation).await?;
        let entries = (head.head.0 + 1..)
            .zip(entries)
            .map(|(seq, stored)| {
                let mut stored = Stored::clone(&stored);
                stored.entry.seq = Seq(seq);
                Arc::new(stored)
            })
            .collect();
        self.inner.append(conversation, head.head, entries).await
    }

    fn with_new_cmids(entries: &[Arc<Stored>]) -> Vec<Arc<Stored>> {
        entries
            .iter()
            .map(|stored| {
                let mut stored = Stored::clone(stored);
                stored.entry.cmid = cmid(START, 1 << 40 | stored.entry.seq.0);
                Arc::new(stored)
            })
            .collect()
    }

    /// Entries seen before under the same `cmid`, by whoever and wherever `same` says.
    fn claimed(
        &self,
        entries: &[Arc<Stored>],
        same: impl Fn(&ConversationId, &Stored, &Stored) -> bool,
    ) -> Vec<(usize, Found)> {
        let seen = self.seen.lock().expect("no fault panics");
        let claimed = entries.iter().enumerate().filter_map(|(index, new)| {
            let (_, old) = seen.iter().find(|(conversation, old)| {
                old.entry.cmid == new.entry.cmid && same(conversation, old, new)
            })?;
            let found = Found {
                seq: old.seq(),
                time: old.entry.time,
                ordinal: old.entry.ordinal,
                digest: old.digest,
            };
            Some((index, found))
        });
        claimed.collect()
    }

    fn unerased(&self, conversation: &ConversationId, seq: Seq) -> Option<Arc<Stored>> {
        let seen = self.seen.lock().expect("no fault panics");
        let mut found = seen
            .iter()
            .filter(|(of, stored)| of == conversation && stored.seq() == seq);
        found.next().map(|(_, stored)| Arc::clone(stored))
    }
}

#[async_trait]
impl MessageStore for Messages {
    fn info(&self) -> StoreInfo {
        self.inner.info()
    }

    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
        let mut head = self.inner.head(conversation).await?;
        match self.wrong {
            HeadCountsSilentEntries => head.ordinal = Ordinal(head.head.0),
            HeadLacksItsTime => head.time = LogHead::EMPTY.time,
            EmptyLogHasBaseZero if head.head == Seq::ZERO => head.base = Seq::ZERO,
            _ => {}
        }
        Ok(head)
    }

    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        let head = self.inner.head(conversation).await?;
        let mut entries = entries;
        match self.wrong {
            AppendIgnoresTheHead => return self.append_anyway(conversation, entries).await,
            AppendAcceptsAboveTheHead if after > head.head => {
                return self.append_anyway(conversation, entries).await;
            }
            DuplicateIsAppendedAgain if after == head.head => {
                let outcome = self
                    .inner
                    .append(conversation, after, entries.clone())
                    .await?;
                if matches!(outcome, AppendOutcome::Appended) {
                    return Ok(outcome);
                }
                let again = Self::with_new_cmids(&entries);
                return self.inner.append(conversation, after, again).await;
            }
            ClaimIsNotScopedToTheSender | ClaimIsNotScopedToTheConversation => {
                let sender = self.wrong == ClaimIsNotScopedToTheSender;
                let duplicates = self.claimed(&entries, |of, old, new| {
                    if sender {
                        of == conversation
                    } else {
                        old.entry.sender == new.entry.sender
                    }
                });
                if !duplicates.is_empty() {
                    return Ok(AppendOutcome::Conflict { head, duplicates });
                }
            }
            ClaimGoesWithTheBody => {
                let log = self.log(conversation).await;
                let erased = log
                    .iter()
                    .filter(|stored| matches!(stored.entry.content, Content::Tombstone(_)));
                let cmids: Vec<_> = erased.map(|stored| stored.entry.cmid).collect();
                if entries.iter().any(|new| cmids.contains(&new.entry.cmid)) {
                    entries = Self::with_new_cmids(&entries);
                }
            }
            TextIsTrimmed => {
                for stored in &mut entries {
                    if let Content::Message(message) = &stored.entry.content
                        && let Some(text) = &message.text
                    {
                        let text = Message {
                            text: Some(text.as_str().trim().into()),
                            ..message.clone()
                        };
                        Arc::make_mut(stored).entry.content = Content::Message(text);
                    }
                }
            }
            _ => {}
        }
        let given = entries.clone();
        let mut outcome = self.inner.append(conversation, after, entries).await?;
        match &mut outcome {
            AppendOutcome::Appended => {
                let mut seen = self.seen.lock().expect("no fault panics");
                seen.extend(
                    given
                        .into_iter()
                        .map(|stored| (conversation.clone(), stored)),
                );
            }
            AppendOutcome::Conflict { head, .. } if self.wrong == ConflictForgetsTheHead => {
                *head = LogHead::EMPTY;
            }
            AppendOutcome::Conflict { duplicates, .. } if self.wrong == ConflictKeepsWhatIsNew => {
                let new = given.into_iter().enumerate();
                let new = new.filter(|(i, _)| duplicates.iter().all(|(index, _)| index != i));
                let new = new.map(|(_, stored)| stored).collect();
                self.append_anyway(conversation, new).await?;
            }
            AppendOutcome::Conflict { .. } => {}
        }
        Ok(outcome)
    }

    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>> {
        let head = self.inner.head(conversation).await?;
        let mut found = self.inner.find(conversation, keys).await?;
        match self.wrong {
            FindAnswersInOtherOrder => found.sort_by_key(|f| f.as_ref().map(|f| f.seq)),
            FindLosesTheOrdinal => {
                for found in found.iter_mut().flatten() {
                    found.ordinal = Ordinal(0);
                }
            }
            ClaimIsForgottenAfter30Days => {
                let kept = |f: &Found| head.time.since(f.time) < DAY * 30;
                found = found.into_iter().map(|f| f.filter(kept)).collect();
            }
            ClaimGoesWithTheBody => {
                found = found
                    .into_iter()
                    .map(|f| f.filter(|f| f.digest.is_some()))
                    .collect();
            }
            _ => {}
        }
        Ok(found)
    }

    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>> {
        let mut limit = limit;
        match self.wrong {
            ReadIgnoresTheEntryLimit => limit.entries = usize::MAX,
            ReadIgnoresTheByteLimit => limit.bytes = usize::MAX,
            ReadIsEmptyBySize if limit.bytes < 1000 => return Ok(Vec::new()),
            ReadNewestGivesTheBeginning => limit.newest_first = false,
            _ => {}
        }
        let head = self.inner.head(conversation).await?.head;
        let range = match self.wrong {
            ReadBeyondTheHeadGivesTheLast if *range.start() > head => head..=head,
            _ => range,
        };
        let mut page = self.inner.read(conversation, range, limit).await?;
        let is_erased = |stored: &Stored| matches!(stored.entry.content, Content::Tombstone(_));
        match self.wrong {
            ReadGivesNewestFirst => page.reverse(),
            ReadSkipsTombstones => page.retain(|stored| !is_erased(stored)),
            ReadLosesHiddenFrom => {
                for stored in &mut page {
                    Arc::make_mut(stored).hidden_from = None;
                }
            }
            EraseKeepsTheDigest | EraseChangesTheOrdinal => {
                for stored in page.iter_mut().filter(|stored| is_erased(stored)) {
                    let before = self.unerased(conversation, stored.seq());
                    let stored = Arc::make_mut(stored);
                    if self.wrong == EraseKeepsTheDigest {
                        stored.digest = before.and_then(|before| before.digest);
                    } else {
                        stored.entry.ordinal = Ordinal(stored.entry.ordinal.0.saturating_sub(1));
                    }
                }
            }
            EraseTakesTheLastReason => {
                for stored in page.iter_mut().filter(|stored| is_erased(stored)) {
                    *stored = Arc::new(stored.erased(EraseReason::Retracted));
                }
            }
            EraseTakesWhatHasNoBody => {
                for stored in &mut page {
                    if !stored.entry.content.has_body() && head > Seq(10) {
                        *stored = Arc::new(stored.erased(EraseReason::Timed));
                    }
                }
            }
            _ => {}
        }
        Ok(page)
    }

    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()> {
        if self.wrong == EraseDoesNothing {
            return Ok(());
        }
        self.inner.erase(conversation, seqs, reason).await
    }
}
