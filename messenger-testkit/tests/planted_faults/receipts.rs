//! Faults of marks and overlays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use messenger_core::id::{ConversationId, DeviceId, Ordinal, Seq, UserId};
use messenger_core::model::{
    Annotation, Change, Holder, MarkKind, Overlay, Position, Raise, ReactionState, UserMarks,
};
use messenger_core::store::{ReceiptStore, StoreResult};
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    RaiseOverwrites,
    RaiseAlwaysSaysItRose,
    RaiseTakesTheOrdinalOfALowerOne,
    RaiseLosesTheOrdinal,
    ReadIsReadPrivate,
    MarksAreSharedByConversations,
    MarksAreAnsweredOncePerUser,
    AckedIsSharedByDevices,
    AckedOfNoDeviceIsZero,
    AckedOfANewDeviceFollowsDelivered,
    AckedOfANewDeviceIsNone,
    OverlaysCountRepeats,
    OverlayKeepsTheLastEdit,
    ReactionLastWrittenHolds,
    OverlaysAreSharedByTargets,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    RaiseOverwrites,
    RaiseAlwaysSaysItRose,
    RaiseTakesTheOrdinalOfALowerOne,
    RaiseLosesTheOrdinal,
    ReadIsReadPrivate,
    MarksAreSharedByConversations,
    MarksAreAnsweredOncePerUser,
    AckedIsSharedByDevices,
    AckedOfNoDeviceIsZero,
    AckedOfANewDeviceFollowsDelivered,
    AckedOfANewDeviceIsNone,
    OverlaysCountRepeats,
    OverlayKeepsTheLastEdit,
    ReactionLastWrittenHolds,
    OverlaysAreSharedByTargets,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Receipts, ALL, |parts, wrong| {
        let inner = parts.receipts.take().expect("memory has it");
        parts.receipts = Some(Arc::new(Receipts {
            inner,
            wrong,
            written: Mutex::default(),
        }));
    })
}

type MarkKey = (ConversationId, Holder, MarkKind);

#[derive(Default)]
struct Written {
    last: BTreeMap<MarkKey, Position>,
    reactions: BTreeMap<(Seq, UserId, String), ReactionState>,
    edits: BTreeMap<Seq, (Seq, usize)>,
}

struct Receipts {
    inner: Arc<dyn ReceiptStore>,
    wrong: Wrong,
    written: Mutex<Written>,
}

impl Receipts {
    fn last(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        device: Option<DeviceId>,
        kind: MarkKind,
    ) -> Option<Position> {
        let holder = Holder {
            user: user.clone(),
            device,
        };
        let key = (conversation.clone(), holder, kind);
        let written = self.written.lock().expect("no fault panics");
        written.last.get(&key).copied()
    }

    /// The raise that a faulty store does in the place of another.
    fn twisted(&self, raise: &Raise) -> Raise {
        let mut raise = raise.clone();
        match self.wrong {
            RaiseLosesTheOrdinal => raise.to.ordinal = Ordinal(raise.to.seq.0),
            ReadIsReadPrivate if raise.kind == MarkKind::ReadPrivate => raise.kind = MarkKind::Read,
            MarksAreSharedByConversations => raise.conversation = shared(),
            AckedIsSharedByDevices => {
                raise.holder.device = raise.holder.device.map(|_| DeviceId(0))
            }
            _ => {}
        }
        raise
    }
}

fn shared() -> ConversationId {
    messenger_testkit::fixtures::group(u64::MAX >> 1)
}

#[async_trait]
impl ReceiptStore for Receipts {
    async fn raise(&self, raises: &[Raise]) -> StoreResult<Vec<bool>> {
        let mut rose = Vec::new();
        for raise in raises {
            let one = self.inner.raise(&[self.twisted(raise)]).await?;
            rose.push(one[0] || self.wrong == RaiseAlwaysSaysItRose);
            let key = (raise.conversation.clone(), raise.holder.clone(), raise.kind);
            let mut written = self.written.lock().expect("no fault panics");
            written.last.insert(key, raise.to);
        }
        Ok(rose)
    }

    async fn of_conversation(
        &self,
        conversation: &ConversationId,
        users: &[UserId],
    ) -> StoreResult<Vec<UserMarks>> {
        let conversation = match self.wrong {
            MarksAreSharedByConversations => &shared(),
            _ => conversation,
        };
        let mut users = users.to_vec();
        if self.wrong == MarksAreAnsweredOncePerUser {
            users.dedup();
            users.sort();
            users.dedup();
        }
        let mut marks = self.inner.of_conversation(conversation, &users).await?;
        for (user, marks) in users.iter().zip(&mut marks) {
            for kind in MarkKind::ALL {
                let last = self.last(conversation, user, None, *kind);
                let (Some(last), Some(mark)) = (last, marks.of(*kind)) else {
                    continue;
                };
                match self.wrong {
                    RaiseOverwrites => *mark = last,
                    RaiseTakesTheOrdinalOfALowerOne => mark.ordinal = last.ordinal,
                    _ => {}
                }
            }
        }
        Ok(marks)
    }

    async fn of_device(
        &self,
        user: &UserId,
        device: DeviceId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Option<Position>>> {
        let asked = match self.wrong {
            AckedIsSharedByDevices => DeviceId(0),
            _ => device,
        };
        let mut acked = self.inner.of_device(user, asked, conversations).await?;
        for (conversation, acked) in conversations.iter().zip(&mut acked) {
            let last = self.last(conversation, user, Some(device), MarkKind::Acked);
            match self.wrong {
                AckedOfNoDeviceIsZero => *acked = Some(acked.unwrap_or_default()),
                AckedOfANewDeviceIsNone => *acked = acked.filter(|_| last.is_some()),
                AckedOfANewDeviceFollowsDelivered if last.is_none() => {
                    let of = self
                        .inner
                        .of_conversation(conversation, std::slice::from_ref(user));
                    let delivered = of.await?[0].delivered;
                    *acked = acked.map(|_| delivered);
                }
                RaiseOverwrites => *acked = last.or(*acked),
                _ => {}
            }
        }
        Ok(acked)
    }

    async fn annotate(
        &self,
        conversation: &ConversationId,
        annotations: &[Annotation],
    ) -> StoreResult<()> {
        for annotation in annotations {
            let mut written = self.written.lock().expect("no fault panics");
            match &annotation.change {
                Change::Reaction { user, emoji, set } => {
                    let key = (annotation.target, user.clone(), emoji.clone());
                    let state = ReactionState {
                        by: annotation.by,
                        set: *set,
                    };
                    written.reactions.insert(key, state);
                }
                Change::Edit => {
                    let edits = written.edits.entry(annotation.target).or_default();
                    *edits = (annotation.by, edits.1 + 1);
                }
                Change::Retraction => {}
            }
        }
        self.inner.annotate(conversation, annotations).await
    }

    async fn overlays(
        &self,
        conversation: &ConversationId,
        targets: &[Seq],
    ) -> StoreResult<Vec<Overlay>> {
        let mut overlays = self.inner.overlays(conversation, targets).await?;
        if self.wrong == OverlaysAreSharedByTargets {
            let first = overlays[0].clone();
            overlays.fill(first);
        }
        let written = self.written.lock().expect("no fault panics");
        for (target, overlay) in targets.iter().zip(&mut overlays) {
            match (self.wrong, written.edits.get(target)) {
                (OverlaysCountRepeats, Some((_, times))) if *times > overlay.edits.len() => {
                    overlay.edits.insert(Seq(1 << 20));
                }
                (OverlayKeepsTheLastEdit, Some((last, _))) => overlay.edits = [*last].into(),
                (ReactionLastWrittenHolds, _) => {
                    for ((user, emoji), state) in &mut overlay.reactions {
                        let key = (*target, user.clone(), emoji.clone());
                        *state = written.reactions[&key];
                    }
                }
                _ => {}
            }
        }
        Ok(overlays)
    }
}
