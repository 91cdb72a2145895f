//! Model, wire format, pure state machines and store traits of the messenger protocol.
//!
//! ```text
//!   id, time, limits, error ← model ← wire ← machines (session, conversation, node, client)
//!                             model ← store ← memory, mock
//! ```
//!
//! A machine is driven by `handle(now, input)` and then `poll()` until it is drained. Nothing here reads a clock, draws a
//! random number or does I/O: time and random bytes are arguments, a store call is an *output* and its answer an *input*.

#![deny(clippy::iter_over_hash_type)] // With clippy.toml: no order that differs from run to run.

pub mod client;
pub mod codec;
pub mod conversation;
pub mod error;
pub mod id;
pub mod limits;
pub mod memory;
#[cfg(feature = "mock")]
pub mod mock;
pub mod model;
pub mod node;
pub mod perform;
pub mod session;
pub mod store;
pub mod time;
pub mod wire;
