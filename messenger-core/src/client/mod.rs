//! A client's half: order, resend, dedup, gaps, acks, ticks.
//!
//! ```text
//!   user ──send──► Outbox ──Transmit──► link            Outbox: every cmid until it is in the log (contract 5)
//!                    ▲  └─accepted─┐
//!   link ──frames──► Replica ──────┴──► Inbox           Inbox: one cursor per conversation, without holes (LOG-5)
//!                    │                   │
//!                    └──Store{changes}───┴──► storage ──Stored──► Ack       only after it is stored (MARK-4)
//! ```
//!
//! [`Replica`] is both machines and the session's identity together: what a client program drives. A program owns the link,
//! the clock and the storage; it hands in frames and times, and carries out what [`Replica::poll`] gives.

mod backoff;
mod change;
mod delivery;
mod event;
mod image;
mod inbox;
mod members;
mod outbox;
mod ranges;
mod replica;
mod request;
mod timeline;
mod track;
mod unread;

pub use backoff::Backoff;
pub use change::{
    Change, ConversationRecord, MemberRecord, OutgoingRecord, Saved, SessionRecord, UserMarkRecord,
};
pub use delivery::{Delivery, Tick};
pub use event::Event;
pub use image::Image;
pub use inbox::{Inbox, InboxOutput};
pub use outbox::{Failure, OUTBOX_ID_BASE, Outbox, OutboxOutput, SendState};
pub use replica::{OtherUser, Replica, ReplicaOutput};
pub use request::Request;
pub use timeline::{Shown, ShownBody, Timeline};
