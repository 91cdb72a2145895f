//! The tokio runtime over the machines of messenger-core.
//!
//! ```text
//!   link task ── Session ──┐  bounded inboxes, drained whole per round   ┌── perform ── stores
//!   link task ── Session ──┼──► shard task ── conversation machines ─────┤
//!   link task ── Session ──┘ ◄── mailboxes: one wake-up per link and round
//!                                node task ── hints, presence, feed, sweeps
//! ```
//!
//! Whatever decides anything is in a machine; here their outputs are carried out. The hub names no store and no transport: it
//! gets a [`Backend`](messenger_core::store::Backend), and a transport drives a [`Link`].

mod admit;
mod clock;
mod hub;
mod inbox;
mod link;
mod mailbox;
mod node;
mod registry;
mod shard;

pub use hub::{Hub, HubConfig, HubError};
pub use link::{Closing, Link, Sent};
