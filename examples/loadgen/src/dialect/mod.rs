//! What the generator says to a server and what it hears, in a language of its own.
//!
//! ```text
//!   Traffic ── message, ack ──► Dialect ──► payload of a frame      relay.rs   16-byte heads
//!   Traffic ◄── Heard ───────── Dialect ◄── payload of a frame      cbor.rs    the messenger's binary frames
//!                                                                   json.rs    its text frames
//! ```
//!
//! The same traffic runs against any server for which there is a dialect here. The messenger's frames are written and
//! read from the published protocol, not with the product's codec: both ends share no bugs, and no time is spent on what
//! the generator does not need to know.

mod cbor;
mod json;
mod relay;

use crate::identity::{Cmid, Identity};
use crate::stamp::Stamp;
use crate::token::Tokens;
use crate::ws::frame::Opcode;

/// The version of the messenger's protocol.
const PROTOCOL: u64 = 1;

/// How a server is spoken to.
#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    /// The bare relay server.
    Relay,
    /// The messenger in binary frames.
    Cbor(Tokens),
    /// The messenger in text frames.
    Json(Tokens),
}

/// What a frame of the server says to the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The device is registered under that number.
    Device(u64),
    /// A page of catching up ends, and wants to be confirmed.
    Page(u64),
    /// The session is logged in and caught up.
    Live,
    /// The own message with that number was accepted, at that position of the conversation.
    Accepted {
        /// The number at its author.
        number: u32,
        /// The position.
        position: u64,
    },
    /// A message arrived.
    Entry {
        /// What its author wrote into it.
        stamp: Stamp,
        /// Its position.
        position: u64,
    },
    /// The peer has everything up to that position.
    Delivered {
        /// The position.
        position: u64,
    },
    /// The server refused something; with the number of the message if it was one.
    Refused {
        /// The number at its author.
        number: Option<u32>,
        /// What the server says of it.
        reason: String,
    },
}

/// A message that is about to be sent.
pub(crate) struct Outgoing<'a> {
    /// Its number at the author.
    pub(crate) number: u32,
    /// Its key.
    pub(crate) cmid: Cmid,
    /// The key of the one before it, if that is neither accepted nor refused yet.
    pub(crate) after: Option<Cmid>,
    /// Its body, which is ASCII.
    pub(crate) body: &'a str,
}

/// The newest entry that arrived in a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    /// Its author.
    pub(crate) author: u32,
    /// Its position.
    pub(crate) position: u64,
}

impl Dialect {
    /// The opcode of its frames.
    pub(crate) fn opcode(&self) -> Opcode {
        match self {
            Self::Relay | Self::Cbor(_) => Opcode::Binary,
            Self::Json(_) => Opcode::Text,
        }
    }

    /// The subprotocol that it asks for.
    pub(crate) fn subprotocol(&self) -> Option<&'static str> {
        match self {
            Self::Relay => None,
            Self::Cbor(_) => Some("messenger.v1.cbor"),
            Self::Json(_) => Some("messenger.v1.json"),
        }
    }

    /// The path of the WebSocket.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Relay => "/",
            Self::Cbor(_) | Self::Json(_) => "/v1/ws",
        }
    }

    /// Appends the payload of the first frame.
    pub(crate) fn hello(&self, who: &Identity, out: &mut Vec<u8>) {
        match self {
            Self::Relay => relay::hello(who, out),
            Self::Cbor(tokens) => cbor::hello(who, &tokens.of(who.seat.user), out),
            Self::Json(tokens) => json::hello(who, &tokens.of(who.seat.user), out),
        }
    }

    /// Whether a group must be begun before anybody can send to it.
    pub(crate) fn has_groups(&self) -> bool {
        match self {
            Self::Relay => false,
            Self::Cbor(_) | Self::Json(_) => true,
        }
    }

    /// Appends the payload that begins the group of a room.
    pub(crate) fn create(&self, who: &Identity, cmid: Cmid, members: &[String], out: &mut Vec<u8>) {
        match self {
            Self::Relay => {}
            Self::Cbor(_) => cbor::create(who, cmid, members, out),
            Self::Json(_) => json::create(who, cmid, members, out),
        }
    }

    /// Appends the payload that sends a message.
    pub(crate) fn message(&self, who: &Identity, message: &Outgoing<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Relay => relay::message(who, message, out),
            Self::Cbor(_) => cbor::message(who, message, out),
            Self::Json(_) => json::message(who, message, out),
        }
    }

    /// Appends the payload that acknowledges everything up to an entry.
    pub(crate) fn ack(&self, who: &Identity, newest: Newest, out: &mut Vec<u8>) {
        match self {
            Self::Relay => relay::ack(newest, out),
            Self::Cbor(_) => cbor::ack(who, newest.position, out),
            Self::Json(_) => json::ack(who, newest.position, out),
        }
    }

    /// Appends the payload that confirms a page of catching up.
    pub(crate) fn confirm(&self, page: u64, out: &mut Vec<u8>) {
        match self {
            Self::Relay => {}
            Self::Cbor(_) => cbor::confirm(page, out),
            Self::Json(_) => json::confirm(page, out),
        }
    }

    /// Reads the payload of a frame and appends what it says; `None` if it cannot be read.
    pub(crate) fn read(&self, payload: &[u8], heard: &mut Vec<Heard>) -> Option<()> {
        match self {
            Self::Relay => relay::read(payload, heard),
            Self::Cbor(_) => cbor::read(payload, heard),
            Self::Json(_) => json::read(payload, heard),
        }
    }
}

#[cfg(test)]
mod tests;
