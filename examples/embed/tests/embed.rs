//! Two users of the website chat through it, and nobody else does.

use std::sync::Arc;
use std::time::Duration;

use messenger::embedded::{Options, Store};
use messenger::hub::Hub;
use messenger::ws::{ServeConfig, serve};
use messenger_client::model::Content;
use messenger_client::{Client, Config, Event, Events};
use messenger_example_embed::{Website, app, chat, digest_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[tokio::test]
async fn two_users_of_the_website_chat() {
    let site = Site::start().await;
    let (anna, _anna_events) = site.client("anna", "tulip").await;
    let (_ben, mut ben_events) = site.client("ben", "acorn").await;

    let conversation = anna.direct("ben").expect("a user id");
    let sent = anna.send(&conversation, "Hello, Ben! 👋🏽").accepted().await;

    assert_eq!(sent.expect("it is accepted").get(), 1);
    assert_eq!(next_text(&mut ben_events).await, "Hello, Ben! 👋🏽");
    site.stop().await;
}

#[tokio::test]
async fn a_token_that_the_website_does_not_know_is_refused() {
    let site = Site::start().await;
    let config = Config::new(site.chat_url(), "made up");

    let (client, _events) = Client::connect(config).await.expect("a valid address");
    let refused = timeout(PATIENCE, client.ready()).await.expect("an answer");

    let code = refused.expect_err("it is refused").code();
    assert_eq!(code.map(|code| code.as_str()), Some("unauthorized"));
    site.stop().await;
}

#[test]
fn the_digest_key_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("digest.key");
    let first = digest_key(&file).expect("it is made");
    assert_eq!(digest_key(&file).expect("it is read"), first);
    assert_ne!(first, [0; 16]);
}

/// Long enough for any machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

struct Site {
    address: String,
    hub: Arc<Hub>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    _store: Store,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path().join("store"), Options::default());
        let store = store.expect("an empty folder opens");
        let website = Arc::new(Website::with_users(&[("anna", "tulip"), ("ben", "acorn")]));
        let hub = chat(store.backend(), website.clone(), [7; 16]).await;
        let hub = hub.expect("the store answers");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let (app, draining) = (app(website, hub.clone()), hub.clone());
        let serving = tokio::spawn(async move {
            let shutdown = async move {
                let _ = stopped.await;
                draining.drain();
            };
            serve(listener, app, ServeConfig::default(), shutdown).await;
        });
        Self {
            address,
            hub,
            stop,
            serving,
            _store: store,
            _folder: folder,
        }
    }

    fn chat_url(&self) -> String {
        format!("ws://{}/chat/v1/ws", self.address)
    }

    async fn client(&self, user: &str, password: &str) -> (Client, Events) {
        let token = self.log_in(user, password).await;
        let connected = Client::connect(Config::new(self.chat_url(), token)).await;
        let (client, events) = connected.expect("a valid address");
        let ready = timeout(PATIENCE, client.ready()).await;
        ready.expect("in time").expect("the token is good");
        (client, events)
    }

    /// Logs in as a page of the website would.
    async fn log_in(&self, user: &str, password: &str) -> String {
        let body = serde_json::json!({ "user": user, "password": password }).to_string();
        let request = format!(
            "POST /session HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).await.expect("it listens");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let session: serde_json::Value = serde_json::from_str(body).expect("a JSON body");
        session["token"].as_str().expect("a token").to_owned()
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        timeout(PATIENCE, self.serving)
            .await
            .expect("in time")
            .expect("no panic");
        self.hub.stop().await;
    }
}

async fn next_text(events: &mut Events) -> String {
    loop {
        let event = timeout(PATIENCE, events.next()).await.expect("in time");
        if let Some(Event::Entry { entry, .. }) = event
            && let Content::Message(message) = entry.content
        {
            return message.text.expect("a text").as_str().to_owned();
        }
    }
}
