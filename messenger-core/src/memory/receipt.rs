//! Marks in memory, per user, and the overlays of messages.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::{ConversationId, DeviceId, Seq, UserId};
use crate::model::{Annotation, MarkKind, Overlay, Position, Raise, UserMarks};
use crate::store::{ReceiptStore, StoreResult};

use super::{Memory, entry};

#[async_trait]
impl ReceiptStore for Memory {
    async fn raise(&self, raises: &[Raise]) -> StoreResult<Vec<bool>> {
        let mut state = self.state();
        let mut rose = Vec::with_capacity(raises.len());
        for raise in raises {
            let marks = entry(&mut state.marks, &raise.holder.user);
            let one = marks.raise(raise);
            if one {
                state.changing(&raise.conversation);
            }
            rose.push(one);
        }
        Ok(rose)
    }

    async fn of_conversation(
        &self,
        conversation: &ConversationId,
        users: &[UserId],
    ) -> StoreResult<Vec<UserMarks>> {
        let state = self.state();
        let of = |user| {
            let marks = state.marks.get(user)?.users.get(conversation)?;
            Some(*marks)
        };
        Ok(users.iter().map(|u| of(u).unwrap_or_default()).collect())
    }

    async fn of_device(
        &self,
        user: &UserId,
        device: DeviceId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Option<Position>>> {
        let state = self.state();
        let acked = state
            .marks
            .get(user)
            .and_then(|marks| marks.acked.get(&device));
        let of = |conversation| acked?.get(conversation).copied();
        Ok(conversations.iter().map(of).collect())
    }

    async fn annotate(
        &self,
        conversation: &ConversationId,
        annotations: &[Annotation],
    ) -> StoreResult<()> {
        let mut state = self.state();
        let room = state.room(conversation);
        for annotation in annotations {
            let overlay = room.overlays.entry(annotation.target).or_default();
            overlay.raise(annotation.by, &annotation.change);
        }
        Ok(())
    }

    async fn overlays(
        &self,
        conversation: &ConversationId,
        targets: &[Seq],
    ) -> StoreResult<Vec<Overlay>> {
        let state = self.state();
        let overlays = state.rooms.get(conversation).map(|room| &room.overlays);
        let of = |target| overlays?.get(target).cloned();
        Ok(targets.iter().map(|t| of(t).unwrap_or_default()).collect())
    }
}

/// All marks of one user and of the user's devices.
#[derive(Clone, Default)]
pub(super) struct Marks {
    users: BTreeMap<ConversationId, UserMarks>,
    acked: BTreeMap<DeviceId, BTreeMap<ConversationId, Position>>,
}

impl Marks {
    /// Begins a device's `acked` at the present `delivered`, in each conversation (MARK-4).
    pub(super) fn begin(&mut self, device: DeviceId) {
        let delivered = self
            .users
            .iter()
            .filter(|(_, marks)| marks.delivered.seq > Seq::ZERO)
            .map(|(conversation, marks)| (conversation.clone(), marks.delivered))
            .collect();
        self.acked.insert(device, delivered);
    }

    /// Takes the higher of a mark and a raise; true when it rose. An `acked` without a device is nobody's, and a raise to 0
    /// leaves no mark behind.
    fn raise(&mut self, raise: &Raise) -> bool {
        if raise.to.seq == Seq::ZERO {
            return false;
        }
        let mark = match raise.kind {
            MarkKind::Acked => raise
                .holder
                .device
                .map(|device| entry(self.acked.entry(device).or_default(), &raise.conversation)),
            MarkKind::Delivered | MarkKind::Read | MarkKind::ReadPrivate | MarkKind::Cleared => {
                entry(&mut self.users, &raise.conversation).of(raise.kind)
            }
        };
        match mark {
            Some(mark) if mark.seq < raise.to.seq => {
                *mark = raise.to;
                true
            }
            Some(_) | None => false,
        }
    }
}
