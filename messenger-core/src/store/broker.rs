//! Frames between nodes: hints, at most once.

use async_trait::async_trait;
use bytes::Bytes;

use crate::id::NodeId;

use super::StoreResult;

/// Carries frames from node to node. Frames may be lost, doubled and reordered; nobody relies on one (RES-5).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Sends a frame to a node, if it is there.
    ///
    /// # Contract
    /// - `a_published_frame_reaches_its_node` (RES-5)
    /// - `a_frame_to_a_node_that_is_gone_is_no_error` (RES-5)
    async fn publish(&self, node: NodeId, frame: Bytes) -> StoreResult<()>;

    /// The frames sent to a node from now on.
    ///
    /// # Contract
    /// - `each_node_gets_only_its_own_frames` (RES-5)
    async fn subscribe(&self, node: NodeId) -> StoreResult<Box<dyn Subscription>>;
}

/// The frames sent to one node.
#[async_trait]
pub trait Subscription: Send {
    /// The next frame; `None` when the broker ended.
    async fn next(&mut self) -> Option<Bytes>;
}
