//! A person with one device: a client, and everything that it was ever told.
//!
//! ```text
//! Client ── Entry ──► Seen.entries      each once, in order, dense: else the test fails on the spot
//!        ── Dropped ► cut off            after a restore
//!        ── marks ──► Seen.marks        never lower than before, within an epoch
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use messenger_client::id::{ConversationId, Seq, UserId};
use messenger_client::model::{Content, Entry};
use messenger_client::{Client, Config, Event, Events, Status, login};
use tokio::time::timeout;

use super::process::{PATIENCE, Server};

/// How often a test looks whether what it waits for has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A person with one device.
pub(crate) struct Person {
    pub(crate) client: Client,
    seen: Arc<Mutex<Seen>>,
}

/// What a device was told.
#[derive(Default)]
struct Seen {
    entries: BTreeMap<ConversationId, Vec<Entry>>,
    marks: BTreeMap<(ConversationId, UserId), (Seq, Seq)>,
    faults: Vec<String>,
    /// Marks that fell; void if it turns out that the conversation was cut back by a restore.
    falls: Vec<(ConversationId, String)>,
}

impl Person {
    /// Logs a demo account in, with a device of its own.
    pub(crate) async fn log_in(server: &Server, data: &Path, user: &str) -> Self {
        let url = format!("http://{}", server.address);
        let token = login(&url, user, &demo_password(data, user))
            .await
            .expect("the demo account logs in");
        Self::connect(server, &token).await
    }

    /// Connects with a token.
    pub(crate) async fn connect(server: &Server, token: &str) -> Self {
        let config = Config::new(format!("ws://{}", server.address), token);
        let (client, events) = Client::connect(config).await.expect("a sound address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(watch(client.clone(), events, Arc::clone(&seen)));
        timeout(PATIENCE, client.ready())
            .await
            .expect("in time")
            .expect("it goes live");
        Self { client, seen }
    }

    /// The entries that this device was told, in the order in which it was.
    pub(crate) fn entries(&self, conversation: &ConversationId) -> Vec<Entry> {
        self.seen
            .lock()
            .expect("no watcher panics")
            .entries
            .get(conversation)
            .cloned()
            .unwrap_or_default()
    }

    /// The texts among them.
    pub(crate) fn texts(&self, conversation: &ConversationId) -> Vec<String> {
        self.entries(conversation)
            .iter()
            .filter_map(text_of)
            .collect()
    }

    /// Fails the test if anything that was told broke a promise.
    pub(crate) fn check(&self) {
        let seen = self.seen.lock().expect("no watcher panics");
        assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
        assert!(seen.falls.is_empty(), "{:#?}", seen.falls);
    }

    /// Waits until the client stops for good.
    pub(crate) async fn stopped(&self) -> Status {
        let mut status = self.client.status();
        let stopped = timeout(
            PATIENCE,
            status.wait_for(|status| matches!(status, Status::Stopped(_))),
        );
        stopped
            .await
            .expect("in time")
            .expect("the client lives")
            .clone()
    }
}

/// Waits for something, but not for ever.
pub(crate) async fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(within_patience(holds).await, "still waiting: {what}");
}

/// Waits for something; false if it does not come in time.
pub(crate) async fn within_patience(mut holds: impl FnMut() -> bool) -> bool {
    let waited = timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
    waited.await.is_ok()
}

/// The text of a message.
pub(crate) fn text_of(entry: &Entry) -> Option<String> {
    match &entry.content {
        Content::Message(message) => message.text.as_ref().map(|text| text.as_str().to_owned()),
        _ => None,
    }
}

/// The password of a demo account, as the server keeps it for its banner.
pub(crate) fn demo_password(data: &Path, user: &str) -> String {
    let text = std::fs::read(data.join("demo.json")).expect("the server made it");
    let demo: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
    let logins = demo["logins"].as_array().expect("it lists log-ins");
    let login = logins
        .iter()
        .find(|login| login["user"] == user)
        .expect("the account is listed");
    login["password"]
        .as_str()
        .expect("it has a password")
        .to_owned()
}

async fn watch(client: Client, mut events: Events, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = events.next().await {
        let mut seen = seen.lock().expect("no watcher panics");
        match event {
            Event::Entry {
                conversation,
                entry,
            } => {
                let told = seen.entries.entry(conversation.clone()).or_default();
                let last = told.last().map_or(Seq::ZERO, |last| last.seq);
                let seq = entry.seq;
                told.push(entry);
                if seq != last.next() {
                    seen.faults.push(format!(
                        "{conversation}: entry {} came after {}",
                        seq.0, last.0
                    ));
                }
            }
            Event::Dropped { conversation, kept } => {
                seen.entries
                    .entry(conversation.clone())
                    .or_default()
                    .retain(|entry| entry.seq <= kept);
                // Marks hold within an epoch. The client's state is ahead of its events, so that a fall may have been
                // seen already.
                seen.marks.retain(|(of, _), _| *of != conversation);
                seen.falls.retain(|(of, _)| *of != conversation);
            }
            Event::Conversation { conversation } => seen.compare_marks(&client, conversation),
            _ => {}
        }
    }
}

impl Seen {
    fn compare_marks(&mut self, client: &Client, conversation: ConversationId) {
        let Some(record) = client.conversation(&conversation) else {
            return;
        };
        for (user, marks) in record.others {
            let now = (marks.delivered, marks.read);
            let before = self
                .marks
                .insert((conversation.clone(), user.clone()), now)
                .unwrap_or_default();
            if now.0 < before.0 || now.1 < before.1 {
                let fall = format!("the marks of {user} fell from {before:?} to {now:?}");
                self.falls.push((conversation.clone(), fall));
            }
        }
    }
}
