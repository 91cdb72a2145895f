//! One process among others: numbered hints to peers, and what their members are seen as.
//!
//! ```text
//!   conversations ── hint ──► Peers ── numbered frames, a beat each second ──► other nodes
//!   other nodes ────────────► Peers ── hint ──► conversations
//!                                └ a hole ── ask ──► resent, or lost: the inboxes are read again (RES-5)
//!   presence of watched users ──► Watch ── each transition once ──► observers
//! ```

mod peers;
mod watch;

pub use peers::{Output as PeersOutput, Payload, Peers};
pub use watch::{Seen, Watch};
