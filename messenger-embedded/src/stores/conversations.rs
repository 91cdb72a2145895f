//! Snapshots as `ConversationStore`.

use async_trait::async_trait;
use messenger_core::id::ConversationId;
use messenger_core::model::Conversation;
use messenger_core::store::{ConversationStore, StoreResult};

use super::{Stores, from_cbor, to_cbor};
use crate::fault::Fault;
use crate::keys;
use crate::state::Transaction;

#[async_trait]
impl ConversationStore for Stores {
    async fn load(&self, conversation: &ConversationId) -> StoreResult<Option<Conversation>> {
        self.step("load", |engine| {
            let mut state = engine.state.begin();
            let snapshot = snapshot(&mut state, conversation)?;
            Ok((snapshot, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn save(&self, conversation: &Conversation) -> StoreResult<()> {
        self.step("save", |engine| {
            let mut state = engine.state.begin();
            let newer = snapshot(&mut state, &conversation.id)?
                .is_none_or(|old| old.as_of < conversation.as_of);
            if newer {
                state.put(keys::snapshot(&conversation.id), to_cbor(conversation));
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }
}

fn snapshot(
    state: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<Conversation>, Fault> {
    let value = state.get(&keys::snapshot(conversation))?;
    Ok(value
        .map(|value| from_cbor(&value, "snapshot"))
        .transpose()?)
}
