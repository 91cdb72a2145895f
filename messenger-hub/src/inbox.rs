//! A queue that is drained whole: many writers, one reader, one wake-up per round.

use std::sync::Mutex;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// A queue of inputs for one task.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    items: Mutex<Vec<T>>,
    waker: AtomicWaker,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self {
            items: Mutex::new(Vec::new()),
            waker: AtomicWaker::new(),
        }
    }
}

impl<T> Inbox<T> {
    /// Adds an input; wakes the reader if there was none before.
    pub(crate) fn push(&self, item: T) {
        let first = {
            let mut items = lock(&self.items);
            items.push(item);
            items.len() == 1
        };
        if first {
            self.waker.wake();
        }
    }

    /// How many inputs wait.
    pub(crate) fn len(&self) -> usize {
        lock(&self.items).len()
    }

    /// Takes all that is there into `batch`, which is empty; its capacity stays in use.
    pub(crate) async fn take(&self, batch: &mut Vec<T>) {
        std::future::poll_fn(|cx| self.poll_take(cx, batch)).await;
    }

    /// The same, after all other tasks that are ready have run: what they add comes along.
    ///
    /// A task that is woken by another runs right after it, and would find just the one item that woke it.
    pub(crate) async fn take_late(&self, batch: &mut Vec<T>) {
        std::future::poll_fn(|cx| self.poll_any(cx)).await;
        tokio::task::yield_now().await;
        self.swap(batch);
    }

    fn poll_any(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.len() > 0 {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        if self.len() > 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Vec<T>) -> Poll<()> {
        if self.swap(batch) {
            return Poll::Ready(());
        }
        self.waker.register(cx.waker());
        if self.swap(batch) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn swap(&self, batch: &mut Vec<T>) -> bool {
        let mut items = lock(&self.items);
        std::mem::swap(&mut *items, batch);
        !batch.is_empty()
    }
}

/// Locks, also after a panic elsewhere: each update is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
