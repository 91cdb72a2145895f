//! The bare relay server: what a messenger costs when it has no product in it.
//!
//! ```text
//!   author                     relay                        the others of the group
//!     │ ── send {number} body ──► │  (append to the journal; the group before it is being synced)
//!     │ ◄── accepted {number} ─── │ ── push {author, number} body ──► │
//!     │ ◄── receipt {number} ──── │ ◄── received {author, number} ─── │   a cursor: it stands for all before it
//! ```
//!
//! It is the floor to which servers are compared: one thread, epoll, WebSocket frames of a 16-byte head and a body, one
//! write per link and round. Users `0 … size-1`, `size … 2·size-1` and so on are groups; with the default size of two,
//! pairs. With a journal it does what a durable server must: nothing is accepted or pushed before it is on disk.

pub(crate) mod head;
mod journal;
mod server;

pub(crate) use server::{Options, Relay};
