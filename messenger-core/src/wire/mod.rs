//! The protocol on the wire: frames, their two codecs, codes.
//!
//! ```text
//!   frame/      client frames and server frames, one definition for both codecs
//!   json.rs     {"send": {…}} in text messages       cbor.rs   [2, {0: …}] in binary ones
//!   code.rs     errors and close codes               push.rs   entries encoded once for all their readers
//!   shape.rs    depth, integers and keys, checked before anything is decoded
//! ```

mod cbor;
mod code;
mod decode;
mod frame;
#[cfg(feature = "json")]
mod json;
mod push;
mod shape;
mod version;

pub use code::{Class, CloseCode, Code};
pub use decode::{DecodeError, DecodeErrorKind};
pub use frame::{
    Accepted, Ack, AckMark, AddMembers, CaughtUp, Clear, ClientFrame, Confirm, ConversationFrame,
    Create, Entries, ErrorFrame, Gap, GapReason, Goaway, Hello, HistoryRequest, KindName, Lag,
    Leave, Logout, MarksFrame, MarksRequest, MemberEntry, MembersChange, MembersFrame,
    MembersRequest, Open, OverlayFrame, OwnMarks, Page, Ping, PolicyRequest, Pong, PresenceFrame,
    Reacted, ReactionCount, ReactionsFrame, ReactionsRequest, Read, Rejected, RemoveMember, Reset,
    Send, SendContent, ServerFrame, SetRole, SettingsFrame, SettingsRequest, Subscribe, Typing,
    TypingFrame, Unread, UserMark, Welcome,
};
pub use push::{EncodedEntry, encode_entries};
pub use version::{Codec, PROTOCOL_VERSION};
