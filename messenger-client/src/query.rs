//! Everything that is asked of the server, and the entries that are here already.

use messenger_core::client::{Shown, Timeline};
use messenger_core::id::{ConversationId, Seq, UserId};
use messenger_core::model::{Entry, Setting};
use messenger_core::wire::{
    ClientFrame, Code, ConversationFrame, HistoryRequest, MarksFrame, MarksRequest, MemberEntry,
    MembersRequest, Open, Reacted, ReactionsRequest, ServerFrame, SettingsRequest, Subscribe,
    Typing,
};

use crate::client::Client;
use crate::error::Error;

/// Every seq that a log can have.
const LAST: Seq = Seq(u64::MAX);

/// A page of a conversation, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// There are earlier ones.
    pub more: bool,
}

impl Client {
    /// The newest entries below a seq: from the storage, and from the server where the storage does not reach.
    ///
    /// What comes from the server joins the storage. Without a connection the page ends where the storage does.
    ///
    /// # Errors
    /// Fails when the storage does, or when the server refuses.
    pub async fn history(
        &self,
        conversation: &ConversationId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Page, Error> {
        let entries = self.entries(conversation, before, limit).await?;
        let Some(record) = self.conversation(conversation) else {
            return Ok(Page::default());
        };
        let first = record.from.max(Seq(1)).max(record.cleared().next());
        if entries.len() >= limit || record.start <= first {
            let oldest = entries.first().map_or(first, |entry| entry.seq);
            let more = oldest > record.start.max(first);
            return Ok(Page {
                more: more || record.start > first,
                entries,
            });
        }
        let missing = limit - entries.len();
        let asked = self
            .shared()
            .ask(|id| {
                ClientFrame::History(HistoryRequest {
                    id: Some(id),
                    conversation: conversation.clone(),
                    before: Some(record.start),
                    after: None,
                    limit: Some(missing.min(100) as u64),
                })
            })
            .await;
        let more = match asked {
            Ok(ServerFrame::Entries(frame)) => frame.more,
            Ok(_) => true,
            Err(Error::NotConnected) => {
                return Ok(Page {
                    entries,
                    more: true,
                });
            }
            Err(error) => return Err(error),
        };
        let entries = self.entries(conversation, before, limit).await?;
        Ok(Page { entries, more })
    }

    /// The newest entries below a seq that are in the storage.
    ///
    /// # Errors
    /// Fails when the storage does.
    pub async fn entries(
        &self,
        conversation: &ConversationId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let last = before.map_or(LAST, Seq::previous);
        let range = Seq(1)..=last;
        let keeper = self.shared().keeper.clone();
        Ok(keeper.entries(conversation.clone(), range, limit).await?)
    }

    /// The newest `limit` entries as a person sees them, with their edits and reactions, from the storage.
    ///
    /// # Errors
    /// Fails when the storage does.
    pub async fn messages(
        &self,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<Shown>, Error> {
        let entries = self.entries(conversation, None, limit).await?;
        Ok(Timeline::of(entries).lines().collect())
    }

    /// Asks how a conversation stands, with its exact unread number; this also makes it known here.
    ///
    /// # Errors
    /// Fails without a connection, or with the server's refusal.
    pub async fn open(&self, conversation: &ConversationId) -> Result<ConversationFrame, Error> {
        let conversation = conversation.clone();
        let answer = self.shared().ask(|id| {
            ClientFrame::Open(Open {
                id: Some(id),
                conversation,
            })
        });
        match answer.await? {
            ServerFrame::Conversation(frame) => Ok(*frame),
            other => Err(unexpected(&other)),
        }
    }

    /// Lists all members of a group.
    ///
    /// # Errors
    /// Fails without a connection, or with the server's refusal.
    pub async fn members(&self, conversation: &ConversationId) -> Result<Vec<MemberEntry>, Error> {
        let mut members: Vec<MemberEntry> = Vec::new();
        loop {
            let after: Option<UserId> = members.last().map(|member| member.user.clone());
            let answer = self.shared().ask(|id| {
                ClientFrame::Members(MembersRequest {
                    id: Some(id),
                    conversation: conversation.clone(),
                    cmid: None,
                    change: None,
                    after,
                })
            });
            match answer.await? {
                ServerFrame::Members(frame) => {
                    let last = frame.members.is_empty() || !frame.more;
                    members.extend(frame.members);
                    if last {
                        return Ok(members);
                    }
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// Asks for the marks of the members of a large group.
    ///
    /// # Errors
    /// Fails without a connection, or with the server's refusal.
    pub async fn marks(&self, conversation: &ConversationId) -> Result<MarksFrame, Error> {
        let conversation = conversation.clone();
        let answer = self.shared().ask(|id| {
            ClientFrame::Marks(MarksRequest {
                id: Some(id),
                conversation,
            })
        });
        match answer.await? {
            ServerFrame::Marks(frame) => Ok(frame),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks who reacted to a message.
    ///
    /// # Errors
    /// Fails without a connection, or with the server's refusal.
    pub async fn reactions(
        &self,
        conversation: &ConversationId,
        target: Seq,
    ) -> Result<Vec<Reacted>, Error> {
        let conversation = conversation.clone();
        let answer = self.shared().ask(|id| {
            ClientFrame::Reactions(ReactionsRequest {
                id: Some(id),
                conversation,
                target,
            })
        });
        match answer.await? {
            ServerFrame::Reactions(frame) => Ok(frame.reactions),
            other => Err(unexpected(&other)),
        }
    }

    /// Changes the user's settings of a conversation: the present one with the change in it, at the next version.
    ///
    /// # Errors
    /// Fails without a connection, or with `version_conflict` when another device was faster: try again.
    pub async fn set_setting(
        &self,
        conversation: &ConversationId,
        change: impl FnOnce(&mut Setting) + Send,
    ) -> Result<Setting, Error> {
        let mut setting = self
            .conversation(conversation)
            .map(|record| record.setting)
            .unwrap_or_default();
        change(&mut setting);
        setting.version += 1;
        let conversation = conversation.clone();
        let answer = self.shared().ask(|id| {
            ClientFrame::Settings(SettingsRequest {
                id: Some(id),
                conversation,
                setting,
            })
        });
        match answer.await? {
            ServerFrame::Settings(frame) => Ok(frame.setting),
            other => Err(unexpected(&other)),
        }
    }

    /// Follows the presence of the members of these conversations, and of no others, over all connections to come.
    pub fn subscribe(&self, conversations: Vec<ConversationId>) {
        let subscribe = Subscribe {
            id: None,
            conversations,
        };
        self.shared().with(|state| {
            state.subscription = Some(subscribe.clone());
            state.frames.push(ClientFrame::Subscribe(subscribe));
        });
    }

    /// Says that the user is typing; call it at each key, the client sends at most one per 3 s.
    pub fn typing(&self, conversation: &ConversationId) {
        self.say_typing(conversation, false);
    }

    /// Says that the user is no longer typing.
    pub fn stopped_typing(&self, conversation: &ConversationId) {
        self.say_typing(conversation, true);
    }

    fn say_typing(&self, conversation: &ConversationId, stopped: bool) {
        let typing = Typing {
            conversation: conversation.clone(),
            stopped,
        };
        self.shared().with(|state| {
            if state.may_say_typing(&typing.conversation, stopped) {
                state.frames.push(ClientFrame::Typing(typing));
            }
        });
    }
}

fn unexpected(frame: &ServerFrame) -> Error {
    let message = format!("the server answered with `{}`", frame.tag());
    Error::refused(Code::UnknownFrame, message)
}
