//! What a user sees of a conversation: the bodies of the other half of the server frames.
//!
//! ```text
//!   conversation ── members, policy, own marks, marks of others, unread, setting
//!        └── entries ── overlays: edits, retraction, reactions        └── gap: what is not sent
//! ```

use crate::codec::{integer, maybe_integer, record};
use crate::id::{ConversationId, Ordinal, Seq, UserId};
use crate::model::{Entry, Policy, Role, Setting};

use super::{GapReason, KindName};

record! {
    /// A conversation as the user sees it now.
    pub struct ConversationFrame {
        /// The request that it answers.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// Which.
        #[n(1)]
        pub conversation: ConversationId,
        /// Direct, notes or group.
        #[n(2)]
        pub kind: KindName,
        /// The title of a group.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub title: Option<String>,
        /// The first entry that the log still has.
        #[n(4)]
        pub base: Seq,
        /// The last entry, or the last inside the user's right.
        #[n(5)]
        pub head: Seq,
        /// Countable entries up to the head.
        #[n(6)]
        pub ordinal: Ordinal,
        /// The first entry of the user's right.
        #[n(7)]
        pub from: Seq,
        /// True while the user is a member.
        #[n(8)]
        pub member: bool,
        /// What the user may do.
        #[n(9)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub role: Option<Role>,
        /// The last message inside the user's right.
        #[n(10)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub last: Option<Entry>,
        /// The members, in conversations of up to 64; else the user alone.
        #[n(11)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<MemberEntry>>", optional))]
        pub members: Vec<MemberEntry>,
        /// How many there are.
        #[n(12)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub member_count: u64,
        /// What holds for all.
        #[n(13)]
        pub policy: Policy,
        /// The user's own marks.
        #[n(14)]
        pub own: OwnMarks,
        /// The marks of the others, in conversations of up to 64 members.
        #[n(15)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<UserMark>>", optional))]
        pub marks: Vec<UserMark>,
        /// What the user has not read.
        #[n(16)]
        pub unread: Unread,
        /// The user's settings.
        #[n(17)]
        pub setting: Setting,
        /// After `reset`: the head when the store was restored; the client drops what it has above.
        #[n(18)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub kept: Option<Seq>,
    }
}

record! {
    /// A member.
    #[derive(Eq)]
    pub struct MemberEntry {
        /// Who.
        #[n(0)]
        pub user: UserId,
        /// What they may do.
        #[n(1)]
        pub role: Role,
        /// The entry with which their present stay began; the audience of an entry are those whose `from` is not above it (LIFE-2).
        #[n(2)]
        #[cbor(default)]
        #[serde(default)]
        pub from: Seq,
    }
}

record! {
    /// The user's own marks in a conversation.
    #[derive(Default, Copy, Eq)]
    pub struct OwnMarks {
        /// This device's; absent for a transient session.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub acked: Option<Seq>,
        /// The user's, over all devices.
        #[n(1)]
        pub delivered: Seq,
        /// Shown to others.
        #[n(2)]
        pub read: Seq,
        /// For the own devices.
        #[n(3)]
        pub read_private: Seq,
        /// Cut off up to there.
        #[n(4)]
        pub cleared: Seq,
    }
}

record! {
    /// The marks of another user.
    #[derive(Eq)]
    pub struct UserMark {
        /// Whose.
        #[n(0)]
        pub user: UserId,
        /// On one of their devices.
        #[n(1)]
        pub delivered: Seq,
        /// Read by them.
        #[n(2)]
        pub read: Seq,
    }
}

record! {
    /// How many messages the user has not read.
    #[derive(Default, Copy, Eq)]
    pub struct Unread {
        /// The number, or an upper bound.
        #[n(0)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub count: u64,
        /// True when it is exact.
        #[n(1)]
        pub exact: bool,
    }
}

record! {
    /// Entries of one conversation in seq order.
    pub struct Entries {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// The entries; what lies between them and is absent came as `gap`.
        #[n(1)]
        pub entries: Vec<Entry>,
        /// The request that it answers.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// What later entries changed on these.
        #[n(3)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<OverlayFrame>>", optional))]
        pub overlays: Vec<OverlayFrame>,
        /// There are more in the direction asked for.
        #[n(4)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub more: bool,
    }
}

record! {
    /// What later entries changed on a message.
    pub struct OverlayFrame {
        /// The message.
        #[n(0)]
        pub target: Seq,
        /// The edit that holds.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub edit: Option<Entry>,
        /// How many edits there were.
        #[n(2)]
        #[cbor(default)]
        #[serde(default, deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub edits: u64,
        /// The entry that took it back.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub retracted_by: Option<Seq>,
        /// At most 20, the most frequent first.
        #[n(4)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<ReactionCount>>", optional))]
        pub reactions: Vec<ReactionCount>,
    }
}

record! {
    /// How often an emoji was set.
    #[derive(Eq)]
    pub struct ReactionCount {
        /// The emoji.
        #[n(0)]
        pub emoji: String,
        /// By how many.
        #[n(1)]
        #[serde(deserialize_with = "integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub count: u64,
        /// Also by the user.
        #[n(2)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub mine: bool,
    }
}

record! {
    /// A range that is not sent and counts as covered.
    #[derive(Eq)]
    pub struct Gap {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// The first seq left out.
        #[n(1)]
        pub from: Seq,
        /// The last seq left out.
        #[n(2)]
        pub to: Seq,
        /// Why.
        #[n(3)]
        pub reason: GapReason,
    }
}

record! {
    /// Marks that rose, or the marks asked for.
    pub struct MarksFrame {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// The request that it answers.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// Of others.
        #[n(2)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "schema", ts(as = "Option<Vec<UserMark>>", optional))]
        pub marks: Vec<UserMark>,
        /// The user's own.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub own: Option<OwnMarks>,
        /// With own marks: what is unread now.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub unread: Option<Unread>,
    }
}

record! {
    /// The user's settings of a conversation.
    pub struct SettingsFrame {
        /// Which.
        #[n(0)]
        pub conversation: ConversationId,
        /// The setting.
        #[n(1)]
        pub setting: Setting,
        /// The request that it answers.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
    }
}

record! {
    /// Members of a group.
    pub struct MembersFrame {
        /// Which.
        #[n(0)]
        pub conversation: ConversationId,
        /// Members, by user id.
        #[n(1)]
        pub members: Vec<MemberEntry>,
        /// The request that it answers.
        #[n(2)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// There are more after the last one.
        #[n(3)]
        #[cbor(default)]
        #[serde(default, skip_serializing_if = "is_false")]
        #[cfg_attr(feature = "schema", ts(as = "Option<bool>", optional))]
        pub more: bool,
    }
}

record! {
    /// Who reacted to a message.
    pub struct ReactionsFrame {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// The message.
        #[n(1)]
        pub target: Seq,
        /// By user, then emoji; at most 1,000.
        #[n(2)]
        pub reactions: Vec<Reacted>,
        /// The request that it answers.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_integer")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
    }
}

record! {
    /// One reaction.
    #[derive(Eq)]
    pub struct Reacted {
        /// Whose.
        #[n(0)]
        pub user: UserId,
        /// Which.
        #[n(1)]
        pub emoji: String,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
