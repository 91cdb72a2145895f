//! Faults of the broker.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use messenger_core::error::{StoreError, StoreErrorKind};
use messenger_core::id::NodeId;
use messenger_core::store::{Broker, StoreResult, Subscription};
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    FramesAreLost,
    FramesAreCut,
    FramesGoToAnotherNode,
    NodeThatIsGoneIsAnError,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    FramesAreLost,
    FramesAreCut,
    FramesGoToAnotherNode,
    NodeThatIsGoneIsAnError,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Broker, ALL, |parts, wrong| {
        let inner = parts.broker.take().expect("memory has it");
        let subscribed = std::sync::Mutex::default();
        parts.broker = Some(Arc::new(Hints {
            inner,
            wrong,
            subscribed,
        }));
    })
}

struct Hints {
    inner: Arc<dyn Broker>,
    wrong: Wrong,
    subscribed: std::sync::Mutex<Vec<NodeId>>,
}

#[async_trait]
impl Broker for Hints {
    async fn publish(&self, node: NodeId, frame: Bytes) -> StoreResult<()> {
        let subscribed = self.subscribed.lock().expect("no fault panics").clone();
        match self.wrong {
            NodeThatIsGoneIsAnError if !subscribed.contains(&node) => {
                return Err(StoreError::new(StoreErrorKind::NotFound, "publish"));
            }
            FramesGoToAnotherNode => {
                for other in subscribed {
                    self.inner.publish(other, frame.clone()).await?;
                }
                return Ok(());
            }
            FramesAreCut => {
                let cut = frame.slice(..frame.len().min(64 * 1024));
                return self.inner.publish(node, cut).await;
            }
            _ => {}
        }
        self.inner.publish(node, frame).await
    }

    async fn subscribe(&self, node: NodeId) -> StoreResult<Box<dyn Subscription>> {
        self.subscribed.lock().expect("no fault panics").push(node);
        match self.wrong {
            // Ended at once, so that the case need not wait.
            FramesAreLost => Ok(Box::new(Ended)),
            _ => self.inner.subscribe(node).await,
        }
    }
}

struct Ended;

#[async_trait]
impl Subscription for Ended {
    async fn next(&mut self) -> Option<Bytes> {
        None
    }
}
