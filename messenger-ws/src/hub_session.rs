//! The session of a link, as a hub runs it.

use std::task::{Context, Poll};

use messenger_core::wire::{CloseCode, Code, ErrorFrame, ServerFrame};
use messenger_hub::{Link, Sent};

use crate::frame::CloseFrame;
use crate::link::{Outgoing, Received, Session, close_frame};

/// Joins a hub's link to a transport's.
pub(crate) struct HubSession {
    link: Link,
    /// A message was longer than this.
    too_large: Option<usize>,
}

impl HubSession {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            too_large: None,
        }
    }

    /// Queues all that the hub has for this link.
    fn drain(&mut self, outgoing: &mut Outgoing<'_>) {
        self.link.drain(|sent| match sent {
            Sent::Message(message) => outgoing.message(message),
            Sent::Ping => outgoing.ping(),
        });
    }
}

impl Session for HubSession {
    fn receive(&mut self, received: Received<'_>) {
        match received {
            Received::Message(message) => self.link.receive(message),
            Received::WrongKind => self.link.receive_other_kind(),
            Received::TooLarge(limit) => self.too_large = Some(limit),
            Received::SignOfLife => self.link.heard(),
        }
    }

    fn is_ready(&self) -> bool {
        self.link.may_read()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outgoing: &mut Outgoing<'_>) -> Poll<CloseFrame> {
        if !self.link.may_read() {
            // What is not read cannot show that it lives: its deadline stands still (RES-5).
            self.link.heard();
        }
        loop {
            self.drain(outgoing);
            if let Some(closing) = self.link.closing() {
                return Poll::Ready(close_frame(closing.code));
            }
            if let Some(limit) = self.too_large {
                let mut message = Vec::new();
                too_large(limit).encode(self.link.codec(), &mut message);
                outgoing.message(&message);
                return Poll::Ready(close_frame(CloseCode::FrameTooLarge));
            }
            if !outgoing.has_room() || self.link.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<CloseFrame> {
        self.link
            .poll_close(cx)
            .map(|closing| close_frame(closing.code))
    }

    fn is_established(&self) -> bool {
        self.link.user().is_some()
    }
}

fn too_large(limit: usize) -> ServerFrame {
    let mut error = ErrorFrame::new(
        Code::FrameTooLarge,
        "the message is longer than `limit` bytes",
    );
    error.limit = Some(limit as u64);
    error.into()
}
