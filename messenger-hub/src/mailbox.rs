//! What waits for one link, bounded in bytes: pushes are dropped when it is full, answers never (RES-2, BP-1).

use std::sync::Mutex;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use messenger_core::id::SessionId;
use messenger_core::session::Input;
use messenger_core::wire::CloseCode;

use crate::inbox::lock;

/// About what an input costs besides the bodies that it carries.
const INPUT_BYTES: usize = 200;

/// The inputs that wait for one link.
#[derive(Debug)]
pub(crate) struct Mailbox {
    id: SessionId,
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    inputs: Vec<Input>,
    bytes: usize,
    lagged: bool,
    closed: bool,
}

impl Mailbox {
    pub(crate) fn new(id: SessionId, max_bytes: usize) -> Self {
        Self {
            id,
            max_bytes,
            waiting: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    /// Adds an input; true when the link must be woken for it.
    #[must_use]
    pub(crate) fn put(&self, input: Input) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return false;
        }
        // A close is looked for even while the link takes nothing else.
        let wakes = waiting.inputs.is_empty() && !waiting.lagged || is_close(&input).is_some();
        let bytes = weight(&input);
        if is_push(&input) {
            if waiting.lagged {
                return false;
            }
            if waiting.bytes + bytes > self.max_bytes {
                waiting.lagged = true;
                waiting.inputs.retain(|input| !is_push(input));
                waiting.bytes = waiting.inputs.iter().map(weight).sum();
                return wakes;
            }
        }
        waiting.bytes += bytes;
        waiting.inputs.push(input);
        wakes
    }

    /// Adds an input and wakes the link.
    pub(crate) fn post(&self, input: Input) {
        if self.put(input) {
            self.wake();
        }
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Takes all that waits; `Pending` when there is nothing.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Vec<Input>> {
        if let Some(inputs) = self.take() {
            return Poll::Ready(inputs);
        }
        self.waker.register(cx.waker());
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// Looks, without taking anything, whether the link is to be closed.
    pub(crate) fn poll_close(&self, cx: &mut Context<'_>) -> Poll<CloseCode> {
        self.waker.register(cx.waker());
        let waiting = lock(&self.waiting);
        waiting
            .inputs
            .iter()
            .find_map(is_close)
            .map_or(Poll::Pending, Poll::Ready)
    }

    fn take(&self) -> Option<Vec<Input>> {
        let mut waiting = lock(&self.waiting);
        if waiting.inputs.is_empty() && !waiting.lagged {
            return None;
        }
        let mut inputs = std::mem::take(&mut waiting.inputs);
        waiting.bytes = 0;
        if std::mem::take(&mut waiting.lagged) {
            inputs.push(Input::Lagged);
        }
        Some(inputs)
    }

    /// The link is gone: nothing more is taken in.
    pub(crate) fn close(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        waiting.inputs = Vec::new();
    }
}

/// True for what a session makes good by itself when it is dropped.
fn is_push(input: &Input) -> bool {
    matches!(input, Input::Push(_) | Input::Tell(_))
}

fn is_close(input: &Input) -> Option<CloseCode> {
    match input {
        Input::Close(code) => Some(*code),
        _ => None,
    }
}

fn weight(input: &Input) -> usize {
    match input {
        Input::Push(batch) => batch
            .entries
            .iter()
            .map(|entry| match &entry.stored().entry.content {
                messenger_core::model::Content::Message(message) => {
                    INPUT_BYTES + message.body_bytes()
                }
                messenger_core::model::Content::Edit(edit) => {
                    INPUT_BYTES + edit.message.body_bytes()
                }
                _ => INPUT_BYTES,
            })
            .sum(),
        _ => INPUT_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use messenger_core::wire::{Pong, ServerFrame};

    use super::*;

    fn taken(mailbox: &Mailbox) -> Vec<Input> {
        mailbox.take().unwrap_or_default()
    }

    #[test]
    fn a_close_is_seen_behind_whatever_waits() {
        let mailbox = Mailbox::new(SessionId(1), 10_000);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(mailbox.put(Input::Recheck));
        assert!(mailbox.poll_close(&mut cx).is_pending());
        assert!(
            mailbox.put(Input::Close(CloseCode::DeviceRevoked)),
            "it wakes"
        );
        let seen = mailbox.poll_close(&mut cx);
        assert_eq!(seen, Poll::Ready(CloseCode::DeviceRevoked));
        assert_eq!(taken(&mailbox).len(), 2, "nothing was taken");
    }

    #[test]
    fn a_full_mailbox_drops_pushes_and_keeps_answers() {
        let mailbox = Mailbox::new(SessionId(1), 3 * INPUT_BYTES);
        let pong = ServerFrame::Pong(Pong {
            server_time: messenger_core::time::Timestamp(1),
            re: None,
        });
        for _ in 0..10 {
            let _ = mailbox.put(Input::Tell(Arc::new(pong.clone())));
        }
        let _ = mailbox.put(Input::Frame(pong));
        let _ = mailbox.put(Input::Goaway {
            retry_after: Duration::ZERO,
        });
        let inputs = taken(&mailbox);
        assert!(matches!(
            inputs[..],
            [Input::Frame(_), Input::Goaway { .. }, Input::Lagged]
        ));
        assert!(taken(&mailbox).is_empty(), "lag is told once");
    }
}
