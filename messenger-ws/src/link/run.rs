//! The task of a link.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use messenger_core::limits::{HELLO_MAX_BYTES, SLOW_MAX};
use messenger_core::wire::{CloseCode, Codec};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use super::{Outgoing, Received, Session};
use crate::Connection;
use crate::frame::{CloseFrame, CloseStatus, Event, OpCode, Violation};
use crate::socket::{ReceiveError, Socket};

/// One link; [`run`](Self::run) is its task.
pub(super) struct Link<T, S> {
    pub(super) socket: Socket<T>,
    pub(super) session: S,
    pub(super) opcode: OpCode,
    pub(super) max_message_bytes: usize,
    /// Held until the link is over: it counts as one connection.
    pub(super) connection: Option<Connection>,
    pub(super) established: bool,
    /// When the link counts as too slow; there while writes do not fit.
    stalled: Option<Box<Stalled>>,
}

/// A link of which the other side takes nothing.
struct Stalled {
    unsent: usize,
    too_slow: Pin<Box<Sleep>>,
}

/// How a link ends.
enum End {
    /// With a close frame of ours.
    Close(Option<CloseFrame>),
    /// There is nobody left to tell.
    Lost,
}

/// The kind of message that carries a codec.
pub(super) fn opcode(codec: Codec) -> OpCode {
    match codec {
        Codec::Json => OpCode::Text,
        Codec::Cbor => OpCode::Binary,
    }
}

impl<T, S> Link<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug,
    S: Session,
{
    pub(super) fn new(
        mut socket: Socket<T>,
        session: S,
        codec: Codec,
        max_message_bytes: usize,
        connection: Option<Connection>,
    ) -> Self {
        socket.set_max_message_bytes(HELLO_MAX_BYTES);
        Self {
            socket,
            session,
            opcode: opcode(codec),
            max_message_bytes,
            connection,
            established: false,
            stalled: None,
        }
    }

    /// Runs the link to its end.
    pub(super) async fn run(mut self) {
        let end = poll_fn(
            |cx| match catch_unwind(AssertUnwindSafe(|| self.poll_rounds(cx))) {
                Ok(poll) => poll,
                // The panic hook has said where; the session is dropped with the link and nothing of it is used again.
                Err(_panic) => {
                    tracing::error!("a session panicked; its link is closed");
                    Poll::Ready(End::Close(Some(CloseFrame::new(
                        CloseStatus::INTERNAL_ERROR,
                        "internal error",
                    ))))
                }
            },
        )
        .await;
        let Self {
            socket,
            session,
            connection,
            ..
        } = self;
        // The hub learns at once that the session is over; the closing hand-shake may take its time.
        drop(session);
        if let End::Close(close) = end {
            // Boxed, so that an idle link does not carry room for it.
            Box::pin(socket.close(close)).await;
        }
        drop(connection);
    }

    /// Sends and receives until there is nothing to do.
    fn poll_rounds(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let mut outgoing = Outgoing {
                queue: &mut self.socket,
                opcode: self.opcode,
            };
            if let Poll::Ready(close) = self.session.poll_send(cx, &mut outgoing) {
                return Poll::Ready(End::Close(Some(close)));
            }
            self.note_established();
            let unsent = self.socket.unsent();
            if unsent > 0 {
                if let Some(end) = ready!(self.poll_flush(cx)) {
                    return Poll::Ready(end);
                }
                if unsent >= super::ROUND_BYTES {
                    continue;
                }
            }
            if !self.session.is_ready() {
                return Poll::Pending;
            }
            match self.poll_receive(cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what is queued; ready with an end if that is not to be waited for.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        match self.socket.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                if self.stalled.take().is_some() {
                    // The link was not read meanwhile, so its silence says nothing (RES-5); taking bytes is a sign of life.
                    self.session.receive(Received::SignOfLife);
                }
                Poll::Ready(None)
            }
            Poll::Ready(Err(_)) => Poll::Ready(Some(End::Lost)),
            Poll::Pending => {
                if let Poll::Ready(close) = self.session.poll_cut(cx) {
                    return Poll::Ready(Some(End::Close(Some(close))));
                }
                let unsent = self.socket.unsent();
                let stalled = match &mut self.stalled {
                    Some(stalled) if stalled.unsent == unsent => stalled,
                    progressed => progressed.insert(Box::new(Stalled {
                        unsent,
                        too_slow: Box::pin(tokio::time::sleep(SLOW_MAX)),
                    })),
                };
                stalled
                    .too_slow
                    .as_mut()
                    .poll(cx)
                    .map(|()| Some(End::Close(Some(close_frame(CloseCode::TooSlow)))))
            }
        }
    }

    /// Reads once and hands the whole batch on; ready with an end if there will be no more.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        let (session, wanted) = (&mut self.session, self.opcode);
        let mut closed = None;
        let received = self.socket.poll_receive(cx, |event| match event {
            Event::Text(text) if wanted == OpCode::Text => {
                session.receive(Received::Message(text.as_bytes()))
            }
            Event::Binary(bytes) if wanted == OpCode::Binary => {
                session.receive(Received::Message(bytes))
            }
            Event::Text(_) | Event::Binary(_) => session.receive(Received::WrongKind),
            Event::Ping(_) | Event::Pong(_) => session.receive(Received::SignOfLife),
            Event::Close(close) => closed = Some(close),
        });
        match received {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => match closed {
                Some(close) => Poll::Ready(Some(End::Close(close))),
                None => {
                    session.receive(Received::SignOfLife);
                    Poll::Ready(None)
                }
            },
            Poll::Ready(Err(ReceiveError::Violation(Violation::TooBig { limit }))) => {
                session.receive(Received::TooLarge(limit));
                let mut outgoing = Outgoing {
                    queue: &mut self.socket,
                    opcode: self.opcode,
                };
                let close = match self.session.poll_send(cx, &mut outgoing) {
                    Poll::Ready(close) => close,
                    Poll::Pending => close_frame(CloseCode::FrameTooLarge),
                };
                Poll::Ready(Some(End::Close(Some(close))))
            }
            Poll::Ready(Err(ReceiveError::Violation(violation))) => {
                Poll::Ready(Some(End::Close(Some(CloseFrame::from(violation)))))
            }
            Poll::Ready(Err(ReceiveError::Ended | ReceiveError::Io(_))) => {
                Poll::Ready(Some(End::Lost))
            }
        }
    }

    fn note_established(&mut self) {
        if self.established || !self.session.is_established() {
            return;
        }
        self.established = true;
        self.socket.set_max_message_bytes(self.max_message_bytes);
        if let Some(connection) = &self.connection {
            connection.established();
        }
    }
}

/// Makes the close frame of a code of the protocol.
pub(crate) fn close_frame(close: CloseCode) -> CloseFrame {
    CloseFrame::new(CloseStatus(close.number()), close.code().as_str())
}
