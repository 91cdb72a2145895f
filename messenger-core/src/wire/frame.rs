//! The frames: one definition for both codecs.
//!
//! ```text
//!   client  hello send ack read clear history confirm open create members policy settings marks reactions subscribe
//!           typing ping logout
//!   server  welcome conversation entries gap page caught_up accepted rejected error marks settings lag presence typing
//!           pong goaway reset members reactions
//! ```
//!
//! A request may carry an `id` that its answer repeats as `re`. Unknown fields are ignored.

use crate::codec::{record, symbols, tagged};
use crate::id::{
    Cmid, ConversationId, DeviceId, Epoch, Generation, Ordinal, Seq, SessionId, UserId,
};
use crate::limits::Limits;
use crate::model::{
    Edit, Entry, History, Message, Policy, PolicyChange, Reaction, Retention, Retraction, Role,
    Setting, UserPresence,
};
use crate::time::Timestamp;

use super::Code;

tagged! {
    /// What a client sends.
    pub enum ClientFrame {
        /// The first frame of a link.
        1 "hello" Hello(Hello),
        /// Appends a message, edit, retraction or reaction.
        2 "send" Send(Send),
        /// Says what is in this device's storage.
        3 "ack" Ack(Ack),
        /// Says what the user has read.
        4 "read" Read(Read),
        /// Cuts a conversation off from the front.
        5 "clear" Clear(Clear),
        /// Asks for a page of entries.
        6 "history" History(HistoryRequest),
        /// Says that a page of catching up was received.
        7 "confirm" Confirm(Confirm),
        /// Asks for a conversation.
        8 "open" Open(Open),
        /// Begins a group.
        9 "create" Create(Create),
        /// Changes or lists members.
        10 "members" Members(MembersRequest),
        /// Changes title, retention or history.
        11 "policy" Policy(PolicyRequest),
        /// Writes the user's settings.
        12 "settings" Settings(SettingsRequest),
        /// Asks for marks.
        13 "marks" Marks(MarksRequest),
        /// Asks who reacted.
        14 "reactions" Reactions(ReactionsRequest),
        /// Follows presence.
        15 "subscribe" Subscribe(Subscribe),
        /// Says that the user is typing.
        16 "typing" Typing(Typing),
        /// A sign of life.
        17 "ping" Ping(Ping),
        /// Ends the session.
        18 "logout" Logout(Logout),
    }
}

tagged! {
    /// What a server sends.
    pub enum ServerFrame {
        /// The answer to `hello`.
        1 "welcome" Welcome(Welcome),
        /// A conversation as the user sees it now.
        2 "conversation" Conversation(Box<ConversationFrame>),
        /// Entries of one conversation.
        3 "entries" Entries(Entries),
        /// A range that is not sent.
        4 "gap" Gap(Gap),
        /// Ends a page of catching up.
        5 "page" Page(Page),
        /// Everything is sent; now live.
        6 "caught_up" CaughtUp(CaughtUp),
        /// The entry is durable and listed.
        7 "accepted" Accepted(Accepted),
        /// The draft was not appended.
        8 "rejected" Rejected(Rejected),
        /// A request failed.
        9 "error" Error(ErrorFrame),
        /// Marks that rose.
        10 "marks" Marks(MarksFrame),
        /// The user's settings of a conversation.
        11 "settings" Settings(SettingsFrame),
        /// The session fell behind.
        12 "lag" Lag(Lag),
        /// A transition of presence.
        13 "presence" Presence(PresenceFrame),
        /// A user is typing.
        14 "typing" Typing(TypingFrame),
        /// The answer to `ping`.
        15 "pong" Pong(Pong),
        /// The server is about to close this link.
        16 "goaway" Goaway(Goaway),
        /// The store's epoch is another one.
        17 "reset" Reset(Reset),
        /// Members of a group.
        18 "members" Members(MembersFrame),
        /// Who reacted to a message.
        19 "reactions" Reactions(ReactionsFrame),
    }
}

tagged! {
    /// What `send` appends.
    pub enum SendContent {
        /// A message to people.
        0 "message" Message(Message),
        /// A new body for an earlier message.
        1 "edit" Edit(Edit),
        /// An earlier message taken back.
        2 "retraction" Retraction(Retraction),
        /// An emoji set on or taken from an earlier message.
        3 "reaction" Reaction(Reaction),
    }
}

tagged! {
    /// A change of members that a client asks for.
    pub enum MembersChange {
        /// Adds users.
        0 "add" Add(AddMembers),
        /// Removes a user.
        1 "remove" Remove(RemoveMember),
        /// The sender leaves.
        2 "leave" Leave(Leave),
        /// Gives a role.
        3 "role" Role(SetRole),
    }
}

symbols! {
    /// The kinds of conversations.
    pub enum KindName {
        /// Two users.
        0 "direct" Direct,
        /// A user alone.
        1 "notes" Notes,
        /// A group.
        2 "group" Group,
    }
}

symbols! {
    /// Why a range is not sent.
    pub enum GapReason {
        /// It is outside the user's right, hidden or cleared.
        0 "right" Right,
        /// The log no longer has it.
        1 "cut" Cut,
    }
}

record! {
    /// The first frame of a link.
    #[derive(Default)]
    pub struct Hello {
        /// The version of the protocol; this one is 1.
        #[n(0)]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        /// The oldest entries above this seq; with neither, the newest of all.
        #[n(3)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub after: Option<Seq>,
        /// Entries at most; `limits.page_entries` when absent.
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub limit: Option<u64>,
    }
}

record! {
    /// Says that a page of catching up was received.
    pub struct Confirm {
        /// Its number.
        #[n(0)]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub page: u64,
    }
}

record! {
    /// Asks for a conversation with its exact unread number; answered by `conversation`.
    pub struct Open {
        /// Repeated by the answer as `re`.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub id: Option<u64>,
        /// Which group.
        #[n(1)]
        pub conversation: ConversationId,
        /// The key of a change.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub heartbeat_ms: u64,
        /// A lost push between nodes is made good within this time at worst.
        #[n(7)]
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
    /// A conversation as the user sees it now.
    pub struct ConversationFrame {
        /// The request that it answers.
        #[n(0)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default)]
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
    /// Ends a page of catching up; the client answers `confirm`.
    #[derive(Eq)]
    pub struct Page {
        /// Its number, rising within the session.
        #[n(0)]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// When to try again.
        #[n(7)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
        /// The conversation concerned.
        #[n(5)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub conversation: Option<ConversationId>,
        /// When to try again.
        #[n(6)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub retry_after_ms: Option<u64>,
        /// The field that is wrong.
        #[n(7)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub field: Option<String>,
        /// The limit that it breaks.
        #[n(8)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub limit: Option<u64>,
        /// `generation_stale`: the highest generation seen.
        #[n(9)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Marks that rose, or the marks asked for.
    pub struct MarksFrame {
        /// Where.
        #[n(0)]
        pub conversation: ConversationId,
        /// The request that it answers.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional, type = "number"))]
        pub re: Option<u64>,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
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

impl From<crate::id::ConversationKind> for KindName {
    fn from(kind: crate::id::ConversationKind) -> Self {
        match kind {
            crate::id::ConversationKind::Direct => Self::Direct,
            crate::id::ConversationKind::Notes => Self::Notes,
            crate::id::ConversationKind::Group => Self::Group,
        }
    }
}

impl ErrorFrame {
    /// An error of this code; the message is the code's advice unless a better one is set.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            number: u64::from(code.number()),
            retriable: code.is_retriable(),
            message: message.into(),
            re: None,
            conversation: None,
            retry_after_ms: None,
            field: None,
            limit: None,
            current: None,
            devices: Vec::new(),
            setting: None,
        }
    }
}

impl ClientFrame {
    /// The request's `id`.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Send(f) => f.id,
            Self::Read(f) => f.id,
            Self::Clear(f) => f.id,
            Self::History(f) => f.id,
            Self::Open(f) => f.id,
            Self::Create(f) => f.id,
            Self::Members(f) => f.id,
            Self::Policy(f) => f.id,
            Self::Settings(f) => f.id,
            Self::Marks(f) => f.id,
            Self::Reactions(f) => f.id,
            Self::Subscribe(f) => f.id,
            Self::Ping(f) => f.id,
            Self::Hello(_)
            | Self::Ack(_)
            | Self::Confirm(_)
            | Self::Typing(_)
            | Self::Logout(_) => None,
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
