//! Who is live, on which node, since when: leases, where the higher generation wins (PRES-3).

use async_trait::async_trait;

use crate::id::{DeviceId, Generation, NodeId, UserId};
use crate::model::DevicePresence;
use crate::time::Timestamp;

use super::StoreResult;

/// The presence of all users; soft state that may vanish at any time (PRES-6).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PresenceStore: Send + Sync + 'static {
    /// Records a session, unless a newer generation of the device is there.
    ///
    /// Transient sessions are all of generation 0: none is stale, none replaces another, and the last to connect holds the
    /// record that they share.
    ///
    /// # Contract
    /// - `a_connected_device_is_located` (PRES-1)
    /// - `a_higher_generation_replaces_a_lower_one` (PRES-3)
    /// - `a_lower_generation_is_stale_and_changes_nothing` (PRES-3)
    /// - `transient_sessions_of_a_user_share_one_record` (PRES-1)
    async fn connect(&self, session: &Heartbeat, now: Timestamp) -> StoreResult<Connected>;

    /// Writes a batch of heartbeats; those of older generations are ignored. A record that was lost comes back (PRES-2).
    ///
    /// # Contract
    /// - `a_heartbeat_renews_and_restores_a_record` (PRES-2)
    /// - `a_late_heartbeat_never_revives_an_older_generation` (PRES-3)
    async fn touch(&self, batch: &[Heartbeat], now: Timestamp) -> StoreResult<()>;

    /// Removes the record of a session, unless it is a newer generation's.
    ///
    /// # Contract
    /// - `a_disconnected_device_is_no_longer_located` (PRES-4)
    /// - `a_late_disconnect_never_ends_a_newer_generation` (PRES-3)
    async fn disconnect(&self, session: &Heartbeat) -> StoreResult<()>;

    /// The live devices of these users, in the order asked for; records of dead nodes are left out.
    ///
    /// # Contract
    /// - `records_of_dead_nodes_are_left_out` (PRES-4)
    async fn locate(
        &self,
        users: &[UserId],
        now: Timestamp,
    ) -> StoreResult<Vec<Vec<DevicePresence>>>;

    /// Renews the lease of a node for 5 s and answers the nodes that are live.
    ///
    /// # Contract
    /// - `a_node_without_a_beat_for_5_seconds_is_dead` (PRES-4)
    async fn beat(&self, node: NodeId, now: Timestamp) -> StoreResult<Vec<NodeId>>;
}

/// A session as presence knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whose.
    pub user: UserId,
    /// Which device; `None` for a transient session.
    pub device: Option<DeviceId>,
    /// Where its link is.
    pub node: NodeId,
    /// The session's generation.
    pub generation: Generation,
}

/// What became of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// Recorded; the session before it on that device, if any, is to be told `replaced`.
    Recorded {
        /// The node and generation of the session before.
        before: Option<DevicePresence>,
    },
    /// A newer or equal generation is recorded.
    Stale {
        /// That generation.
        current: Generation,
    },
}

/// How long a node's lease holds.
pub const NODE_LEASE: std::time::Duration = std::time::Duration::from_secs(5);
