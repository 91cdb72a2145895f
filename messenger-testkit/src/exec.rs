//! As much of a runtime as a test needs: block on a future, run futures on threads, and give up at a deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// A boxed future that may go to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs a future to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Runs `work` on a thread of its own; the answer can be awaited anywhere.
///
/// # Panics
/// Awaiting it panics when `work` panicked.
pub fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let slot = Arc::new(Slot::default());
    let filled = Arc::clone(&slot);
    thread::spawn(move || {
        // Dropped when `work` panics too, so that the one who waits is told.
        let ended = Ended(Arc::clone(&filled));
        let value = work();
        filled.state().value = Some(value);
        drop(ended);
    });
    std::future::poll_fn(move |context| slot.poll(context))
}

/// The output of a future, or `None` when it takes longer than `limit`.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut alarm = None;
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        let alarm = alarm.get_or_insert_with(|| Alarm::set(limit));
        alarm.poll(context)
    })
    .await
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Where a thread leaves its answer.
struct Slot<T> {
    state: Mutex<SlotState<T>>,
}

struct SlotState<T> {
    value: Option<T>,
    ended: bool,
    waker: Option<Waker>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(SlotState {
                value: None,
                ended: false,
                waker: None,
            }),
        }
    }
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, SlotState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<T> {
        let mut state = self.state();
        if !state.ended {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(state.value.take().expect("the work on the thread panicked"))
    }
}

/// Tells the one who waits that the thread is done.
struct Ended<T>(Arc<Slot<T>>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.ended = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A thread that wakes a task once, unless it is dropped before.
struct Alarm {
    shared: Arc<(Mutex<AlarmState>, Condvar)>,
}

#[derive(Default)]
struct AlarmState {
    rang: bool,
    off: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn set(limit: Duration) -> Self {
        let shared = Arc::new((Mutex::new(AlarmState::default()), Condvar::new()));
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            let (state, switched_off) = &*of_thread;
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut state, _) = switched_off
                .wait_timeout_while(state, limit, |state| !state.off)
                .unwrap_or_else(PoisonError::into_inner);
            state.rang = true;
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        Self { shared }
    }

    fn poll<T>(&self, context: &Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state();
        if state.rang {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, AlarmState> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = self.state();
        state.off = true;
        state.waker = None;
        drop(state);
        self.shared.1.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_computes_can_be_awaited() {
        assert_eq!(block_on(on_thread(|| 6 * 7)), 42);
    }

    #[test]
    fn a_future_that_never_ends_is_given_up_at_the_deadline() {
        let never = std::future::pending::<()>();
        assert_eq!(block_on(within(Duration::from_millis(1), never)), None);
        let ready = std::future::ready(1);
        assert_eq!(block_on(within(Duration::ZERO, ready)), Some(1));
    }
}
