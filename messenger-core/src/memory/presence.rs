//! Presence in memory: one record per device, one for all transient sessions of a user, one lease per node.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::{DeviceId, NodeId, UserId};
use crate::model::DevicePresence;
use crate::store::{Connected, Heartbeat, NODE_LEASE, PresenceStore, StoreResult};
use crate::time::Timestamp;

use super::{Memory, entry, locked};

#[async_trait]
impl PresenceStore for Memory {
    async fn connect(&self, session: &Heartbeat, now: Timestamp) -> StoreResult<Connected> {
        Ok(locked(&self.shared.presence).connect(session, now))
    }

    async fn touch(&self, batch: &[Heartbeat], now: Timestamp) -> StoreResult<()> {
        let mut presence = locked(&self.shared.presence);
        for heartbeat in batch {
            presence.touch(heartbeat, now);
        }
        Ok(())
    }

    async fn disconnect(&self, session: &Heartbeat) -> StoreResult<()> {
        locked(&self.shared.presence).disconnect(session);
        Ok(())
    }

    async fn locate(
        &self,
        users: &[UserId],
        now: Timestamp,
    ) -> StoreResult<Vec<Vec<DevicePresence>>> {
        let presence = locked(&self.shared.presence);
        Ok(users
            .iter()
            .map(|user| presence.locate(user, now))
            .collect())
    }

    async fn beat(&self, node: NodeId, now: Timestamp) -> StoreResult<Vec<NodeId>> {
        Ok(locked(&self.shared.presence).beat(node, now))
    }
}

/// Who is live, on which node, and which nodes are.
#[derive(Default)]
pub(super) struct Presences {
    users: BTreeMap<UserId, BTreeMap<Option<DeviceId>, DevicePresence>>,
    beats: BTreeMap<NodeId, Timestamp>,
}

impl Presences {
    /// Records a session. Transient sessions of a user have no generations to tell them apart: none is stale, none replaces
    /// another, the last to connect holds the record.
    fn connect(&mut self, session: &Heartbeat, now: Timestamp) -> Connected {
        let records = entry(&mut self.users, &session.user);
        let before = records.get(&session.device).copied();
        match before {
            Some(before) if session.device.is_some() && before.generation >= session.generation => {
                Connected::Stale {
                    current: before.generation,
                }
            }
            Some(_) | None => {
                records.insert(session.device, record(session, now));
                Connected::Recorded {
                    before: before.filter(|_| session.device.is_some()),
                }
            }
        }
    }

    fn touch(&mut self, heartbeat: &Heartbeat, now: Timestamp) {
        let new = record(heartbeat, now);
        entry(&mut self.users, &heartbeat.user)
            .entry(heartbeat.device)
            .and_modify(|kept| {
                if kept.generation <= new.generation {
                    let heartbeat = kept.heartbeat.max(new.heartbeat);
                    *kept = DevicePresence { heartbeat, ..new };
                }
            })
            .or_insert(new);
    }

    fn disconnect(&mut self, session: &Heartbeat) {
        let Some(records) = self.users.get_mut(&session.user) else {
            return;
        };
        let ends = records.get(&session.device).is_some_and(|kept| {
            // The record that transient sessions share may be held by one on another node.
            let own = session.device.is_some() || kept.node == session.node;
            own && kept.generation <= session.generation
        });
        if ends {
            records.remove(&session.device);
        }
        if records.is_empty() {
            self.users.remove(&session.user);
        }
    }

    fn locate(&self, user: &UserId, now: Timestamp) -> Vec<DevicePresence> {
        let records = self.users.get(user);
        records
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|record| self.is_live(record.node, now))
            .copied()
            .collect()
    }

    fn beat(&mut self, node: NodeId, now: Timestamp) -> Vec<NodeId> {
        let beat = self.beats.entry(node).or_default();
        *beat = now.max(*beat);
        self.beats.retain(|_, beat| now.since(*beat) < NODE_LEASE);
        self.beats.keys().copied().collect()
    }

    fn is_live(&self, node: NodeId, now: Timestamp) -> bool {
        self.beats
            .get(&node)
            .is_some_and(|beat| now.since(*beat) < NODE_LEASE)
    }
}

fn record(session: &Heartbeat, now: Timestamp) -> DevicePresence {
    DevicePresence {
        device: session.device,
        node: session.node,
        generation: session.generation,
        heartbeat: now,
    }
}
