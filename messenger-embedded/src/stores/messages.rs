//! The log of entries as `MessageStore`.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::{ClaimKey, EraseReason, Stored};
use messenger_core::store::{
    AppendOutcome, Durability, Found, LogHead, MessageStore, ReadLimit, StoreInfo, StoreResult,
};

use super::Stores;
use crate::engine::Appended;
use crate::logs::Claim;

#[async_trait]
impl MessageStore for Stores {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            epoch: self.engine.format.epoch,
            durability: Durability::Disk,
        }
    }

    async fn head(&self, conversation: &ConversationId) -> StoreResult<LogHead> {
        self.step("head", |engine| {
            engine.logs.with(conversation, |access| {
                Ok((access.room.end, access.room.cycle))
            })
        })
        .await
    }

    async fn append(
        &self,
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> StoreResult<AppendOutcome> {
        const APPEND: &str = "append";
        self.engine.healthy(APPEND)?;
        let appended = self.engine.append(conversation, after, &entries);
        match appended.map_err(|fault| fault.during(APPEND))? {
            Appended::Queued(cycle) => {
                self.engine.durable(cycle, APPEND).await?;
                Ok(AppendOutcome::Appended)
            }
            Appended::Refused {
                end,
                duplicates,
                cycle,
            } => {
                self.engine.durable(cycle, APPEND).await?;
                let conflict = self.engine.conflict(conversation, end, duplicates);
                conflict.map_err(|fault| fault.during(APPEND))
            }
        }
    }

    async fn find(
        &self,
        conversation: &ConversationId,
        keys: &[ClaimKey],
    ) -> StoreResult<Vec<Option<Found>>> {
        const FIND: &str = "find";
        let claims = self
            .step(FIND, |engine| engine.claims(conversation, keys))
            .await?;
        let found = claims.into_iter().map(|claim| match claim {
            Claim::Fresh => Ok(None),
            Claim::At(seq) => self.engine.found(conversation, seq),
        });
        found
            .collect::<Result<_, _>>()
            .map_err(|fault| fault.during(FIND))
    }

    async fn read(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> StoreResult<Vec<Arc<Stored>>> {
        const READ: &str = "read";
        let (first, last) = range.into_inner();
        let places = self
            .step(READ, |engine| {
                let places = engine.logs.locate(
                    conversation,
                    first,
                    last,
                    limit.entries,
                    limit.newest_first,
                )?;
                Ok((places.found, places.cycle))
            })
            .await?;
        self.engine
            .read(conversation, &places, limit)
            .map_err(|fault| fault.during(READ))
    }

    async fn erase(
        &self,
        conversation: &ConversationId,
        seqs: &[Seq],
        reason: EraseReason,
    ) -> StoreResult<()> {
        self.step("erase", |engine| {
            Ok(((), engine.erase(conversation, seqs, reason)?))
        })
        .await
    }
}
