//! What a server says of the link and of requests: the bodies of half of the server frames.
//!
//! ```text
//!   welcome ─► page … caught_up ─► accepted, rejected, error, presence, typing, pong ─► lag ─► page … ─► goaway
//! ```

use crate::codec::{integer, maybe_integer, record};
use crate::id::{Cmid, ConversationId, DeviceId, Epoch, Ordinal, Seq, SessionId, UserId};
use crate::limits::Limits;
use crate::model::{Setting, UserPresence};
use crate::time::Timestamp;
use crate::wire::Code;

record! {
    /// The answer to `hello`.
    pub struct Welcome {
        /// This link.
        #[n(0)]
        pub session: SessionId,
        /// Who the token stands for.
        #[n(1)]
        pub user: UserId,
        /// This device; absent for a transient session.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub device: Option<DeviceId>,
        /// The store's epoch: marks and positions hold within it.
        #[n(3)]
        pub epoch: Epoch,
        /// What `accepted` promises: `memory`, `process`, `disk` or `quorum`.
        #[n(4)]
        pub durability: String,
        /// The limits in force.
        #[n(5)]
        pub limits: Limits,
        /// The client pings this often; after two silent intervals either side takes the other for dead.
        #[n(6)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub heartbeat_ms: u64,
        /// A lost push between nodes is made good within this time at worst.
        #[n(7)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub recheck_ms: u64,
        /// The server's clock.
        #[n(8)]
        pub server_time: Timestamp,
        /// Optional features that hold for this session.
        #[n(9)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<String>>", optional))]
        pub capabilities: Vec<String>,
    }
}

record! {
    /// Ends a page of catching up; the client answers `confirm`.
    #[derive(Eq)]
    pub struct Page {
        /// Its number, rising within the session.
        #[n(0)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub page: u64,
    }
}

record! {
    /// Everything that had changed at the start is sent; now live.
    #[derive(Eq)]
    pub struct CaughtUp {
        /// What the next `hello` may name once everything before is stored.
        #[n(0)]
        pub since: String,
    }
}

record! {
    /// The entry is durable and listed; to the sending session this stands for it.
    #[derive(Eq)]
    pub struct Accepted {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// Which draft.
        #[n(1)]
        pub cmid: Cmid,
        /// Its position.
        #[n(2)]
        pub seq: Seq,
        /// Its time.
        #[n(3)]
        pub time: Timestamp,
        /// Countable entries up to it.
        #[n(4)]
        pub ordinal: Ordinal,
        /// The request that it answers.
        #[n(5)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// It had been accepted before.
        #[n(6)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub duplicate: bool,
    }
}

record! {
    /// The draft was not appended.
    #[derive(Eq)]
    pub struct Rejected {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// Which draft.
        #[n(1)]
        pub cmid: Cmid,
        /// Why.
        #[n(2)]
        pub code: Code,
        /// The number of the code.
        #[n(3)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub number: u64,
        /// Whether the same may succeed later.
        #[n(4)]
        pub retriable: bool,
        /// For a human.
        #[n(5)]
        pub message: String,
        /// The request that it answers.
        #[n(6)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// When to try again.
        #[n(7)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub retry_after_ms: Option<u64>,
        /// `idempotency_mismatch`: the first one's seq.
        #[n(8)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub seq: Option<Seq>,
        /// The field that is wrong.
        #[n(9)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub field: Option<String>,
        /// The limit that it breaks.
        #[n(10)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub limit: Option<u64>,
    }
}

record! {
    /// A request failed, or the link is about to be closed.
    #[derive(Eq)]
    pub struct ErrorFrame {
        /// Why.
        #[n(0)]
        pub code: Code,
        /// The number of the code.
        #[n(1)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub number: u64,
        /// Whether the same may succeed later.
        #[n(2)]
        pub retriable: bool,
        /// For a human.
        #[n(3)]
        pub message: String,
        /// The request that it answers.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// The conversation concerned.
        #[n(5)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub conversation: Option<ConversationId>,
        /// When to try again.
        #[n(6)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub retry_after_ms: Option<u64>,
        /// The field that is wrong.
        #[n(7)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub field: Option<String>,
        /// The limit that it breaks.
        #[n(8)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub limit: Option<u64>,
        /// `generation_stale`: the highest generation seen.
        #[n(9)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub current: Option<u64>,
        /// `too_many_devices`: the registered ones.
        #[n(10)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<DeviceId>>", optional))]
        pub devices: Vec<DeviceId>,
        /// `version_conflict`: the stored setting.
        #[n(11)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub setting: Option<Setting>,
    }
}

record! {
    /// The session fell behind: live pushes were dropped and it is catching up again.
    #[derive(Default, Eq)]
    pub struct Lag {
    }
}

record! {
    /// A transition of a user's presence.
    #[derive(Eq)]
    pub struct PresenceFrame {
        /// Who.
        #[n(0)]
        pub user: UserId,
        /// What they are now.
        #[n(1)]
        pub state: UserPresence,
        /// When they were last online, if that may be told.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub last_seen: Option<Timestamp>,
    }
}

record! {
    /// A user is typing; ends by itself after 6 s.
    #[derive(Eq)]
    pub struct TypingFrame {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// Who.
        #[n(1)]
        pub user: UserId,
        /// No longer.
        #[n(2)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub stopped: bool,
    }
}

record! {
    /// The answer to `ping`.
    #[derive(Eq)]
    pub struct Pong {
        /// The server's clock.
        #[n(0)]
        pub server_time: Timestamp,
        /// The request that it answers.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
    }
}

record! {
    /// The server is about to close this link.
    #[derive(Eq)]
    pub struct Goaway {
        /// Reconnect after this time.
        #[n(0)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub retry_after_ms: u64,
    }
}

record! {
    /// The store's epoch is another one than the client's.
    #[derive(Eq)]
    pub struct Reset {
        /// The store's epoch.
        #[n(0)]
        pub epoch: Epoch,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
