//! Durable storage in the process: every store trait in one folder on disk.
//!
//! ```text
//!   Store ── Backend { messages, receipts, conversations, inboxes, devices, retention, accounts, … }
//!     │
//!   engine ─┬─ log      append-only segments, checksummed, one sync per group of whatever came      the truth
//!           ├─ logs     conversations in memory: ends, tails, claims
//!           ├─ state    marks, settings, devices, accounts in memory
//!           └─ index    an LSM tree, unsynced, rebuilt from the log                                 a help
//!   file ────── the disk, or a simulated one that loses what was never synced
//! ```
//!
//! A write is answered when it is on the disk, and so is a read of something that a crash could still take back. What is
//! erased is overwritten in place. A failed write ends the store: every later call fails with
//! [`Fatal`](messenger_core::error::StoreErrorKind::Fatal) until it is opened again.

mod backup;
mod bytes;
mod check;
mod engine;
mod fault;
mod file;
mod folder;
mod index;
mod inspect;
mod keys;
mod log;
mod logs;
mod options;
mod record;
mod state;
mod store;
mod stores;
#[cfg(test)]
mod tests;

pub use check::Check;
pub use folder::OpenError;
pub use inspect::{BodyLife, MessageLife, Sizes};
pub use options::Options;
pub use store::Store;
