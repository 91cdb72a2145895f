//! The WebSocket framing of RFC 6455 as a machine without I/O: bytes in, messages out, and back.
//!
//! ```text
//!              ┌──────────────── Decoder ────────────────┐
//!   bytes ───► │ header ──► payload: unmask, check UTF-8 │ ───► Text · Binary · Ping · Pong · Close
//!   (any cut)  │   ▲            │ whole and in the buffer: borrowed from it
//!              │   └────────────┤ cut or fragmented: gathered, freed when the message is out
//!              └────────────────┼─────────────────────────┘
//!                               └──► Violation ───► close code 1002, 1007 or 1009
//!
//!   Encoder: message ──► header + payload appended to a buffer (a server does not mask)
//! ```
//!
//! Why not the WebSocket of axum: it keeps a read buffer per connection and reads one buffer's length at a time. Here an
//! idle link holds no buffer at all and a busy one reads all that the socket has at once; and text is checked while it
//! arrives, so that a bad byte ends the message at once. `docs/adr/` has the figures.

mod close;
mod decoder;
mod encoder;
mod header;
mod utf8;

pub use close::{CloseFrame, CloseStatus};
pub use decoder::{Decoded, Decoder, Event, Violation};
pub use encoder::{encode_close, encode_frame};
pub use header::OpCode;
