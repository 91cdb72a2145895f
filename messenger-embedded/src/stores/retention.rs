//! The schedule and cuts as `RetentionStore`.

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::store::{Due, RetentionStore, StoreResult};
use messenger_core::time::Day;

use super::Stores;
use crate::bytes::Malformed;
use crate::keys;

#[async_trait]
impl RetentionStore for Stores {
    async fn schedule(&self, conversation: &ConversationId, day: Day) -> StoreResult<()> {
        self.step("schedule", |engine| {
            let mut state = engine.state.begin();
            let key = keys::due(day, conversation);
            if state.get(&key)?.is_none() {
                state.put(key, Vec::new());
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn due(&self, today: Day, limit: usize) -> StoreResult<Vec<Due>> {
        self.step("due", |engine| {
            let to = crate::index::prefix_end(&keys::due_on(today));
            let (items, cycle) = engine.state.scan(&keys::due_on(Day(0)), &to, limit)?;
            let due = items
                .iter()
                .map(|(key, _)| parse_due(key))
                .collect::<Result<_, _>>()?;
            Ok((due, cycle))
        })
        .await
    }

    async fn settle(&self, due: &Due) -> StoreResult<()> {
        self.step("settle", |engine| {
            let mut state = engine.state.begin();
            let key = keys::due(due.day, &due.conversation);
            if state.get(&key)?.is_some() {
                state.remove(key);
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn cut(&self, conversation: &ConversationId, base: Seq) -> StoreResult<()> {
        self.step("cut", |engine| Ok(((), engine.cut(conversation, base)?)))
            .await
    }
}

fn parse_due(key: &[u8]) -> Result<Due, Malformed> {
    let malformed = Malformed("due conversation");
    let (day, conversation) = key
        .get(1..)
        .and_then(<[u8]>::split_first_chunk)
        .ok_or(malformed)?;
    let text = std::str::from_utf8(conversation).map_err(|_| malformed)?;
    Ok(Due {
        day: Day(u32::from_be_bytes(*day)),
        conversation: ConversationId::parse(text).map_err(|_| malformed)?,
    })
}
