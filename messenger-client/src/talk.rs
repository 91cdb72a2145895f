//! Everything that is sent under a `cmid`, and so happens once whatever the link does.

use messenger_core::client::Request;
use messenger_core::id::{Cmid, ConversationId, IdError, Seq, UserId};
use messenger_core::model::{
    Created, Edit, History, Message, PolicyChange, Reaction, Retention, Retitled, Retraction, Role,
    Text,
};
use messenger_core::wire::{AddMembers, Leave, MembersChange, RemoveMember, SetRole};
use tokio::sync::oneshot;

use crate::client::Client;
use crate::sending::Sending;
use crate::shared::{now, random};

impl Client {
    /// The conversation with another user, or one's notes when it is oneself.
    ///
    /// # Errors
    /// [`IdError`] when the name is no user id, or this client does not know its own user yet.
    pub fn direct(&self, other: &str) -> Result<ConversationId, IdError> {
        let other = UserId::parse(other)?;
        let me = self.user().ok_or(IdError::UserLength)?;
        Ok(ConversationId::direct(&me, &other))
    }

    /// Sends a text.
    pub fn send(&self, conversation: &ConversationId, text: impl Into<Text>) -> Sending {
        self.send_message(conversation, Message::text(text))
    }

    /// Sends a message of any kind.
    pub fn send_message(&self, conversation: &ConversationId, message: Message) -> Sending {
        self.submit(conversation, Request::Send(message.into()))
    }

    /// Sends a text that answers another message.
    pub fn reply(
        &self,
        conversation: &ConversationId,
        target: Seq,
        text: impl Into<Text>,
    ) -> Sending {
        let message = Message {
            reply_to: Some(target),
            ..Message::text(text)
        };
        self.send_message(conversation, message)
    }

    /// Gives an own message other words.
    pub fn edit(
        &self,
        conversation: &ConversationId,
        target: Seq,
        text: impl Into<Text>,
    ) -> Sending {
        let message = Message::text(text);
        self.submit(conversation, Request::Send(Edit { target, message }.into()))
    }

    /// Takes an own message back; a moderator may take back those of others.
    pub fn retract(&self, conversation: &ConversationId, target: Seq) -> Sending {
        self.submit(conversation, Request::Send(Retraction { target }.into()))
    }

    /// Sets an emoji on a message, or takes it away.
    pub fn react(
        &self,
        conversation: &ConversationId,
        target: Seq,
        emoji: impl Into<String>,
        set: bool,
    ) -> Sending {
        let emoji = emoji.into();
        let reaction = Reaction { target, emoji, set };
        self.submit(conversation, Request::Send(reaction.into()))
    }

    /// Begins a group; the creator is its owner and need not be named.
    pub fn create_group(
        &self,
        title: impl Into<String>,
        members: Vec<UserId>,
    ) -> (ConversationId, Sending) {
        self.create_group_with(title, members, Retention::default(), History::default())
    }

    /// Begins a group with a retention and a history policy.
    pub fn create_group_with(
        &self,
        title: impl Into<String>,
        members: Vec<UserId>,
        retention: Retention,
        history: History,
    ) -> (ConversationId, Sending) {
        let conversation = ConversationId::group(new_cmid().as_uuid());
        let created = Created {
            title: title.into(),
            members,
            retention,
            history,
        };
        let sending = self.submit(&conversation, Request::Create(created));
        (conversation, sending)
    }

    /// Adds users to a group.
    pub fn add_members(&self, conversation: &ConversationId, users: Vec<UserId>) -> Sending {
        self.change_members(conversation, AddMembers { users }.into())
    }

    /// Removes a user from a group.
    pub fn remove_member(&self, conversation: &ConversationId, user: UserId) -> Sending {
        self.change_members(conversation, RemoveMember { user }.into())
    }

    /// Gives a member another role.
    pub fn set_role(&self, conversation: &ConversationId, user: UserId, role: Role) -> Sending {
        self.change_members(conversation, SetRole { user, role }.into())
    }

    /// Leaves a group; the last owner names a successor.
    pub fn leave_group(&self, conversation: &ConversationId, successor: Option<UserId>) -> Sending {
        self.change_members(conversation, Leave { successor }.into())
    }

    /// Gives a group another title.
    pub fn set_title(&self, conversation: &ConversationId, title: impl Into<String>) -> Sending {
        let title = title.into();
        self.set_policy(conversation, Retitled { title }.into())
    }

    /// Changes title, retention or history.
    pub fn set_policy(&self, conversation: &ConversationId, change: PolicyChange) -> Sending {
        self.submit(conversation, Request::Policy(change))
    }

    /// Sends a failed message again, under a new cmid; `None` when there is no such message.
    pub fn resend(&self, cmid: Cmid) -> Option<Sending> {
        let record = {
            let state = self.shared().lock();
            let record = state.replica.outbox().record(cmid)?;
            record.failure.is_some().then(|| record.clone())?
        };
        self.discard(cmid);
        Some(self.submit(&record.conversation, record.request))
    }

    /// Sends any request; it is stored first, and goes out when there is a connection.
    pub fn submit(&self, conversation: &ConversationId, request: Request) -> Sending {
        let cmid = new_cmid();
        let (outcome, sending) = oneshot::channel();
        self.shared().with(|state| {
            state.sending.entry(cmid).or_default().push(outcome);
            state
                .replica
                .send(now(), cmid, conversation.clone(), request);
        });
        Sending::new(cmid, sending)
    }

    fn change_members(&self, conversation: &ConversationId, change: MembersChange) -> Sending {
        self.submit(conversation, Request::Members(change))
    }
}

fn new_cmid() -> Cmid {
    Cmid::from_parts(now(), random())
}
