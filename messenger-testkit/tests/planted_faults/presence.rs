//! Faults of presence.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use messenger_core::id::{Generation, NodeId, UserId};
use messenger_core::model::DevicePresence;
use messenger_core::store::{Connected, Heartbeat, PresenceStore, StoreResult};
use messenger_core::time::Timestamp;
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    ConnectIsLost,
    ConnectForgetsTheSessionBefore,
    LowerGenerationConnects,
    EqualGenerationConnects,
    HigherGenerationIsStale,
    TransientSessionsFenceEachOther,
    TouchIsLost,
    TouchRestoresNothing,
    StaleGenerationRevives,
    DisconnectIsLost,
    DisconnectTakesAllDevices,
    LateDisconnectEndsANewerOne,
    DeadNodesAreLocated,
    LocateAnswersInOtherOrder,
    BeatListsDeadNodes,
    BeatListsOnlyItself,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    ConnectIsLost,
    ConnectForgetsTheSessionBefore,
    LowerGenerationConnects,
    EqualGenerationConnects,
    HigherGenerationIsStale,
    TransientSessionsFenceEachOther,
    TouchIsLost,
    TouchRestoresNothing,
    StaleGenerationRevives,
    DisconnectIsLost,
    DisconnectTakesAllDevices,
    LateDisconnectEndsANewerOne,
    DeadNodesAreLocated,
    LocateAnswersInOtherOrder,
    BeatListsDeadNodes,
    BeatListsOnlyItself,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Presence, ALL, |parts, wrong| {
        let inner = parts.presence.take().expect("memory has it");
        let beats = Mutex::default();
        parts.presence = Some(Arc::new(Presence {
            inner,
            wrong,
            beats,
        }));
    })
}

struct Presence {
    inner: Arc<dyn PresenceStore>,
    wrong: Wrong,
    beats: Mutex<BTreeMap<NodeId, Timestamp>>,
}

impl Presence {
    /// Forgets a device whatever its generation.
    async fn forget(&self, session: &Heartbeat) -> StoreResult<()> {
        let any = Heartbeat {
            generation: Generation(u64::MAX),
            ..session.clone()
        };
        self.inner.disconnect(&any).await
    }
}

#[async_trait]
impl PresenceStore for Presence {
    async fn connect(&self, session: &Heartbeat, now: Timestamp) -> StoreResult<Connected> {
        if self.wrong == ConnectIsLost {
            return Ok(Connected::Recorded { before: None });
        }
        let outcome = self.inner.connect(session, now).await?;
        Ok(match (self.wrong, outcome) {
            (ConnectForgetsTheSessionBefore, Connected::Recorded { .. }) => {
                Connected::Recorded { before: None }
            }
            (LowerGenerationConnects, Connected::Stale { current })
                if current > session.generation =>
            {
                self.forget(session).await?;
                self.inner.connect(session, now).await?
            }
            (EqualGenerationConnects, Connected::Stale { current })
                if current == session.generation =>
            {
                self.forget(session).await?;
                self.inner.connect(session, now).await?
            }
            (
                HigherGenerationIsStale,
                Connected::Recorded {
                    before: Some(before),
                },
            ) => Connected::Stale {
                current: before.generation,
            },
            (TransientSessionsFenceEachOther, Connected::Recorded { .. })
                if session.device.is_none() && session.node != NodeId(0xa1) =>
            {
                Connected::Stale {
                    current: session.generation,
                }
            }
            (_, outcome) => outcome,
        })
    }

    async fn touch(&self, batch: &[Heartbeat], now: Timestamp) -> StoreResult<()> {
        for heartbeat in batch {
            let users = [heartbeat.user.clone()];
            let known = self.inner.locate(&users, now).await?.remove(0);
            let known = known.iter().any(|record| record.device == heartbeat.device);
            match self.wrong {
                TouchIsLost => continue,
                TouchRestoresNothing if !known => continue,
                StaleGenerationRevives => self.forget(heartbeat).await?,
                _ => {}
            }
            let one = std::slice::from_ref(heartbeat);
            self.inner.touch(one, now).await?;
        }
        Ok(())
    }

    async fn disconnect(&self, session: &Heartbeat) -> StoreResult<()> {
        match self.wrong {
            DisconnectIsLost => Ok(()),
            LateDisconnectEndsANewerOne => self.forget(session).await,
            DisconnectTakesAllDevices => {
                for device in 1..5 {
                    let other = Heartbeat {
                        device: Some(messenger_core::id::DeviceId(device)),
                        ..session.clone()
                    };
                    self.inner.disconnect(&other).await?;
                }
                Ok(())
            }
            _ => self.inner.disconnect(session).await,
        }
    }

    async fn locate(
        &self,
        users: &[UserId],
        now: Timestamp,
    ) -> StoreResult<Vec<Vec<DevicePresence>>> {
        let now = match self.wrong {
            DeadNodesAreLocated => Timestamp(0),
            _ => now,
        };
        let mut located = self.inner.locate(users, now).await?;
        if self.wrong == LocateAnswersInOtherOrder {
            located.reverse();
            located.rotate_left(1);
        }
        Ok(located)
    }

    async fn beat(&self, node: NodeId, now: Timestamp) -> StoreResult<Vec<NodeId>> {
        let live = self.inner.beat(node, now).await?;
        let mut beats = self.beats.lock().expect("no fault panics");
        beats.insert(node, now);
        Ok(match self.wrong {
            BeatListsDeadNodes => beats.keys().copied().collect(),
            BeatListsOnlyItself => vec![node],
            _ => live,
        })
    }
}
