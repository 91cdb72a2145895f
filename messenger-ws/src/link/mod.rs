//! One link: a socket on one side, a session of the hub on the other.
//!
//! ```text
//!   GET /v1/ws ──► Origin ours? ──► sub-protocol known? ──► 101 ──► task of the link
//!                   no: 403          no: 400, naming both
//!
//!   one round of the task:   ┌► session.poll_send ──► queue, queue, … ──► one write
//!                            │      │ closed: error frames out, close frame, end
//!                            │      ▼ nothing more to send
//!                            └─ one read ──► batch of messages ──► session.receive     only while replies fit
//! ```
//!
//! While replies do not fit, the link is not read and nothing more is taken from the session; a link that takes no byte
//! for 60 s is closed as `too_slow` (BP-1). A panic of the session ends its own
//! link, with close status 1011; the client comes back and resumes.

mod origin;
mod route;
mod run;

use std::task::{Context, Poll};

use crate::frame::{CloseFrame, OpCode};
use crate::socket::Socket;

pub use route::{LinkConfig, link_router};
pub(crate) use run::close_frame;

/// Bytes that one round queues before it writes.
const ROUND_BYTES: usize = 64 * 1024;

/// What stands behind a link: a session of a hub, or a test's.
pub trait Session: Send + 'static {
    /// Takes what arrived, in order; it never waits.
    fn receive(&mut self, received: Received<'_>);

    /// Returns whether more may be received now. While it says no, the link is not read; the session wakes the link, as
    /// registered by [`poll_send`](Self::poll_send), when that changes.
    fn is_ready(&self) -> bool {
        true
    }

    /// Queues what is to be sent, as long as there is room, and registers for more; ready once the link is to be closed.
    fn poll_send(&mut self, cx: &mut Context<'_>, outgoing: &mut Outgoing<'_>) -> Poll<CloseFrame>;

    /// Looks only whether the link must be closed, while what was sent before does not fit; nothing is sent then.
    fn poll_cut(&mut self, _cx: &mut Context<'_>) -> Poll<CloseFrame> {
        Poll::Pending
    }

    /// Returns whether the other side has proved who it is, so that larger messages are taken from it.
    fn is_established(&self) -> bool;
}

/// What a link hands to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// A message of the link's codec; the bytes are on loan.
    Message(&'a [u8]),
    /// A message of the other kind: text where the codec is binary, or the other way round.
    WrongKind,
    /// A message longer than this many bytes, which was not read; the link ends after it.
    TooLarge(usize),
    /// A sign of life that is no message.
    SignOfLife,
}

/// Takes what a session sends in one round.
#[derive(Debug)]
pub struct Outgoing<'a> {
    queue: &'a mut dyn Queue,
    opcode: OpCode,
}

impl Outgoing<'_> {
    /// Returns whether the round takes another message; a session keeps what it still has for the next round.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.unsent() < ROUND_BYTES
    }

    /// Queues a message, encoded in the link's codec.
    pub fn message(&mut self, payload: &[u8]) {
        self.queue.queue(self.opcode, payload);
    }

    /// Queues a ping of the transport, which even a page with throttled timers answers.
    pub fn ping(&mut self) {
        self.queue.queue(OpCode::Ping, &[]);
    }
}

/// The half of a socket that a session sees, whatever is below it.
trait Queue: std::fmt::Debug + Send {
    fn unsent(&self) -> usize;
    fn queue(&mut self, opcode: OpCode, payload: &[u8]);
}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + std::fmt::Debug + Send> Queue
    for Socket<T>
{
    fn unsent(&self) -> usize {
        Self::unsent(self)
    }

    fn queue(&mut self, opcode: OpCode, payload: &[u8]) {
        Self::queue(self, opcode, payload);
    }
}
