//! Presence: which devices of a user are live, where and since when (PRES-1); and a user's standing.

use crate::codec::symbols;
use crate::id::{DeviceId, Generation, NodeId, UserId};
use crate::time::Timestamp;

symbols! {
    /// What an observer sees of a user.
    pub enum UserPresence {
        /// No device is live.
        0 "offline" Offline,
        /// At least one device is live.
        1 "online" Online,
        /// The observer's own view is stale (PRES-5).
        2 "unknown" Unknown,
    }
}

/// The record of one live device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePresence {
    /// Which device; `None` stands for all transient sessions of the user together.
    pub device: Option<DeviceId>,
    /// The node that holds its link.
    pub node: NodeId,
    /// The session's generation.
    pub generation: Generation,
    /// When it last gave a sign of life.
    pub heartbeat: Timestamp,
}

/// What is not in any log but judged with it: bans and blocks (SEC-4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The user may not connect.
    pub banned: bool,
    /// Whom the user blocks.
    pub blocks: std::collections::BTreeSet<UserId>,
}
