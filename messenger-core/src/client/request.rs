//! What an outbox sends: everything that carries a `cmid` and is answered by `accepted` or `rejected`.

use crate::codec::tagged;
use crate::id::{Cmid, ConversationId, Seq};
use crate::model::{
    Added, Content, Created, Left, MemberRemoved, Membership, PolicyChange, RoleGiven,
};
use crate::wire::{
    AddMembers, ClientFrame, Create, Leave, MembersChange, MembersRequest, PolicyRequest,
    RemoveMember, Send, SendContent, SetRole,
};

tagged! {
    /// What a client wants to append to a log.
    pub enum Request {
        /// A message, edit, retraction or reaction.
        0 "send" Send(SendContent),
        /// The beginning of a group.
        1 "create" Create(Created),
        /// A change of members.
        2 "members" Members(MembersChange),
        /// A change of title, retention or history.
        3 "policy" Policy(PolicyChange),
    }
}

impl Request {
    /// The frame that asks for it.
    pub fn frame(
        &self,
        id: u64,
        conversation: ConversationId,
        cmid: Cmid,
        after_cmid: Option<Cmid>,
    ) -> ClientFrame {
        match self {
            Self::Send(content) => ClientFrame::Send(Send {
                id: Some(id),
                conversation,
                cmid,
                after_cmid,
                content: content.clone(),
            }),
            Self::Create(created) => ClientFrame::Create(Create {
                id: Some(id),
                conversation,
                cmid,
                title: created.title.clone(),
                members: created.members.clone(),
                retention: created.retention,
                history: created.history,
            }),
            Self::Members(change) => ClientFrame::Members(MembersRequest {
                id: Some(id),
                conversation,
                cmid: Some(cmid),
                change: Some(change.clone()),
                after: None,
            }),
            Self::Policy(change) => ClientFrame::Policy(PolicyRequest {
                id: Some(id),
                conversation,
                cmid,
                change: change.clone(),
            }),
        }
    }

    /// The content of the entry that it becomes.
    pub fn content(&self) -> Content {
        match self {
            Self::Send(SendContent::Message(message)) => message.clone().into(),
            Self::Send(SendContent::Edit(edit)) => edit.clone().into(),
            Self::Send(SendContent::Retraction(retraction)) => retraction.clone().into(),
            Self::Send(SendContent::Reaction(reaction)) => reaction.clone().into(),
            Self::Create(created) => Membership::from(created.clone()).into(),
            Self::Members(MembersChange::Add(add)) => Membership::from(Added {
                users: add.users.clone(),
            })
            .into(),
            Self::Members(MembersChange::Remove(remove)) => Membership::from(MemberRemoved {
                user: remove.user.clone(),
            })
            .into(),
            Self::Members(MembersChange::Leave(leave)) => Membership::from(Left {
                successor: leave.successor.clone(),
            })
            .into(),
            Self::Members(MembersChange::Role(set)) => Membership::from(RoleGiven {
                user: set.user.clone(),
                role: set.role,
            })
            .into(),
            Self::Policy(change) => change.clone().into(),
        }
    }

    /// The request that makes an entry again after a restored log lost it (RES-3); `None` for what has no body any more.
    ///
    /// `kept` is the last entry that was not lost. A reply to a lost message becomes a plain message, for its seq may name
    /// another one now.
    pub fn again(content: &Content, kept: Seq) -> Option<Self> {
        match content {
            Content::Message(message) => {
                let mut message = message.clone();
                message.reply_to = message.reply_to.filter(|&target| target <= kept);
                Some(Self::Send(message.into()))
            }
            Content::Edit(edit) => Some(Self::Send(edit.clone().into())),
            Content::Retraction(retraction) => Some(Self::Send(retraction.clone().into())),
            Content::Reaction(reaction) => Some(Self::Send(reaction.clone().into())),
            Content::Membership(Membership::Created(created)) => {
                Some(Self::Create(created.clone()))
            }
            Content::Membership(Membership::Added(added)) => {
                let users = added.users.clone();
                Some(Self::Members(AddMembers { users }.into()))
            }
            Content::Membership(Membership::Removed(removed)) => {
                let user = removed.user.clone();
                Some(Self::Members(RemoveMember { user }.into()))
            }
            Content::Membership(Membership::Left(left)) => {
                let successor = left.successor.clone();
                Some(Self::Members(Leave { successor }.into()))
            }
            Content::Membership(Membership::Role(given)) => {
                let (user, role) = (given.user.clone(), given.role);
                Some(Self::Members(SetRole { user, role }.into()))
            }
            Content::Policy(change) => Some(Self::Policy(change.clone())),
            Content::Tombstone(_) => None,
        }
    }

    /// True for what names its predecessor, so that several may be under way at once (LOG-5).
    pub fn is_chained(&self) -> bool {
        matches!(self, Self::Send(_))
    }

    /// The message that it changes.
    pub fn target(&self) -> Option<Seq> {
        self.content().target()
    }
}
