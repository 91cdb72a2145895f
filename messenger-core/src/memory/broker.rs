//! Frames between nodes of one process: a bounded queue per node.
//!
//! ```text
//!   publish ──► queue of the node ──► Subscription::next
//!                 │ full: the oldest goes, since frames are hints
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;

use crate::id::NodeId;
use crate::store::{Broker, StoreResult, Subscription};

use super::{Memory, locked};

/// The most frames that wait for a node; when there are more, the oldest are dropped.
pub const BROKER_QUEUE_FRAMES: usize = 64 * 1024;

#[async_trait]
impl Broker for Memory {
    async fn publish(&self, node: NodeId, frame: Bytes) -> StoreResult<()> {
        let queue = locked(&self.shared.queues.nodes).get(&node).cloned();
        if let Some(queue) = queue {
            queue.push(frame);
        }
        Ok(())
    }

    async fn subscribe(&self, node: NodeId) -> StoreResult<Box<dyn Subscription>> {
        let queue = Arc::new(Queue::default());
        let before = locked(&self.shared.queues.nodes).insert(node, Arc::clone(&queue));
        if let Some(before) = before {
            before.end();
        }
        Ok(Box::new(Frames { queue }))
    }
}

/// The queues of all nodes. They end with it.
#[derive(Default)]
pub(super) struct Queues {
    nodes: Mutex<BTreeMap<NodeId, Arc<Queue>>>,
}

impl Drop for Queues {
    fn drop(&mut self) {
        for queue in locked(&self.nodes).values() {
            queue.end();
        }
    }
}

/// The frames that wait for one node.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    reader: Option<Waker>,
    ended: bool,
}

impl Queue {
    fn push(&self, frame: Bytes) {
        let mut waiting = locked(&self.waiting);
        if waiting.ended {
            return;
        }
        if waiting.frames.len() == BROKER_QUEUE_FRAMES {
            waiting.frames.pop_front();
        }
        waiting.frames.push_back(frame);
        let reader = waiting.reader.take();
        drop(waiting);
        wake(reader);
    }

    /// Ends the queue: the reader gets what is there, then `None`.
    fn end(&self) {
        let mut waiting = locked(&self.waiting);
        waiting.ended = true;
        let reader = waiting.reader.take();
        drop(waiting);
        wake(reader);
    }

    /// Ends the queue and drops what is there.
    fn close(&self) {
        let mut waiting = locked(&self.waiting);
        waiting.ended = true;
        waiting.frames = VecDeque::new();
    }

    fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut waiting = locked(&self.waiting);
        match waiting.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if waiting.ended => Poll::Ready(None),
            None => {
                waiting.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A node's end of its queue.
struct Frames {
    queue: Arc<Queue>,
}

#[async_trait]
impl Subscription for Frames {
    async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|context| self.queue.poll_next(context)).await
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}
