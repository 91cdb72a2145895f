//! What the screen shows: conversations, the open one, presence, typing, a notice.
//!
//! ```text
//!   client events ──► App ──► view
//!   keys ────────────►  └──► client
//! ```

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use messenger_client::id::{ConversationId, UserId};
use messenger_client::model::UserPresence;
use messenger_client::{
    Client, ConversationRecord, Error, Event, Page, SendState, Shown, Status, Timeline,
};
use tokio::sync::mpsc;

use crate::act::{Outcome, Scene};
use crate::command;
use crate::input::Input;
use crate::session::Session;
use crate::words;

/// Entries of one page of history.
const PAGE: usize = 60;
/// How long somebody is shown as typing after the last notice (PRES-8).
const TYPING_SHOWN: Duration = Duration::from_secs(6);
/// How long a notice of one line stays.
const NOTICE_SHOWN: Duration = Duration::from_secs(8);

/// A page of a conversation, which comes later than it was asked for.
pub(crate) struct Later(ConversationId, Result<Page, Error>);

/// What the screen shows.
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) me: UserId,
    pub(crate) server: String,
    pub(crate) folder: String,
    pub(crate) input: Input,
    pub(crate) here: Option<ConversationId>,
    pub(crate) notice: Option<Notice>,
    pub(crate) status: Status,
    talks: BTreeMap<ConversationId, Talk>,
    presence: BTreeMap<UserId, UserPresence>,
    typing: BTreeMap<(ConversationId, UserId), Instant>,
    followed: Vec<ConversationId>,
    later: mpsc::UnboundedSender<Later>,
    pub(crate) done: bool,
}

/// Some lines above the input.
pub(crate) struct Notice {
    pub(crate) lines: Vec<String>,
    until: Option<Instant>,
}

/// One conversation as far as it was looked at.
#[derive(Default)]
pub(crate) struct Talk {
    pub(crate) timeline: Timeline,
    /// Lines of the screen between its end and what is shown.
    pub(crate) scroll: usize,
    /// The last page was the first of the conversation, or could not be had.
    exhausted: bool,
    loading: bool,
}

impl App {
    pub(crate) fn new(session: &Session, later: mpsc::UnboundedSender<Later>) -> Self {
        let mut app = Self {
            client: session.client.clone(),
            me: session.me.clone(),
            server: session.server.clone(),
            folder: session.folder.display().to_string(),
            input: Input::default(),
            here: None,
            notice: None,
            status: Status::Connecting,
            talks: BTreeMap::new(),
            presence: BTreeMap::new(),
            typing: BTreeMap::new(),
            followed: Vec::new(),
            later,
            done: false,
        };
        let first = session
            .to
            .as_ref()
            .and_then(|to| UserId::parse(to).ok())
            .map(|to| ConversationId::direct(&app.me, &to))
            .or_else(|| app.client.conversations().first().map(|r| r.id.clone()));
        if let Some(first) = first {
            app.go(first);
        }
        app
    }

    /// The conversations in the order of the list; the open one is in it, even before its first message.
    pub(crate) fn conversations(&self) -> Vec<(ConversationId, Option<ConversationRecord>)> {
        let mut all: Vec<_> = self
            .client
            .conversations()
            .into_iter()
            .map(|record| (record.id.clone(), Some(record)))
            .collect();
        if let Some(here) = &self.here
            && !all.iter().any(|(id, _)| id == here)
        {
            all.insert(0, (here.clone(), None));
        }
        all
    }

    pub(crate) fn name(&self, id: &ConversationId) -> String {
        words::name(id, self.client.conversation(id).as_ref(), &self.me)
    }

    pub(crate) fn talk(&self) -> Option<&Talk> {
        self.talks.get(self.here.as_ref()?)
    }

    /// Who is online of the others in a conversation, and what is known of a single other.
    pub(crate) fn presence(&self, id: &ConversationId) -> Option<String> {
        if let Some(peer) = id.peer_of(&self.me) {
            return Some(match self.presence.get(&peer)? {
                UserPresence::Online => "online".into(),
                UserPresence::Offline => "offline".into(),
                _ => "unknown".into(),
            });
        }
        let record = self.client.conversation(id)?;
        let online = record
            .members
            .keys()
            .filter(|user| **user != self.me)
            .filter(|user| self.presence.get(*user) == Some(&UserPresence::Online))
            .count();
        (record.member_count > 1).then(|| {
            let others = if online == 1 { "other" } else { "others" };
            format!("{} members, {online} {others} online", record.member_count)
        })
    }

    pub(crate) fn is_online(&self, id: &ConversationId) -> bool {
        id.peer_of(&self.me)
            .and_then(|peer| self.presence.get(&peer))
            == Some(&UserPresence::Online)
    }

    /// Who is typing in the open conversation.
    pub(crate) fn typing(&self) -> Vec<UserId> {
        self.typing
            .keys()
            .filter(|(conversation, _)| Some(conversation) == self.here.as_ref())
            .map(|(_, user)| user.clone())
            .collect()
    }

    /// Opens a conversation.
    pub(crate) fn go(&mut self, id: ConversationId) {
        self.here = Some(id.clone());
        self.notice = None;
        if !self.talks.contains_key(&id) {
            self.talks.insert(id.clone(), Talk::default());
            self.load(&id);
        }
        if let Some(talk) = self.talks.get_mut(&id) {
            talk.scroll = 0;
        }
        self.read();
        self.follow();
    }

    /// The conversation `by` places further in the list.
    pub(crate) fn go_by(&mut self, by: isize) {
        let all = self.conversations();
        let Some(count) = isize::try_from(all.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let at = all
            .iter()
            .position(|(id, _)| Some(id) == self.here.as_ref())
            .and_then(|at| isize::try_from(at).ok());
        let next = at.map_or(0, |at| (at + by).rem_euclid(count));
        if let Some((id, _)) = usize::try_from(next).ok().and_then(|next| all.get(next)) {
            self.go(id.clone());
        }
    }

    /// Scrolls by lines, upwards if positive; `most` is as far as there is something to show.
    pub(crate) fn scroll(&mut self, by: isize, most: usize) {
        let Some(here) = self.here.clone() else {
            return;
        };
        let Some(talk) = self.talks.get_mut(&here) else {
            return;
        };
        talk.scroll = talk.scroll.saturating_add_signed(by).min(most);
        if talk.scroll == most && by > 0 {
            self.load(&here);
        }
        self.read();
    }

    /// Does what the input says.
    pub(crate) fn enter(&mut self) {
        let line = self.input.take();
        self.notice = None;
        let command = match command::parse(&line) {
            Ok(Some(command)) => command,
            Ok(None) => return,
            Err(error) => return self.tell(error),
        };
        let scene = Scene {
            client: &self.client,
            me: &self.me,
            here: self.here.as_ref(),
            timeline: self.talk().map(|talk| &talk.timeline),
        };
        match scene.act(command) {
            Ok(Outcome::Done) => {
                if let Some(talk) = self.here.as_ref().and_then(|id| self.talks.get_mut(id)) {
                    talk.scroll = 0;
                }
            }
            Ok(Outcome::Tell(lines)) => self.notice = Some(Notice { lines, until: None }),
            Ok(Outcome::Go(id)) => self.go(id),
            Ok(Outcome::Quit) => self.done = true,
            Err(error) => self.tell(error),
        }
    }

    /// Says one line for a while.
    pub(crate) fn tell(&mut self, line: impl Into<String>) {
        self.notice = Some(Notice {
            lines: vec![line.into()],
            until: Some(Instant::now() + NOTICE_SHOWN),
        });
    }

    /// Says that the user is typing, or no longer.
    pub(crate) fn typed(&self) {
        let Some(here) = &self.here else { return };
        if self.input.is_empty() || self.input.text().starts_with('/') {
            self.client.stopped_typing(here);
        } else {
            self.client.typing(here);
        }
    }

    /// Takes what the client tells.
    pub(crate) fn event(&mut self, event: Event) {
        match event {
            Event::Entry {
                conversation,
                entry,
            } => {
                self.typing
                    .remove(&(conversation.clone(), entry.sender.clone()));
                if let Some(talk) = self.talks.get_mut(&conversation) {
                    talk.timeline.entry(&entry);
                }
                self.read();
                self.follow();
            }
            Event::Dropped { conversation, kept } => {
                if let Some(talk) = self.talks.get_mut(&conversation) {
                    talk.timeline.truncate(kept);
                }
            }
            Event::Outgoing {
                state: SendState::Failed(failure),
                ..
            } => self.tell(format!("not sent: {failure}")),
            Event::Reset { .. } => self.tell("the server was restored from a backup"),
            Event::Presence { user, state, .. } => {
                self.presence.insert(user, state);
            }
            Event::Typing {
                conversation,
                user,
                stopped,
            } => {
                let key = (conversation, user);
                match stopped {
                    true => self.typing.remove(&key),
                    false => self.typing.insert(key, Instant::now() + TYPING_SHOWN),
                };
            }
            Event::Conversation { conversation } if Some(&conversation) == self.here.as_ref() => {
                // On a new device the conversation is known only now, and its past is still to be had.
                let new = |talk: &Talk| talk.timeline.lines().next().is_none();
                if self.talk().is_some_and(new) {
                    self.load(&conversation);
                }
            }
            Event::CaughtUp => self.follow(),
            _ => {}
        }
    }

    /// Takes what was asked for before.
    pub(crate) fn later(&mut self, later: Later) {
        match later {
            Later(id, Ok(page)) => {
                let talk = self.talks.entry(id).or_default();
                talk.loading = false;
                talk.exhausted = !page.more && !page.entries.is_empty();
                for entry in &page.entries {
                    talk.timeline.entry(entry);
                }
                self.read();
            }
            Later(id, Err(error)) => {
                if let Some(talk) = self.talks.get_mut(&id) {
                    talk.loading = false;
                    talk.exhausted = true;
                }
                self.tell(error.to_string());
            }
        }
    }

    /// Takes a change of the connection.
    pub(crate) fn status(&mut self, status: Status) {
        if !status.is_connected() {
            self.presence.clear();
            self.typing.clear();
        }
        self.status = status;
    }

    /// Drops what is over.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.typing.retain(|_, until| *until > now);
        let over = |notice: &Notice| notice.until.is_some_and(|until| until <= now);
        if self.notice.as_ref().is_some_and(over) {
            self.notice = None;
        }
    }

    /// What is seen is read: the open conversation, while its end is on the screen.
    fn read(&self) {
        let Some(here) = &self.here else { return };
        let at_end = self.talk().is_some_and(|talk| talk.scroll == 0);
        if let Some(record) = self.client.conversation(here)
            && at_end
        {
            self.client.read(here, record.cursor);
        }
    }

    /// Follows the presence of those in the conversations, and learns of the open one if it is new here.
    fn follow(&mut self) {
        let mut ids: Vec<ConversationId> = self
            .conversations()
            .into_iter()
            .filter(|(_, record)| record.as_ref().is_some_and(|record| record.member))
            .map(|(id, _)| id)
            .take(100)
            .collect();
        ids.sort();
        if ids != self.followed {
            self.followed.clone_from(&ids);
            self.client.subscribe(ids);
        }
    }

    /// Reads the page before what is here.
    fn load(&mut self, id: &ConversationId) {
        let Some(talk) = self.talks.get_mut(id) else {
            return;
        };
        let before = talk.timeline.lines().next().map(|shown| shown.seq);
        if talk.loading || talk.exhausted {
            return;
        }
        talk.loading = true;
        let (client, later, id) = (self.client.clone(), self.later.clone(), id.clone());
        tokio::spawn(async move {
            let page = client.history(&id, before, PAGE).await;
            // The screen may be gone by now.
            let _ = later.send(Later(id, page));
        });
    }

    /// What an own message is marked with.
    pub(crate) fn delivery(&self, shown: &Shown) -> Option<messenger_client::Delivery> {
        self.client.delivery(self.here.as_ref()?, shown)
    }
}
