//! Doing what a command says, the same for screen and lines.

use messenger_client::id::{Cmid, ConversationId, Seq, UserId};
use messenger_client::{Client, SendState, Shown, ShownBody, Timeline};

use crate::command::{Command, HELP};
use crate::words;

/// What is to be shown after a command.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing but what events say.
    Done,
    /// Some lines.
    Tell(Vec<String>),
    /// Go to another conversation.
    Go(ConversationId),
    /// The end.
    Quit,
}

/// What a command acts on.
pub(crate) struct Scene<'a> {
    pub(crate) client: &'a Client,
    pub(crate) me: &'a UserId,
    pub(crate) here: Option<&'a ConversationId>,
    pub(crate) timeline: Option<&'a Timeline>,
}

impl Scene<'_> {
    /// Does what a command says.
    pub(crate) fn act(&self, command: Command) -> Result<Outcome, String> {
        let client = self.client;
        match command {
            Command::Say(text) => {
                client.send(self.here()?, text);
            }
            Command::Chat(user) => return Ok(Outcome::Go(ConversationId::direct(self.me, &user))),
            Command::Group(title, users) => {
                let (id, _) = client.create_group(title, users);
                return Ok(Outcome::Go(id));
            }
            Command::Reply(seq, text) => {
                let target = self.target(seq, |_| true)?;
                client.reply(self.here()?, target.seq, text);
            }
            Command::Edit(seq, text) => {
                let target = self.target(seq, |shown| shown.sender == *self.me)?;
                client.edit(self.here()?, target.seq, text);
            }
            Command::React(seq, emoji) => {
                let target = self.target(seq, |_| true)?;
                let has = target.reactions.get(&emoji);
                let mine = has.is_some_and(|users| users.contains(self.me));
                client.react(self.here()?, target.seq, emoji, !mine);
            }
            Command::Retract(seq) => {
                let target = self.target(seq, |shown| shown.sender == *self.me)?;
                client.retract(self.here()?, target.seq);
            }
            Command::Members => return Ok(Outcome::Tell(words::members(client, self.here()?))),
            Command::Add(users) => {
                client.add_members(self.here()?, users);
            }
            Command::Remove(user) => {
                client.remove_member(self.here()?, user);
            }
            Command::Title(title) => {
                client.set_title(self.here()?, title);
            }
            Command::Leave => {
                client.leave_group(self.here()?, None);
            }
            Command::Resend => return self.resend(),
            Command::List => return Ok(Outcome::Tell(self.list())),
            Command::Help => {
                let line = |(command, what): &(&str, &str)| format!("{command:<25} {what}");
                return Ok(Outcome::Tell(HELP.iter().map(line).collect()));
            }
            Command::Quit => return Ok(Outcome::Quit),
        }
        Ok(Outcome::Done)
    }

    fn here(&self) -> Result<&ConversationId, String> {
        self.here
            .ok_or_else(|| "choose a conversation first: /chat USER".into())
    }

    /// The message of that number, else the last one that fits.
    fn target(&self, seq: Option<Seq>, fits: impl Fn(&Shown) -> bool) -> Result<Shown, String> {
        let timeline = self
            .timeline
            .ok_or("choose a conversation first: /chat USER")?;
        match seq {
            Some(seq) => timeline
                .get(seq)
                .filter(|shown| matches!(shown.body, ShownBody::Message(_)))
                .ok_or_else(|| format!("there is no message {seq} here")),
            None => timeline
                .lines()
                .rev()
                .find(|shown| matches!(shown.body, ShownBody::Message(_)) && fits(shown))
                .ok_or_else(|| "there is no such message here".into()),
        }
    }

    fn resend(&self) -> Result<Outcome, String> {
        let failed: Vec<Cmid> = self
            .client
            .outgoing(self.here()?)
            .into_iter()
            .filter(|(_, state)| matches!(state, SendState::Failed(_)))
            .map(|(record, _)| record.cmid)
            .collect();
        for cmid in &failed {
            self.client.resend(*cmid);
        }
        Ok(Outcome::Tell(vec![match failed.len() {
            0 => "nothing has failed here".into(),
            count => format!("sending {count} again"),
        }]))
    }

    fn list(&self) -> Vec<String> {
        let records = self.client.conversations();
        if records.is_empty() {
            return vec!["no conversations yet: /chat USER begins one".into()];
        }
        records
            .iter()
            .map(|record| {
                let name = words::name(&record.id, Some(record), self.me);
                match self.client.unread(&record.id).count {
                    0 => name,
                    unread => format!("{name} ({unread} unread)"),
                }
            })
            .collect()
    }
}
