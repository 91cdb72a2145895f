//! An entry: one element of a conversation's log.
//!
//! ```text
//!   Stored ─┬─ Entry ── seq, sender, cmid, time, ordinal, content      what every reader gets
//!           └─ accepted_at, hidden_from, digest                        what only the server needs
//!   content:  message · edit · retraction · reaction · membership · policy · tombstone
//! ```

use std::fmt;

use crate::codec::{record, symbols, tagged};
use crate::id::{Cmid, Ordinal, Seq, UserId};
use crate::time::Timestamp;

use super::{Attachment, ContentDigest, History, Retention, Role, Text};

record! {
    /// One element of a conversation's log, as every reader gets it.
    pub struct Entry {
        /// Its position in the log.
        #[n(0)]
        pub seq: Seq,
        /// Who sent it.
        #[n(1)]
        pub sender: UserId,
        /// The key under which the sender's client made it.
        #[n(2)]
        pub cmid: Cmid,
        /// Server time, never falling within a conversation (LOG-7).
        #[n(3)]
        pub time: Timestamp,
        /// Countable entries up to and including this one.
        #[n(4)]
        pub ordinal: Ordinal,
        /// What it says.
        #[n(5)]
        pub content: Content,
    }
}

/// An entry with what only the server needs to know of it.
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Stored {
    /// What every reader gets.
    #[n(0)]
    pub entry: Entry,
    /// Server time as it was read, from which expiry counts (LOG-7).
    #[n(1)]
    pub accepted_at: Timestamp,
    /// The user from whom a block hides the entry (LIFE-4).
    #[n(2)]
    pub hidden_from: Option<UserId>,
    /// The keyed digest of the content, against a reused `cmid` (LOG-3); erased with the body.
    #[n(3)]
    pub digest: Option<ContentDigest>,
    /// When the body goes by itself, as the policy said when the entry was accepted (RET-5).
    #[n(4)]
    pub expiry: Option<Expiry>,
}

/// When and why a body goes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Expiry {
    /// From then on it is unreadable.
    #[n(0)]
    pub at: Timestamp,
    /// Under `relay`: it also goes as soon as every device has it.
    #[n(1)]
    pub relay: bool,
}

impl Expiry {
    /// The reason that the tombstone names when the time has passed.
    pub fn reason(&self) -> EraseReason {
        if self.relay {
            EraseReason::Expired
        } else {
            EraseReason::Timed
        }
    }
}

tagged! {
    /// What an entry says.
    pub enum Content {
        /// A message to people.
        0 "message" Message(Message),
        /// A new body for an earlier message.
        1 "edit" Edit(Edit),
        /// An earlier message taken back.
        2 "retraction" Retraction(Retraction),
        /// An emoji set on or taken from an earlier message.
        3 "reaction" Reaction(Reaction),
        /// A change of members.
        4 "membership" Membership(Membership),
        /// A change of title, retention or history.
        5 "policy" Policy(PolicyChange),
        /// What remains of an entry whose body was erased (LOG-6).
        6 "tombstone" Tombstone(Tombstone),
    }
}

record! {
    /// A message to people: text, or bytes with a media type, or attachments.
    #[derive(Default)]
    pub struct Message {
        /// UTF-8 text, at most `limits.body_bytes`; not together with `data`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub text: Option<Text>,
        /// Bytes instead of text, at most `limits.body_bytes`.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub data: Option<Data>,
        /// The message that this one answers.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub reply_to: Option<Seq>,
        /// Files, at most 16.
        #[n(3)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<Attachment>>", optional))]
        pub attachments: Vec<Attachment>,
        /// Not counted as unread, no notification.
        #[n(4)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub silent: bool,
    }
}

impl Message {
    /// A message of text alone.
    pub fn text(text: impl Into<Text>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// The bytes of the body that count against `limits.body_bytes`.
    pub fn body_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, Text::len) + self.data.as_ref().map_or(0, |d| d.bytes.len())
    }

    /// True with neither text nor data nor attachment.
    pub fn is_empty(&self) -> bool {
        self.text.as_ref().is_none_or(Text::is_empty)
            && self.data.as_ref().is_none_or(|d| d.bytes.is_empty())
            && self.attachments.is_empty()
    }
}

/// Bytes with a media type; base64 in JSON.
#[derive(
    Clone, PartialEq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[cbor(map)]
pub struct Data {
    /// What the bytes are, 1 to 128 bytes.
    #[n(0)]
    pub media_type: String,
    /// The bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    #[serde(with = "base64_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"), ts(type = "string"))]
    pub bytes: Vec<u8>,
}

impl Data {
    /// The fields with their keys in CBOR.
    pub const FIELDS: &'static [(&'static str, u16)] = &[("media_type", 0), ("bytes", 1)];
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

record! {
    /// A new body for an earlier message of the same author.
    pub struct Edit {
        /// The message that changes.
        #[n(0)]
        pub target: Seq,
        /// What it says from now on.
        #[n(1)]
        pub message: Message,
    }
}

record! {
    /// An earlier message taken back, by its author or a moderator.
    pub struct Retraction {
        /// The message that goes.
        #[n(0)]
        pub target: Seq,
    }
}

record! {
    /// An emoji set on or taken from an earlier message.
    pub struct Reaction {
        /// The message.
        #[n(0)]
        pub target: Seq,
        /// The emoji, 1 to 64 bytes.
        #[n(1)]
        pub emoji: String,
        /// True sets it, false takes it away.
        #[n(2)]
        pub set: bool,
    }
}

tagged! {
    /// A change of members.
    pub enum Membership {
        /// The group begins.
        0 "created" Created(Created),
        /// Users join.
        1 "added" Added(Added),
        /// A moderator removes a user.
        2 "removed" Removed(MemberRemoved),
        /// The sender leaves.
        3 "left" Left(Left),
        /// A member gets another role.
        4 "role" Role(RoleGiven),
    }
}

record! {
    /// The first entry of a group.
    pub struct Created {
        /// What it is called.
        #[n(0)]
        pub title: String,
        /// The members besides the creator.
        #[n(1)]
        pub members: Vec<UserId>,
        /// How long bodies are kept.
        #[n(2)]
        #[cbor(default)]
        #[serde(default)]
        pub retention: Retention,
        /// What a new member sees of the past.
        #[n(3)]
        #[cbor(default)]
        #[serde(default)]
        pub history: History,
    }
}

record! {
    /// Users who join.
    pub struct Added {
        /// The new members.
        #[n(0)]
        pub users: Vec<UserId>,
    }
}

record! {
    /// A member whom a moderator removes.
    pub struct MemberRemoved {
        /// Who goes.
        #[n(0)]
        pub user: UserId,
    }
}

record! {
    /// The sender leaves.
    #[derive(Default)]
    pub struct Left {
        /// Who becomes owner, when the last owner leaves.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub successor: Option<UserId>,
    }
}

record! {
    /// A member gets another role.
    pub struct RoleGiven {
        /// Who.
        #[n(0)]
        pub user: UserId,
        /// What they are from now on.
        #[n(1)]
        pub role: Role,
    }
}

tagged! {
    /// A change of what holds for the whole conversation.
    pub enum PolicyChange {
        /// A new title.
        0 "title" Title(Retitled),
        /// How long later bodies are kept.
        1 "retention" Retention(Retention),
        /// What later members see of the past.
        2 "history" History(History),
    }
}

record! {
    /// A new title of a group.
    pub struct Retitled {
        /// The title, 1 to 256 bytes.
        #[n(0)]
        pub title: String,
    }
}

record! {
    /// What remains of an entry whose body was erased.
    pub struct Tombstone {
        /// What the entry was.
        #[n(0)]
        pub kind: Kind,
        /// Why it was erased.
        #[n(1)]
        pub reason: EraseReason,
    }
}

symbols! {
    /// The kinds of entries.
    pub enum Kind {
        /// A message to people.
        0 "message" Message,
        /// A new body for an earlier message.
        1 "edit" Edit,
        /// An earlier message taken back.
        2 "retraction" Retraction,
        /// An emoji set on or taken from an earlier message.
        3 "reaction" Reaction,
        /// A change of members.
        4 "membership" Membership,
        /// A change of title, retention or history.
        5 "policy" Policy,
    }
}

symbols! {
    /// Why a body was erased.
    pub enum EraseReason {
        /// The author or a moderator took it back.
        0 "retracted" Retracted,
        /// `timed` retention passed.
        1 "timed" Timed,
        /// `relay` retention: every device has it.
        2 "relayed" Relayed,
        /// `relay` retention: its time to live passed.
        3 "expired" Expired,
        /// The conversation's byte limit.
        4 "overflow" Overflow,
        /// A legal duty.
        5 "law" Law,
        /// A reader could not decode it.
        6 "unreadable" Unreadable,
    }
}

impl Content {
    /// The kind of the entry, also of one that was erased.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Message(_) => Kind::Message,
            Self::Edit(_) => Kind::Edit,
            Self::Retraction(_) => Kind::Retraction,
            Self::Reaction(_) => Kind::Reaction,
            Self::Membership(_) => Kind::Membership,
            Self::Policy(_) => Kind::Policy,
            Self::Tombstone(tombstone) => tombstone.kind,
        }
    }

    /// True when the entry raises the ordinal: a message that is not silent.
    pub fn is_countable(&self) -> bool {
        matches!(self, Self::Message(message) if !message.silent)
    }

    /// True when the entry carries a body that retention or a retraction erases.
    pub fn has_body(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Edit(_))
    }

    /// The message that the entry changes.
    pub fn target(&self) -> Option<Seq> {
        match self {
            Self::Edit(edit) => Some(edit.target),
            Self::Retraction(retraction) => Some(retraction.target),
            Self::Reaction(reaction) => Some(reaction.target),
            Self::Message(_) | Self::Membership(_) | Self::Policy(_) | Self::Tombstone(_) => None,
        }
    }
}

impl Stored {
    /// The entry's position.
    pub fn seq(&self) -> Seq {
        self.entry.seq
    }

    /// The same entry with its body erased: seq, sender, cmid, time and ordinal stay (LOG-6).
    #[must_use]
    pub fn erased(&self, reason: EraseReason) -> Self {
        Self {
            entry: Entry {
                content: Content::Tombstone(Tombstone {
                    kind: self.entry.content.kind(),
                    reason,
                }),
                ..self.entry.clone()
            },
            accepted_at: self.accepted_at,
            hidden_from: self.hidden_from.clone(),
            digest: None,
            expiry: self.expiry,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        STANDARD
            .decode(text.as_bytes())
            .map_err(|_| serde::de::Error::custom("the bytes are not base64 with padding"))
    }
}
