//! Faults of the schedule and of cutting.

use std::sync::Arc;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::store::{Due, RetentionStore, StoreResult};
use messenger_core::time::Day;
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    DueADayEarly,
    DueADayLate,
    DueOnlyToday,
    DueNewestFirst,
    DueIgnoresItsLimit,
    DueSettles,
    ScheduledTwiceIsDueTwice,
    ScheduleIsLost,
    SettleDoesNothing,
    SettleTakesAllDays,
    CutTakesOneMore,
    CutTakesTheHead,
    CutDoesNotFailButEmpties,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    DueADayEarly,
    DueADayLate,
    DueOnlyToday,
    DueNewestFirst,
    DueIgnoresItsLimit,
    DueSettles,
    ScheduledTwiceIsDueTwice,
    ScheduleIsLost,
    SettleDoesNothing,
    SettleTakesAllDays,
    CutTakesOneMore,
    CutTakesTheHead,
    CutDoesNotFailButEmpties,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Retention, ALL, |parts, wrong| {
        let inner = parts.retention.take().expect("memory has it");
        let messages = parts.messages.clone().expect("memory has it");
        let scheduled = std::sync::Mutex::default();
        parts.retention = Some(Arc::new(Retention {
            inner,
            messages: Arc::clone(&messages),
            wrong,
            scheduled,
        }));
        if wrong == CutTakesTheHead {
            parts.messages = Some(Arc::new(Headless { inner: messages }));
        }
    })
}

struct Retention {
    inner: Arc<dyn RetentionStore>,
    messages: Arc<dyn messenger_core::store::MessageStore>,
    wrong: Wrong,
    scheduled: std::sync::Mutex<Vec<Due>>,
}

#[async_trait]
impl RetentionStore for Retention {
    async fn schedule(&self, conversation: &ConversationId, day: Day) -> StoreResult<()> {
        if self.wrong == ScheduleIsLost {
            return Ok(());
        }
        let due = Due {
            day,
            conversation: conversation.clone(),
        };
        self.scheduled.lock().expect("no fault panics").push(due);
        self.inner.schedule(conversation, day).await
    }

    async fn due(&self, today: Day, limit: usize) -> StoreResult<Vec<Due>> {
        let day = match self.wrong {
            DueADayEarly => Day(today.0.saturating_add(1)),
            DueADayLate => Day(today.0.saturating_sub(1)),
            _ => today,
        };
        let limit = if self.wrong == DueIgnoresItsLimit {
            1000
        } else {
            limit
        };
        let mut due = self.inner.due(day, limit).await?;
        match self.wrong {
            DueOnlyToday => due.retain(|due| due.day == today),
            DueNewestFirst => due.reverse(),
            DueSettles => {
                for due in &due {
                    self.inner.settle(due).await?;
                }
            }
            ScheduledTwiceIsDueTwice => {
                let mut scheduled = self.scheduled.lock().expect("no fault panics").clone();
                scheduled.retain(|one| due.contains(one));
                scheduled.sort();
                due = scheduled;
            }
            _ => {}
        }
        Ok(due)
    }

    async fn settle(&self, due: &Due) -> StoreResult<()> {
        match self.wrong {
            SettleDoesNothing => Ok(()),
            SettleTakesAllDays => {
                for other in self.inner.due(Day(u32::MAX), usize::MAX).await? {
                    if other.conversation == due.conversation {
                        self.inner.settle(&other).await?;
                    }
                }
                Ok(())
            }
            _ => self.inner.settle(due).await,
        }
    }

    async fn cut(&self, conversation: &ConversationId, base: Seq) -> StoreResult<()> {
        let base = match self.wrong {
            CutTakesOneMore => base.next(),
            CutDoesNotFailButEmpties => self.messages.head(conversation).await?.head,
            _ => base,
        };
        self.inner.cut(conversation, base).await
    }
}

/// A log whose last entry goes with a cut.
struct Headless {
    inner: Arc<dyn messenger_core::store::MessageStore>,
}

mod headless {
    use std::ops::RangeInclusive;
    use std::sync::Arc;

    use async_trait::async_trait;
    use messenger_core::id::{ConversationId, Seq};
    use messenger_core::model::{ClaimKey, EraseReason, Stored};
    use messenger_core::store::{
        AppendOutcome, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
    };

    #[async_trait]
    impl MessageStore for super::Headless {
        fn info(&self) -> StoreInfo {
            self.inner.info()
        }

        async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
            let head = self.inner.head(conversation).await?;
            let base = if head.base == head.head {
                head.head.next()
            } else {
                head.base
            };
            Ok(LogHead { base, ..head })
        }

        async fn append(
            &self,
            conversation: &ConversationId,
            after: Seq,
            entries: Vec<Arc<Stored>>,
        ) -> StoreResult<AppendOutcome> {
            self.inner.append(conversation, after, entries).await
        }

        async fn find(
            &self,
            conversation: &ConversationId,
            keys: &[ClaimKey],
        ) -> StoreResult<Vec<Option<Found>>> {
            self.inner.find(conversation, keys).await
        }

        async fn read(
            &self,
            conversation: &ConversationId,
            range: RangeInclusive<Seq>,
            limit: ReadLimit,
        ) -> StoreResult<Vec<Arc<Stored>>> {
            self.inner.read(conversation, range, limit).await
        }

        async fn erase(
            &self,
            conversation: &ConversationId,
            seqs: &[Seq],
            reason: EraseReason,
        ) -> StoreResult<()> {
            self.inner.erase(conversation, seqs, reason).await
        }
    }
}
