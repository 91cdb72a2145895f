//! Faults of snapshots.

use std::sync::Arc;

use async_trait::async_trait;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::Conversation;
use messenger_core::store::{ConversationStore, StoreResult};
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    OlderReplacesNewer,
    FirstStays,
    FormerMembersAreLost,
    NeverSavedIsEmpty,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    OlderReplacesNewer,
    FirstStays,
    FormerMembersAreLost,
    NeverSavedIsEmpty,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Conversations, ALL, |parts, wrong| {
        let inner = parts.conversations.take().expect("memory has it");
        let last = std::sync::Mutex::default();
        parts.conversations = Some(Arc::new(Conversations { inner, wrong, last }));
    })
}

struct Conversations {
    inner: Arc<dyn ConversationStore>,
    wrong: Wrong,
    last: std::sync::Mutex<Option<Conversation>>,
}

#[async_trait]
impl ConversationStore for Conversations {
    async fn load(&self, conversation: &ConversationId) -> StoreResult<Option<Conversation>> {
        let loaded = self.inner.load(conversation).await?;
        let last = self.last.lock().expect("no fault panics").clone();
        Ok(match self.wrong {
            OlderReplacesNewer => last.filter(|last| last.id == *conversation).or(loaded),
            NeverSavedIsEmpty => loaded.or_else(|| Some(Conversation::empty(conversation.clone()))),
            FirstStays | FormerMembersAreLost => loaded,
        })
    }

    async fn save(&self, conversation: &Conversation) -> StoreResult<()> {
        let mut saved = conversation.clone();
        *self.last.lock().expect("no fault panics") = Some(saved.clone());
        match self.wrong {
            FirstStays => {
                let before = self.inner.load(&saved.id).await?;
                if before.is_some_and(|before| before.as_of > Seq::ZERO) {
                    return Ok(());
                }
            }
            FormerMembersAreLost => saved.former.clear(),
            OlderReplacesNewer | NeverSavedIsEmpty => {}
        }
        self.inner.save(&saved).await
    }
}
