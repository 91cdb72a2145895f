//! What a conversation's log says so far: members, roles, policy, as of a seq.
//!
//! ```text
//!   log entries ──apply, in order──► Conversation { members, rights, policy, as_of }
//! ```
//!
//! Every node that applies the same entries has the same value; the stored copy only saves work (RIGHT-2).

use std::collections::BTreeMap;

use crate::codec::{record, symbols};
use crate::id::{ConversationId, ConversationKind, Seq, UserId};

use super::{Content, Entry, Membership, PolicyChange, Rights};

symbols! {
    /// What a member may do.
    #[derive(Default)]
    pub enum Role {
        /// Reads and writes.
        #[default]
        0 "member" Member,
        /// Also adds, removes, renames, retracts.
        1 "moderator" Moderator,
        /// Also changes roles and policy.
        2 "owner" Owner,
    }
}

symbols! {
    /// What a new member sees of the past.
    #[derive(Default)]
    pub enum History {
        /// Nothing from before the join.
        #[default]
        0 "none" None,
        /// Everything from the first entry.
        1 "all" All,
    }
}

/// How long bodies are kept (contract 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retention {
    /// Until retraction or legal erasure.
    #[default]
    Keep,
    /// Until every registered device has it, or 30 days.
    Relay,
    /// This many seconds after acceptance, read or not: 5 to 31,536,000.
    Timed(
        #[serde(deserialize_with = "crate::codec::integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        u64,
    ),
}

record! {
    /// What holds for the whole conversation.
    #[derive(Default, Eq)]
    pub struct Policy {
        /// How long later bodies are kept.
        #[n(0)]
        #[cbor(default)]
        #[serde(default)]
        pub retention: Retention,
        /// What later members see of the past.
        #[n(1)]
        #[cbor(default)]
        #[serde(default)]
        pub history: History,
    }
}

/// A member of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Member {
    /// What the member may do.
    #[n(0)]
    pub role: Role,
    /// What the member may see.
    #[n(1)]
    pub rights: Rights,
}

impl Member {
    /// The entry with which the present stay began: what came before it never counted this member in its audience (LIFE-2).
    pub fn joined(&self) -> Seq {
        self.rights
            .present()
            .map_or(Seq::ZERO, |interval| interval.joined)
    }
}

/// Members, roles and policy of a conversation as of an entry.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Conversation {
    /// The conversation's id.
    #[n(0)]
    pub id: ConversationId,
    /// The last entry that is applied here.
    #[n(1)]
    pub as_of: Seq,
    /// The title of a group.
    #[n(2)]
    pub title: Option<String>,
    /// What holds for all.
    #[n(3)]
    pub policy: Policy,
    /// The present members.
    #[n(4)]
    pub members: BTreeMap<UserId, Member>,
    /// The rights of those who were members and left.
    #[n(5)]
    pub former: BTreeMap<UserId, Rights>,
}

impl Conversation {
    /// The conversation before its first entry: a pair, a user alone, or a group that nobody has created.
    pub fn empty(id: ConversationId) -> Self {
        let members = match id.pair() {
            None => BTreeMap::new(),
            Some((a, b)) => [a, b]
                .into_iter()
                .map(|user| {
                    let member = Member {
                        role: Role::Member,
                        rights: Rights::everything(),
                    };
                    (user, member)
                })
                .collect(),
        };
        Self {
            id,
            as_of: Seq::ZERO,
            title: None,
            policy: Policy::default(),
            members,
            former: BTreeMap::new(),
        }
    }

    /// Direct, notes or group.
    pub fn kind(&self) -> ConversationKind {
        self.id.kind()
    }

    /// The role of a present member.
    pub fn role_of(&self, user: &UserId) -> Option<Role> {
        self.members.get(user).map(|member| member.role)
    }

    /// The rights of a user, present or former.
    pub fn rights_of(&self, user: &UserId) -> Option<&Rights> {
        match self.members.get(user) {
            Some(member) => Some(&member.rights),
            None => self.former.get(user),
        }
    }

    /// Applies the next entry of the log; true when members, roles or policy changed.
    ///
    /// # Panics
    /// In debug builds, when the entry is not the next one: callers feed the log in order.
    pub fn apply(&mut self, entry: &Entry) -> bool {
        debug_assert_eq!(entry.seq, self.as_of.next(), "entries are applied in order");
        self.as_of = entry.seq;
        match &entry.content {
            Content::Membership(change) => self.apply_membership(entry, change),
            Content::Policy(change) => self.apply_policy(change),
            Content::Message(_)
            | Content::Edit(_)
            | Content::Retraction(_)
            | Content::Reaction(_)
            | Content::Tombstone(_) => return false,
        }
        true
    }

    fn apply_membership(&mut self, entry: &Entry, change: &Membership) {
        match change {
            Membership::Created(created) => {
                self.title = Some(created.title.clone());
                self.policy = Policy {
                    retention: created.retention,
                    history: created.history,
                };
                for user in &created.members {
                    self.join(user, Role::Member, entry.seq);
                }
                self.join(&entry.sender, Role::Owner, entry.seq);
            }
            Membership::Added(added) => {
                for user in &added.users {
                    self.join(user, Role::Member, entry.seq);
                }
            }
            Membership::Removed(removed) => self.leave(&removed.user, entry.seq),
            Membership::Left(left) => {
                if let Some(member) = left
                    .successor
                    .as_ref()
                    .and_then(|u| self.members.get_mut(u))
                {
                    member.role = Role::Owner;
                }
                self.leave(&entry.sender, entry.seq);
            }
            Membership::Role(given) => {
                if let Some(member) = self.members.get_mut(&given.user) {
                    member.role = given.role;
                }
            }
        }
    }

    fn apply_policy(&mut self, change: &PolicyChange) {
        match change {
            PolicyChange::Title(retitled) => self.title = Some(retitled.title.clone()),
            PolicyChange::Retention(retention) => self.policy.retention = *retention,
            PolicyChange::History(history) => self.policy.history = *history,
        }
    }

    fn join(&mut self, user: &UserId, role: Role, at: Seq) {
        if self.members.contains_key(user) {
            return;
        }
        let mut rights = self.former.remove(user).unwrap_or_default();
        let from = match self.policy.history {
            History::None => at,
            History::All => Seq(1),
        };
        rights.join(at, from);
        self.members.insert(user.clone(), Member { role, rights });
    }

    fn leave(&mut self, user: &UserId, at: Seq) {
        if let Some(mut member) = self.members.remove(user) {
            member.rights.leave(at);
            self.former.insert(user.clone(), member.rights);
        }
    }
}

impl Retention {
    /// The tags in JSON with their numbers in CBOR, where it is `[0]`, `[1]` or `[2, seconds]`.
    pub const TAGS: &'static [(&'static str, u16)] = &[("keep", 0), ("relay", 1), ("timed", 2)];
}

impl<C> minicbor::Encode<C> for Retention {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Keep => e.array(1)?.u8(0)?.ok(),
            Self::Relay => e.array(1)?.u8(1)?.ok(),
            Self::Timed(seconds) => e.array(2)?.u8(2)?.u64(*seconds)?.ok(),
        }
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Retention {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        match (d.array()?, d.u8()?) {
            (Some(1), 0) => Ok(Self::Keep),
            (Some(1), 1) => Ok(Self::Relay),
            (Some(2), 2) => d.u64().map(Self::Timed),
            _ => Err(minicbor::decode::Error::message(
                "retention is [0], [1] or [2, seconds]",
            )),
        }
    }
}
