//! A node of the world: machines, sessions, peers; dies whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use messenger_core::conversation::{self, Machine};
use messenger_core::id::{ConversationId, DeviceId, Generation, NodeId, SessionId, UserId};
use messenger_core::node::Peers;
use messenger_core::session::{self, Session};
use messenger_core::store::{Backend, FeedPosition};

use super::flaky::{Faults, Plan, flaky};

/// One process.
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) backend: Backend,
    pub(super) plan: Arc<Plan>,
    pub(super) machines: BTreeMap<ConversationId, Machine>,
    pub(super) links: BTreeMap<SessionId, Served>,
    pub(super) users: BTreeMap<UserId, BTreeSet<SessionId>>,
    pub(super) peers: Peers,
    pub(super) feed: Option<FeedPosition>,
    /// The node has a lease: before that it takes no links.
    pub(super) leased: bool,
    /// Sessions that presence did not take in yet.
    pub(super) unlocated: BTreeSet<SessionId>,
}

/// A link as its node sees it.
pub(super) struct Served {
    pub(super) session: Session,
    pub(super) opened: Option<(UserId, Option<DeviceId>, Generation)>,
}

impl Node {
    pub(super) fn new(id: NodeId, truth: &Backend, seed: u64, faults: Faults) -> Self {
        let plan = Plan::new(seed, faults);
        Self {
            id,
            backend: flaky(truth, &plan),
            plan,
            machines: BTreeMap::new(),
            links: BTreeMap::new(),
            users: BTreeMap::new(),
            peers: Peers::new(id),
            feed: None,
            leased: false,
            unlocated: BTreeSet::new(),
        }
    }

    pub(super) fn machine(
        &mut self,
        conversation: &ConversationId,
        config: &Arc<conversation::Config>,
    ) -> &mut Machine {
        self.machines
            .entry(conversation.clone())
            .or_insert_with(|| Machine::new(conversation.clone(), Arc::clone(config)))
    }

    pub(super) fn sessions_of(&self, user: &UserId) -> Vec<SessionId> {
        self.users
            .get(user)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }

    /// The sessions of the same device that an opening replaces.
    pub(super) fn replaced_by(
        &self,
        user: &UserId,
        device: DeviceId,
        generation: Generation,
    ) -> Vec<SessionId> {
        self.sessions_of(user)
            .into_iter()
            .filter(|id| {
                self.links
                    .get(id)
                    .and_then(|link| link.opened.as_ref())
                    .is_some_and(|(_, other, older)| *other == Some(device) && *older < generation)
            })
            .collect()
    }

    pub(super) fn drop_link(&mut self, id: SessionId) -> Option<Served> {
        let link = self.links.remove(&id)?;
        if let Some((user, ..)) = &link.opened
            && let Some(sessions) = self.users.get_mut(user)
        {
            sessions.remove(&id);
        }
        Some(link)
    }
}

/// A fresh session.
pub(super) fn served(
    id: SessionId,
    config: &Arc<session::Config>,
    now: messenger_core::time::Timestamp,
) -> Served {
    Served {
        session: Session::new(id, Arc::clone(config), now),
        opened: None,
    }
}
