//! A WebSocket codec of two hundred lines, for the relay and for the generator.
//!
//! ```text
//!   bytes of a link ── handshake ──► frames ── parse(&mut [u8]) ──► opcode + payload, unmasked in place
//!                                           ◄── append(&mut Vec) ── opcode + payload, masked for a client
//! ```
//!
//! Neither side of the product uses it, so that a bug in the product's codec is not answered by the same bug here; the
//! tests hold it to a third implementation. It knows no fragments and no extensions: nobody who is measured here sends them.

pub(crate) mod frame;
pub(crate) mod handshake;
