//! What a client keeps in its storage: records, and the changes that one transaction makes to them.
//!
//! ```text
//!   SessionRecord        who, which device, generation, epoch, since
//!   ConversationRecord   cursor, members, marks, setting           + its entries from `start` to `cursor`
//!   OutgoingRecord       one per message that is not in the log yet
//! ```

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::id::{Cmid, ConversationId, DeviceId, Epoch, Generation, Ordinal, Seq, UserId};
use crate::model::{Entry, Policy, Role, Setting};
use crate::time::Timestamp;
use crate::wire::OwnMarks;

use super::outbox::Failure;
use super::ranges::Ranges;
use super::request::Request;

/// One change of a transaction; all changes of a transaction become durable together, in order.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[non_exhaustive]
pub enum Change {
    /// Replaces the session's record.
    #[n(0)]
    Session(#[n(0)] SessionRecord),
    /// Replaces a conversation's record.
    #[n(1)]
    Conversation(#[n(0)] Box<ConversationRecord>),
    /// Puts entries, replacing those of the same seq.
    #[n(2)]
    Entries(#[n(0)] ConversationId, #[n(1)] Vec<Entry>),
    /// Drops the entries above a seq.
    #[n(3)]
    Truncate(#[n(0)] ConversationId, #[n(1)] Seq),
    /// Drops the entries up to a seq.
    #[n(4)]
    Cut(#[n(0)] ConversationId, #[n(1)] Seq),
    /// Erases the body of a message that was retracted.
    #[n(5)]
    Erase(#[n(0)] ConversationId, #[n(1)] Seq),
    /// Puts a message of the outbox.
    #[n(6)]
    Outgoing(#[n(0)] OutgoingRecord),
    /// Drops a message of the outbox.
    #[n(7)]
    Sent(#[n(0)] Cmid),
}

/// Everything that a storage holds when a client starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// Who this storage belongs to.
    pub session: SessionRecord,
    /// The conversations by id.
    pub conversations: BTreeMap<ConversationId, ConversationRecord>,
    /// The newest entries of each conversation, for the unread number; at most 1,000 each.
    pub recent: BTreeMap<ConversationId, Vec<Entry>>,
    /// The outbox, in any order.
    pub outgoing: Vec<OutgoingRecord>,
}

/// Who a storage belongs to and where its session stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionRecord {
    /// Who the storage belongs to, once a server has said it.
    #[n(0)]
    pub user: Option<UserId>,
    /// The random key under which the device is registered; stored before it is first sent.
    #[n(1)]
    pub register: Option<String>,
    /// The registered device.
    #[n(2)]
    pub device: Option<DeviceId>,
    /// Raised before each connection.
    #[n(3)]
    #[cbor(default)]
    pub generation: Generation,
    /// The epoch of everything in this storage.
    #[n(4)]
    pub epoch: Option<Epoch>,
    /// The last `caught_up.since` before which everything is stored.
    #[n(5)]
    pub since: Option<String>,
}

/// One conversation without its entries.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ConversationRecord {
    /// Which.
    #[n(0)]
    pub id: ConversationId,
    /// The first entry of the storage's unbroken range; `cursor + 1` while it is empty.
    #[n(1)]
    pub start: Seq,
    /// The last entry of that range: everything from `start` to it is stored, or known to be a gap.
    #[n(2)]
    pub cursor: Seq,
    /// The last entry that the log is known to have.
    #[n(3)]
    pub head: Seq,
    /// Countable entries up to the head.
    #[n(4)]
    #[cbor(default)]
    pub head_ordinal: Ordinal,
    /// Server time of the newest entry.
    #[n(5)]
    #[cbor(default)]
    pub time: Timestamp,
    /// True once the server has described the conversation.
    #[n(6)]
    #[cbor(default)]
    pub known: bool,
    /// The title of a group.
    #[n(7)]
    pub title: Option<String>,
    /// The first entry of the user's right.
    #[n(8)]
    #[cbor(default)]
    pub from: Seq,
    /// True while the user is a member.
    #[n(9)]
    #[cbor(default)]
    pub member: bool,
    /// What the user may do.
    #[n(10)]
    pub role: Option<Role>,
    /// The members, in conversations of up to 64.
    #[n(11)]
    #[cbor(default)]
    pub members: BTreeMap<UserId, MemberRecord>,
    /// How many members there are.
    #[n(12)]
    #[cbor(default)]
    pub member_count: u64,
    /// What holds for all.
    #[n(13)]
    #[cbor(default)]
    pub policy: Policy,
    /// The user's own marks as the server last told them.
    #[n(14)]
    #[cbor(default)]
    pub own: OwnMarks,
    /// The marks that the user wants: sent until the server has told them.
    #[n(15)]
    #[cbor(default)]
    pub wanted: OwnMarks,
    /// The marks of the others.
    #[n(16)]
    #[cbor(default)]
    pub others: BTreeMap<UserId, UserMarkRecord>,
    /// Own messages that were shown as delivered.
    #[n(17)]
    #[cbor(default)]
    pub shown_delivered: Ranges,
    /// Own messages that were shown as read.
    #[n(18)]
    #[cbor(default)]
    pub shown_read: Ranges,
    /// The user's settings.
    #[n(19)]
    #[cbor(default)]
    pub setting: Setting,
    /// What the server last said is unread.
    #[n(20)]
    #[cbor(default)]
    pub told: UnreadRecord,
    /// The entry as of which the server last described members and policy.
    #[n(21)]
    #[cbor(default)]
    pub described: Seq,
}

/// A member, as far as this client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MemberRecord {
    /// What they may do.
    #[n(0)]
    pub role: Role,
    /// The entry with which their present stay began.
    #[n(1)]
    pub joined: Seq,
}

/// The marks of another user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserMarkRecord {
    /// On one of their devices.
    #[n(0)]
    pub delivered: Seq,
    /// Read by them.
    #[n(1)]
    pub read: Seq,
}

/// What the server said is unread, and of which moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UnreadRecord {
    /// The number.
    #[n(0)]
    pub count: u64,
    /// True when it is exact.
    #[n(1)]
    pub exact: bool,
    /// The mark from which it counts.
    #[n(2)]
    pub from: Seq,
    /// The entry up to which it counts.
    #[n(3)]
    pub upto: Seq,
}

/// One message of the outbox.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct OutgoingRecord {
    /// The key that makes it happen once.
    #[n(0)]
    pub cmid: Cmid,
    /// Where.
    #[n(1)]
    pub conversation: ConversationId,
    /// What.
    #[n(2)]
    pub request: Request,
    /// When the user sent it, by the client's clock.
    #[n(3)]
    pub queued_at: Timestamp,
    /// Its place in the order of sending.
    #[n(4)]
    pub order: u64,
    /// Why it will not be sent.
    #[n(5)]
    pub failure: Option<Failure>,
    /// Stored before it is first sent: from then on it may be in the log.
    #[n(6)]
    #[cbor(default)]
    pub maybe_sent: bool,
}

impl ConversationRecord {
    /// A conversation of which nothing is known but its id.
    pub fn new(id: ConversationId) -> Self {
        let members: BTreeMap<UserId, MemberRecord> = id
            .pair()
            .map(|(a, b)| [a, b])
            .into_iter()
            .flatten()
            .map(|user| {
                let member = MemberRecord {
                    role: Role::Member,
                    joined: Seq::ZERO,
                };
                (user, member)
            })
            .collect();
        Self {
            start: Seq(1),
            cursor: Seq::ZERO,
            head: Seq::ZERO,
            head_ordinal: Ordinal(0),
            time: Timestamp(0),
            known: false,
            title: None,
            from: Seq(1),
            member: id.pair().is_some(),
            role: None,
            member_count: members.len() as u64,
            members,
            policy: Policy::default(),
            own: OwnMarks::default(),
            wanted: OwnMarks::default(),
            others: BTreeMap::new(),
            shown_delivered: Ranges::default(),
            shown_read: Ranges::default(),
            setting: Setting::default(),
            told: UnreadRecord::default(),
            described: Seq::ZERO,
            id,
        }
    }

    /// The position from which unread counts: max(read, read_private, cleared, right − 1) (MARK-6).
    pub fn unread_from(&self) -> Seq {
        [self.own, self.wanted]
            .iter()
            .flat_map(|marks| [marks.read, marks.read_private, marks.cleared])
            .fold(self.from.previous(), Seq::max)
    }

    /// Everything up to it is gone for this user.
    pub fn cleared(&self) -> Seq {
        self.own.cleared.max(self.wanted.cleared)
    }
}
