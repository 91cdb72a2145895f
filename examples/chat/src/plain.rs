//! Lines in, lines out: for pipes and scripts.
//!
//! ```text
//!   stdin ──line──► command ──► client ──events──► stdout, one line each
//!     └─ end ──► everything is sent ──► the end
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;

use messenger_client::id::{ConversationId, Seq};
use messenger_client::model::Content;
use messenger_client::{Event, SendState, Shown, ShownBody, Status, Tick, Timeline};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin, stdin};

use crate::act::{Outcome, Scene};
use crate::command;
use crate::session::Session;
use crate::words;

/// Entries of a conversation that are read when it is opened.
const OPENED: usize = 20;

struct Plain {
    session: Session,
    here: Option<ConversationId>,
    timelines: BTreeMap<ConversationId, Timeline>,
    /// The ticks that were printed, of own messages.
    ticks: BTreeMap<(ConversationId, Seq), Tick>,
}

/// Chats in lines until the input ends.
pub(crate) async fn run(session: Session) -> Result<(), String> {
    let mut plain = Plain {
        session,
        here: None,
        timelines: BTreeMap::new(),
        ticks: BTreeMap::new(),
    };
    let folder = plain.session.folder.display().to_string();
    say(&format!("* messages are kept in {folder}"))?;
    plain.begin().await?;
    let mut lines = BufReader::new(stdin()).lines();
    let mut status = plain.session.client.status();
    let mut reading = true;
    loop {
        if !reading && plain.session.client.unanswered() == 0 {
            plain.session.client.close().await;
            return Ok(());
        }
        tokio::select! {
            line = next_line(&mut lines), if reading => match line {
                Some(line) => match plain.line(&line).await? {
                    true => {}
                    false => {
                        plain.session.client.close().await;
                        return Ok(());
                    }
                },
                None => reading = false,
            },
            event = plain.session.events.next() => match event {
                Some(event) => plain.event(event).await?,
                None => return Ok(()),
            },
            changed = status.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let now = status.borrow_and_update().clone();
                match now {
                    Status::Stopped(error) => return Err(error.to_string()),
                    other => say(&format!("* {}", words::status(&other)))?,
                }
            }
        }
    }
}

async fn next_line(lines: &mut Lines<BufReader<Stdin>>) -> Option<String> {
    lines.next_line().await.ok().flatten()
}

impl Plain {
    async fn begin(&mut self) -> Result<(), String> {
        let Some(to) = self.session.to.clone() else {
            return Ok(());
        };
        self.line(&format!("/chat {to}")).await.map(|_| ())
    }

    /// Does what a line says; false at the end.
    async fn line(&mut self, line: &str) -> Result<bool, String> {
        let command = match command::parse(line) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(true),
            Err(error) => return say(&format!("! {error}")).map(|()| true),
        };
        let scene = Scene {
            client: &self.session.client,
            me: &self.session.me,
            here: self.here.as_ref(),
            timeline: self.here.as_ref().and_then(|id| self.timelines.get(id)),
        };
        match scene.act(command) {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Tell(lines)) => {
                for line in lines {
                    say(&format!("* {line}"))?;
                }
            }
            Ok(Outcome::Go(id)) => self.go(id).await?,
            Ok(Outcome::Quit) => return Ok(false),
            Err(error) => say(&format!("! {error}"))?,
        }
        Ok(true)
    }

    async fn go(&mut self, id: ConversationId) -> Result<(), String> {
        let client = self.session.client.clone();
        let record = client.conversation(&id);
        let name = words::name(&id, record.as_ref(), &self.session.me);
        say(&format!("* in conversation with {name}"))?;
        let entries = client.entries(&id, None, OPENED).await;
        let entries = entries.map_err(|error| error.to_string())?;
        let timeline = Timeline::of(entries);
        for shown in timeline.lines() {
            self.print(&id, &shown)?;
        }
        self.timelines.insert(id.clone(), timeline);
        self.here = Some(id.clone());
        if let Some(record) = record {
            client.read(&id, record.cursor);
        }
        Ok(())
    }

    async fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Entry {
                conversation,
                entry,
            } => {
                let timeline = self.timelines.entry(conversation.clone()).or_default();
                timeline.entry(&entry);
                let target = entry.content.target().unwrap_or(entry.seq);
                let shown = timeline.get(target);
                let word = match &entry.content {
                    Content::Edit(_) => "edited",
                    Content::Retraction(_) => "taken back",
                    Content::Reaction(_) => "reaction",
                    _ => "",
                };
                if let Some(shown) = shown {
                    match word {
                        "" => self.print(&conversation, &shown)?,
                        word => {
                            let line = self.in_words(&conversation, &shown);
                            say(&format!("* {word}: {line}"))?;
                        }
                    }
                }
                if self.here.as_ref() == Some(&conversation) {
                    self.session.client.read(&conversation, entry.seq);
                }
            }
            Event::Conversation { conversation } => self.print_ticks(&conversation)?,
            Event::Outgoing {
                state: SendState::Failed(failure),
                ..
            } => say(&format!("! not sent: {failure}"))?,
            Event::Reset { .. } => say("* the server was restored from a backup")?,
            _ => {}
        }
        Ok(())
    }

    fn print(&mut self, id: &ConversationId, shown: &Shown) -> Result<(), String> {
        say(&self.in_words(id, shown))?;
        if shown.sender == self.session.me && matches!(shown.body, ShownBody::Message(_)) {
            self.ticks.insert((id.clone(), shown.seq), Tick::Sent);
            self.print_ticks(id)?;
        }
        Ok(())
    }

    /// Prints how far own messages have come since it was last printed.
    fn print_ticks(&mut self, id: &ConversationId) -> Result<(), String> {
        let Some(timeline) = self.timelines.get(id) else {
            return Ok(());
        };
        for ((conversation, seq), told) in &mut self.ticks {
            if conversation != id {
                continue;
            }
            let delivery = timeline
                .get(*seq)
                .and_then(|shown| self.session.client.delivery(id, &shown));
            if let Some(delivery) = delivery
                && delivery.tick != *told
            {
                *told = delivery.tick;
                say(&format!("* {seq} {}", words::delivery(&delivery)))?;
            }
        }
        // What is read or expired changes no more.
        self.ticks
            .retain(|_, tick| !matches!(tick, Tick::Read | Tick::Expired));
        Ok(())
    }

    fn in_words(&self, id: &ConversationId, shown: &Shown) -> String {
        let elsewhere =
            match self.here.as_ref() == Some(id) || id.peer_of(&self.session.me).is_some() {
                true => String::new(),
                false => {
                    let record = self.session.client.conversation(id);
                    format!("({}) ", words::name(id, record.as_ref(), &self.session.me))
                }
            };
        let edited = if shown.edited { " (edited)" } else { "" };
        let reactions: String = shown
            .reactions
            .iter()
            .map(|(emoji, users)| format!(" {} {}", words::printable(emoji), users.len()))
            .collect();
        let colon = if words::is_message(&shown.body) {
            ":"
        } else {
            ""
        };
        format!(
            "{} [{}] {elsewhere}{}{colon} {}{edited}{reactions}",
            shown.seq,
            words::clock(shown.time),
            shown.sender,
            words::body(&shown.body).replace('\n', "\n    "),
        )
    }
}

fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write: {error}"))
}
