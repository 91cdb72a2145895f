//! The operator's commands: one vocabulary, carried out in the process that has the store open.
//!
//! ```text
//! user · token · backup · inspect ──► Request ─┬─ a server runs: one JSON line over admin.sock ─► Office ─┐
//!                                              └─ none runs: the folder is opened here ────────► Office ─┤
//!                        text for a person ◄── Reply ◄─────────────────────────────────────────────────────┘
//! ```

mod inspect;
mod office;
mod protocol;
mod socket;
mod text;

pub use office::Office;
pub use protocol::{
    AccountRow, ConversationRow, ConversationView, DeviceLife, DiskBytes, MarkRow, MessageLife,
    Recipient, Reply, Request,
};
pub use socket::{AdminSocket, Answered, ask};
pub use text::render;
