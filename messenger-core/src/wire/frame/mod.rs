//! The frames: one definition for both codecs.
//!
//! ```text
//!   client  hello send ack read clear history confirm open create members policy settings marks reactions subscribe
//!           typing ping logout                                                                          client.rs
//!   server  welcome page caught_up accepted rejected error lag presence typing pong goaway reset        server.rs
//!           conversation entries gap marks settings members reactions                                   view.rs
//! ```
//!
//! A request may carry an `id` that its answer repeats as `re`. Unknown fields are ignored.

mod client;
mod server;
mod view;

use crate::codec::{symbols, tagged};
use crate::model::{Edit, Message, Reaction, Retraction};

use super::Code;

pub use client::{
    Ack, AckMark, AddMembers, Clear, Confirm, Create, Hello, HistoryRequest, Leave, Logout,
    MarksRequest, MembersRequest, Open, Ping, PolicyRequest, ReactionsRequest, Read, RemoveMember,
    Send, SetRole, SettingsRequest, Subscribe, Typing,
};
pub use server::{
    Accepted, CaughtUp, ErrorFrame, Goaway, Lag, Page, Pong, PresenceFrame, Rejected, Reset,
    TypingFrame, Welcome,
};
pub use view::{
    ConversationFrame, Entries, Gap, MarksFrame, MemberEntry, MembersFrame, OverlayFrame, OwnMarks,
    Reacted, ReactionCount, ReactionsFrame, SettingsFrame, Unread, UserMark,
};

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
