//! Marks and overlays as `ReceiptStore`.

use async_trait::async_trait;
use messenger_core::id::{ConversationId, DeviceId, Seq, UserId};
use messenger_core::model::{Annotation, MarkKind, Overlay, Position, Raise, UserMarks};
use messenger_core::store::{ReceiptStore, StoreResult};

use super::overlay::{decode_overlay, encode_overlay};
use super::{Stores, from_cbor, to_cbor};
use crate::fault::Fault;
use crate::keys;
use crate::state::Transaction;

#[async_trait]
impl ReceiptStore for Stores {
    async fn raise(&self, raises: &[Raise]) -> StoreResult<Vec<bool>> {
        self.step("raise", |engine| {
            let mut state = engine.state.begin();
            let mut rose = Vec::with_capacity(raises.len());
            let mut changed: Vec<&ConversationId> = Vec::new();
            for raise in raises {
                let one = raise_one(&mut state, raise)?;
                if one && changed.last() != Some(&&raise.conversation) {
                    changed.push(&raise.conversation);
                }
                rose.push(one);
            }
            let mut bumps = Vec::with_capacity(changed.len());
            for conversation in changed {
                bumps.push((conversation.clone(), engine.logs.bump(conversation)?));
            }
            Ok((rose, state.commit(&engine.log, &bumps)?))
        })
        .await
    }

    async fn of_conversation(
        &self,
        conversation: &ConversationId,
        users: &[UserId],
    ) -> StoreResult<Vec<UserMarks>> {
        self.step("of_conversation", |engine| {
            let mut state = engine.state.begin();
            let marks = users
                .iter()
                .map(|user| marks(&mut state, &keys::marks(user, conversation)))
                .collect::<Result<_, _>>()?;
            Ok((marks, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn of_device(
        &self,
        user: &UserId,
        device: DeviceId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Option<Position>>> {
        self.step("of_device", |engine| {
            let mut state = engine.state.begin();
            let acked = conversations
                .iter()
                .map(|conversation| acked(&mut state, &keys::acked(user, device, conversation)))
                .collect::<Result<_, _>>()?;
            Ok((acked, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn annotate(
        &self,
        conversation: &ConversationId,
        annotations: &[Annotation],
    ) -> StoreResult<()> {
        self.step("annotate", |engine| {
            let mut state = engine.state.begin();
            for annotation in annotations {
                let key = keys::overlay(conversation, annotation.target);
                let before = overlay(&mut state, &key)?;
                let mut after = before.clone();
                after.raise(annotation.by, &annotation.change);
                if after != before {
                    state.put(key, encode_overlay(&after));
                }
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn overlays(
        &self,
        conversation: &ConversationId,
        targets: &[Seq],
    ) -> StoreResult<Vec<Overlay>> {
        self.step("overlays", |engine| {
            let (base, _) = engine
                .logs
                .with(conversation, |access| Ok((access.room.end.base, ())))?;
            let mut state = engine.state.begin();
            let overlays = targets
                .iter()
                .map(|target| match *target < base {
                    true => Ok(Overlay::default()),
                    false => overlay(&mut state, &keys::overlay(conversation, *target)),
                })
                .collect::<Result<_, _>>()?;
            Ok((overlays, state.commit(&engine.log, &[])?))
        })
        .await
    }
}

/// Raises one mark; true if it rose. Of `acked` without a device there is none.
fn raise_one(state: &mut Transaction<'_>, raise: &Raise) -> Result<bool, Fault> {
    let (user, conversation) = (&raise.holder.user, &raise.conversation);
    if raise.kind == MarkKind::Acked {
        let Some(device) = raise.holder.device else {
            return Ok(false);
        };
        let key = keys::acked(user, device, conversation);
        let before = acked(state, &key)?;
        let rose = before.unwrap_or_default().seq < raise.to.seq;
        if rose {
            state.put(key, to_cbor(&raise.to));
        }
        return Ok(rose);
    }
    let key = keys::marks(user, conversation);
    let mut marks = marks(state, &key)?;
    match marks.of(raise.kind) {
        Some(mark) if mark.seq < raise.to.seq => {
            *mark = raise.to;
            state.put(key, to_cbor(&marks));
            Ok(true)
        }
        Some(_) | None => Ok(false),
    }
}

fn marks(state: &mut Transaction<'_>, key: &[u8]) -> Result<UserMarks, Fault> {
    match state.get(key)? {
        None => Ok(UserMarks::default()),
        Some(value) => Ok(from_cbor(&value, "marks")?),
    }
}

fn acked(state: &mut Transaction<'_>, key: &[u8]) -> Result<Option<Position>, Fault> {
    Ok(state
        .get(key)?
        .map(|value| from_cbor(&value, "acked"))
        .transpose()?)
}

fn overlay(state: &mut Transaction<'_>, key: &[u8]) -> Result<Overlay, Fault> {
    match state.get(key)? {
        None => Ok(Overlay::default()),
        Some(value) => Ok(decode_overlay(&value)?),
    }
}
