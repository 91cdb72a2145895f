//! What a client sends: the bodies of the client frames.
//!
//! ```text
//!   hello ─► send, create, members, policy      answered by accepted or rejected
//!            history, open, marks, reactions    answered by what they ask for
//!            ack, read, clear, confirm, typing  answered by nothing, or by error
//! ```

use crate::codec::{integer, maybe_integer, record};
use crate::id::{Cmid, ConversationId, DeviceId, Epoch, Generation, Seq, UserId};
use crate::model::{History, PolicyChange, Retention, Role, Setting};

use super::{MembersChange, SendContent};

record! {
    /// The first frame of a link.
    #[derive(Default)]
    pub struct Hello {
        /// The version of the protocol; this one is 1.
        #[n(0)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub protocol: u64,
        /// Who the client is; never in a URL (SEC-2).
        #[n(1)]
        pub token: String,
        /// The registered device of this storage.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub device: Option<DeviceId>,
        /// A random key, stored first, under which a new device is registered: 8 to 64 characters. With neither `device` nor `register` the session is transient.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub register: Option<String>,
        /// What a new device is called in lists, at most 64 bytes.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub device_name: Option<String>,
        /// Raised by one, durably, before each connection; a transient session's is 0.
        #[n(5)]
        #[cbor(default)]
        #[serde(default)]
        pub generation: Generation,
        /// The epoch of the client's storage, once it has one.
        #[n(6)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub epoch: Option<Epoch>,
        /// The last `caught_up.since` before which everything is stored.
        #[n(7)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub since: Option<String>,
        /// What a transient client has of each conversation, at most 500.
        #[n(8)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<AckMark>>", optional))]
        pub positions: Vec<AckMark>,
        /// Optional features that the client knows.
        #[n(9)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<String>>", optional))]
        pub capabilities: Vec<String>,
    }
}

record! {
    /// Appends a message, edit, retraction or reaction; answered by `accepted` or `rejected`.
    pub struct Send {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Where.
        #[n(1)]
        pub conversation: ConversationId,
        /// The key that makes it happen once.
        #[n(2)]
        pub cmid: Cmid,
        /// The message of this device before it, while that is neither accepted nor failed.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub after_cmid: Option<Cmid>,
        /// What.
        #[n(4)]
        pub content: SendContent,
    }
}

record! {
    /// Says that everything up to each position is in this device's storage.
    pub struct Ack {
        /// The positions, at most 100.
        #[n(0)]
        pub marks: Vec<AckMark>,
    }
}

record! {
    /// A position in a conversation.
    #[derive(Eq)]
    pub struct AckMark {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// Up to there.
        #[n(1)]
        pub seq: Seq,
    }
}

record! {
    /// Says that the user has read up to a position.
    pub struct Read {
        /// Repeated by an error as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Where.
        #[n(1)]
        pub conversation: ConversationId,
        /// Up to there.
        #[n(2)]
        pub seq: Seq,
        /// For the own devices only.
        #[n(3)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub private: bool,
    }
}

record! {
    /// Cuts a conversation off from the front, for this user.
    pub struct Clear {
        /// Repeated by an error as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Where.
        #[n(1)]
        pub conversation: ConversationId,
        /// Up to there.
        #[n(2)]
        pub seq: Seq,
    }
}

record! {
    /// Asks for a page of entries; answered by `entries` and `gap`.
    pub struct HistoryRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Where.
        #[n(1)]
        pub conversation: ConversationId,
        /// The newest entries below this seq.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub before: Option<Seq>,
        /// The oldest entries above this seq, not together with `before`; with neither, the newest of all.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub after: Option<Seq>,
        /// Entries at most, 1 to `limits.page_entries`, which holds when it is absent.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub limit: Option<u64>,
    }
}

record! {
    /// Says that a page of catching up was received.
    pub struct Confirm {
        /// Its number.
        #[n(0)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub page: u64,
    }
}

record! {
    /// Asks for a conversation with its exact unread number; answered by `conversation`.
    pub struct Open {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which.
        #[n(1)]
        pub conversation: ConversationId,
    }
}

record! {
    /// Begins a group; answered by `accepted` or `rejected`.
    pub struct Create {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// A new UUID.
        #[n(1)]
        pub conversation: ConversationId,
        /// The key that makes it happen once.
        #[n(2)]
        pub cmid: Cmid,
        /// What it is called, 1 to 256 bytes.
        #[n(3)]
        pub title: String,
        /// The members besides the creator, at most `limits.adds_per_entry`.
        #[n(4)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<UserId>>", optional))]
        pub members: Vec<UserId>,
        /// How long bodies are kept.
        #[n(5)]
        #[cbor(default)]
        #[serde(default)]
        pub retention: Retention,
        /// What a new member sees of the past.
        #[n(6)]
        #[cbor(default)]
        #[serde(default)]
        pub history: History,
    }
}

record! {
    /// Changes members (answered by `accepted` or `rejected`) or lists them (answered by `members`).
    pub struct MembersRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which group.
        #[n(1)]
        pub conversation: ConversationId,
        /// The key of a change; required with one.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub cmid: Option<Cmid>,
        /// The change; without it, members are listed.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub change: Option<MembersChange>,
        /// The list goes on after this user.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub after: Option<UserId>,
    }
}

record! {
    /// Users to add.
    pub struct AddMembers {
        /// Who, at most `limits.adds_per_entry`.
        #[n(0)]
        pub users: Vec<UserId>,
    }
}

record! {
    /// A user to remove.
    pub struct RemoveMember {
        /// Who.
        #[n(0)]
        pub user: UserId,
    }
}

record! {
    /// The sender leaves.
    #[derive(Default)]
    pub struct Leave {
        /// Who becomes owner, when the last owner leaves.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub successor: Option<UserId>,
    }
}

record! {
    /// A role to give.
    pub struct SetRole {
        /// Who.
        #[n(0)]
        pub user: UserId,
        /// What they become.
        #[n(1)]
        pub role: Role,
    }
}

record! {
    /// Changes title, retention or history; answered by `accepted` or `rejected`.
    pub struct PolicyRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which.
        #[n(1)]
        pub conversation: ConversationId,
        /// The key that makes it happen once.
        #[n(2)]
        pub cmid: Cmid,
        /// The change.
        #[n(3)]
        pub change: PolicyChange,
    }
}

record! {
    /// Writes the user's settings of a conversation; answered by `settings` or `error`.
    pub struct SettingsRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which.
        #[n(1)]
        pub conversation: ConversationId,
        /// The whole setting; its version is one above the one it follows.
        #[n(2)]
        pub setting: Setting,
    }
}

record! {
    /// Asks for the marks of a conversation's members; answered by `marks`.
    pub struct MarksRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which.
        #[n(1)]
        pub conversation: ConversationId,
    }
}

record! {
    /// Asks who reacted to a message; answered by `reactions`.
    pub struct ReactionsRequest {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Where.
        #[n(1)]
        pub conversation: ConversationId,
        /// The message.
        #[n(2)]
        pub target: Seq,
    }
}

record! {
    /// Follows the presence of the members of these conversations, and of no others.
    pub struct Subscribe {
        /// Repeated by an error as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// At most `limits.presence_subscriptions`; of the members of each, at most 64.
        #[n(1)]
        pub conversations: Vec<ConversationId>,
    }
}

record! {
    /// Says that the user is typing; at most one per 3 s and conversation is passed on.
    pub struct Typing {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// No longer.
        #[n(1)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub stopped: bool,
    }
}

record! {
    /// A sign of life; answered by `pong`.
    #[derive(Default)]
    pub struct Ping {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
    }
}

record! {
    /// Ends the session; the user is offline at once if no other device is live.
    #[derive(Default)]
    pub struct Logout {
        /// Also unregisters the device.
        #[n(0)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub forget: bool,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
