//! What each frame of an open session does.

use crate::conversation::{Asker, Input as ConversationInput, Question};
use crate::id::{Cmid, ConversationId, Seq};
use crate::limits::TYPING_EVERY;
use crate::model::{
    Added, Content, Created, Draft, Left, MarkKind, MemberRemoved, Membership, RoleGiven,
};
use crate::time::Timestamp;
use crate::wire::{
    Ack, ClientFrame, CloseCode, Code, Create, DecodeError, ErrorFrame, HistoryRequest,
    MembersChange, MembersRequest, Pong, Send, SendContent, Typing,
};

use super::flow::Address;
use super::io::Output;
use super::{Session, check};

/// The most positions of one `ack`.
const ACKS_MAX: usize = 100;
/// The longest alias of a conversation in bytes.
const ALIAS_MAX_BYTES: usize = crate::limits::TITLE_MAX_BYTES;

impl Session {
    pub(super) fn frame(&mut self, now: Timestamp, frame: Result<Box<ClientFrame>, DecodeError>) {
        let taken = self.bucket.take(now);
        let frame = match (frame, taken) {
            (Err(error), _) => {
                let mut answer = ErrorFrame::new(error.code(), error.detail);
                answer.re = error.id;
                self.send(answer);
                return;
            }
            // What settles or ends something is never refused for its rate.
            (Ok(frame), Err(wait)) if !is_settling(&frame) => {
                return self.limit_rate(frame.id(), address_of(&frame), wait);
            }
            (Ok(frame), _) => *frame,
        };
        self.offences.forgive();
        match frame {
            ClientFrame::Hello(_) => self.refuse(None, Code::HelloRepeated, None),
            ClientFrame::Send(send) => self.submit(now, send),
            ClientFrame::Ack(ack) => self.ack(ack),
            ClientFrame::Read(read) => {
                let kind = if read.private {
                    MarkKind::ReadPrivate
                } else {
                    MarkKind::Read
                };
                self.raise(read.conversation, read.id, kind, read.seq);
            }
            ClientFrame::Clear(clear) => {
                self.raise(clear.conversation, clear.id, MarkKind::Cleared, clear.seq);
            }
            ClientFrame::History(history) => self.history(history),
            ClientFrame::Confirm(confirm) => {
                if !self.pages.confirm(confirm.page) {
                    self.refuse(None, Code::BadField, Some("page"));
                }
            }
            ClientFrame::Open(open) => self.ask(open.conversation, open.id, Question::Open),
            ClientFrame::Create(create) => self.create(now, create),
            ClientFrame::Members(members) => self.members(now, members),
            ClientFrame::Policy(policy) => {
                let address = Address {
                    conversation: policy.conversation,
                    cmid: policy.cmid,
                    re: policy.id,
                };
                self.draft(now, address, None, Content::Policy(policy.change));
            }
            ClientFrame::Settings(settings) => {
                let alias = settings.setting.alias.as_ref().map_or(0, String::len);
                if alias > ALIAS_MAX_BYTES {
                    return self.refuse(settings.id, Code::BadField, Some("alias"));
                }
                self.ask(
                    settings.conversation,
                    settings.id,
                    Question::Set(settings.setting),
                );
            }
            ClientFrame::Marks(marks) => self.ask(marks.conversation, marks.id, Question::Marks),
            ClientFrame::Reactions(reactions) => self.ask(
                reactions.conversation,
                reactions.id,
                Question::Reactions {
                    target: reactions.target,
                },
            ),
            ClientFrame::Subscribe(subscribe) => {
                if subscribe.conversations.len() as u64 > self.config.limits.presence_subscriptions
                {
                    return self.refuse(subscribe.id, Code::BadField, Some("conversations"));
                }
                self.outputs
                    .push_back(Output::Subscribe(subscribe.conversations));
            }
            ClientFrame::Typing(typing) => self.typing(now, typing),
            ClientFrame::Ping(ping) => self.send(Pong {
                server_time: now,
                re: ping.id,
            }),
            ClientFrame::Logout(logout) => {
                self.outputs.push_back(Output::Logout {
                    forget: logout.forget,
                });
                self.end(CloseCode::LoggedOut);
            }
        }
    }

    fn asker(&self) -> Option<Asker> {
        let who = self.who.as_ref()?;
        Some(Asker {
            session: self.id,
            user: who.user.clone(),
            device: who.device,
        })
    }

    fn tell(&mut self, conversation: ConversationId, input: ConversationInput) {
        self.outputs
            .push_back(Output::Conversation(conversation, Box::new(input)));
    }

    fn ask(&mut self, conversation: ConversationId, re: Option<u64>, question: Question) {
        if let Some(asker) = self.asker() {
            self.tell(
                conversation,
                ConversationInput::Ask {
                    asker,
                    re,
                    question,
                },
            );
        }
    }

    fn refuse(&mut self, re: Option<u64>, code: Code, field: Option<&str>) {
        let mut error = ErrorFrame::new(code, code.advice());
        error.re = re;
        error.field = field.map(str::to_owned);
        self.send(error);
    }

    fn submit(&mut self, now: Timestamp, send: Send) {
        let content = match send.content {
            SendContent::Message(message) => Content::Message(message),
            SendContent::Edit(edit) => Content::Edit(edit),
            SendContent::Retraction(retraction) => Content::Retraction(retraction),
            SendContent::Reaction(reaction) => Content::Reaction(reaction),
        };
        let address = Address {
            conversation: send.conversation,
            cmid: send.cmid,
            re: send.id,
        };
        self.draft(now, address, send.after_cmid, content);
    }

    fn create(&mut self, now: Timestamp, create: Create) {
        let address = Address {
            conversation: create.conversation,
            cmid: create.cmid,
            re: create.id,
        };
        let content = Content::Membership(Membership::Created(Created {
            title: create.title,
            members: create.members,
            retention: create.retention,
            history: create.history,
        }));
        self.draft(now, address, None, content);
    }

    fn members(&mut self, now: Timestamp, members: MembersRequest) {
        let Some(change) = members.change else {
            return self.ask(
                members.conversation,
                members.id,
                Question::Members {
                    after: members.after,
                },
            );
        };
        let Some(cmid) = members.cmid else {
            return self.refuse(members.id, Code::BadField, Some("cmid"));
        };
        let change = match change {
            MembersChange::Add(add) => Membership::Added(Added { users: add.users }),
            MembersChange::Remove(remove) => {
                Membership::Removed(MemberRemoved { user: remove.user })
            }
            MembersChange::Leave(leave) => Membership::Left(Left {
                successor: leave.successor,
            }),
            MembersChange::Role(role) => Membership::Role(RoleGiven {
                user: role.user,
                role: role.role,
            }),
        };
        let address = Address {
            conversation: members.conversation,
            cmid,
            re: members.id,
        };
        self.draft(now, address, None, Content::Membership(change));
    }

    fn draft(
        &mut self,
        now: Timestamp,
        address: Address,
        after_cmid: Option<Cmid>,
        content: Content,
    ) {
        if let Err(fault) = check::content(&content, &self.config.limits) {
            return self.reject_fault(&address, fault);
        }
        let Some(asker) = self.asker() else { return };
        if !self.take_place(now, &address) {
            return;
        }
        let draft = Draft {
            sender: asker.user.clone(),
            cmid: address.cmid,
            after_cmid,
            content,
        };
        self.tell(
            address.conversation,
            ConversationInput::Submit {
                asker,
                re: address.re,
                draft,
            },
        );
    }

    fn ack(&mut self, ack: Ack) {
        if ack.marks.len() > ACKS_MAX {
            return self.refuse(None, Code::BadField, Some("marks"));
        }
        for mark in ack.marks {
            self.raise(mark.conversation, None, MarkKind::Acked, mark.seq);
        }
    }

    fn raise(&mut self, conversation: ConversationId, re: Option<u64>, kind: MarkKind, to: Seq) {
        if let Some(asker) = self.asker() {
            self.tell(
                conversation,
                ConversationInput::Raise {
                    asker,
                    re,
                    kind,
                    to,
                },
            );
        }
    }

    fn history(&mut self, history: HistoryRequest) {
        if history.before.is_some() && history.after.is_some() {
            return self.refuse(history.id, Code::BadField, Some("after"));
        }
        let page = self.config.limits.page_entries;
        let limit = history.limit.unwrap_or(page);
        if limit == 0 || limit > page {
            return self.refuse(history.id, Code::BadField, Some("limit"));
        }
        let question = Question::History {
            before: history.before,
            after: history.after,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        self.ask(history.conversation, history.id, question);
    }

    /// Passes typing on, at most once per 3 s and conversation; an end is always passed on (PRES-8).
    fn typing(&mut self, now: Timestamp, typing: Typing) {
        let Some(asker) = self.asker() else { return };
        let place = self.places.entry(typing.conversation.clone()).or_default();
        if !typing.stopped {
            if place.typed != Timestamp(0) && now.since(place.typed) < TYPING_EVERY {
                return;
            }
            place.typed = now;
        }
        self.tell(
            typing.conversation,
            ConversationInput::Typing {
                user: asker.user,
                stopped: typing.stopped,
            },
        );
    }
}

/// True for frames that let the server forget something, or end the session.
fn is_settling(frame: &ClientFrame) -> bool {
    matches!(
        frame,
        ClientFrame::Ack(_) | ClientFrame::Confirm(_) | ClientFrame::Logout(_)
    )
}

/// Where the answer to a draft goes.
fn address_of(frame: &ClientFrame) -> Option<Address> {
    let (conversation, cmid, re) = match frame {
        ClientFrame::Send(f) => (&f.conversation, f.cmid, f.id),
        ClientFrame::Create(f) => (&f.conversation, f.cmid, f.id),
        ClientFrame::Policy(f) => (&f.conversation, f.cmid, f.id),
        ClientFrame::Members(f) => (&f.conversation, f.cmid?, f.id),
        _ => return None,
    };
    Some(Address {
        conversation: conversation.clone(),
        cmid,
        re,
    })
}
