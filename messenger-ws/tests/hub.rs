//! Bad input at a hub's links: the right error, the link alive where the contract says so, nothing lost for others.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::start;
use common::ws::{Client, Frame, frame, header};
use messenger_core::id::{Epoch, UserId};
use messenger_core::memory::Memory;
use messenger_core::store::FeedItem;
use messenger_core::time::Timestamp;
use messenger_hub::Hub;
use messenger_ws::{AccountsConfig, AccountsService, RouterConfig, ServeConfig, router};
use serde_json::{Value, json};

const JSON: &str = "messenger.v1.json";
const CBOR: &str = "messenger.v1.cbor";

struct Server {
    address: SocketAddr,
    hub: Arc<Hub>,
    accounts: Arc<AccountsService>,
}

async fn server() -> Server {
    let store = Arc::new(Memory::new(Epoch(1)));
    let accounts = Arc::new(AccountsService::new(
        store.clone(),
        AccountsConfig::default(),
    ));
    let hub = common::hub(&store, accounts.clone()).await;
    let address = start(
        router(Arc::clone(&hub), RouterConfig::default()),
        ServeConfig::default(),
    )
    .await;
    Server {
        address,
        hub,
        accounts,
    }
}

impl Server {
    /// Connects a transient client of a user up to `caught_up`.
    async fn open(&self, user: &str) -> Client {
        let mut client = Client::connect(self.address, JSON).await;
        client.text(&self.hello(user).await).await;
        loop {
            if client.json().await.get("caught_up").is_some() {
                return client;
            }
        }
    }

    async fn hello(&self, user: &str) -> String {
        let user = UserId::parse(user).expect("a user id");
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        let now = Timestamp::from_millis(now.as_millis() as u64);
        let (token, _) = self
            .accounts
            .mint(&user, now)
            .await
            .expect("memory has room");
        json!({"hello": {"protocol": 1, "token": token}}).to_string()
    }
}

async fn alive(client: &mut Client, what: &str) {
    client.text(r#"{"ping": {"id": 99}}"#).await;
    let answer = client.json().await;
    assert_eq!(answer["pong"]["re"], 99, "{what}: {answer}");
}

/// Asserts an error frame, then the close frame, then the end.
async fn refused(client: &mut Client, what: &str, code: &str, close: u16) {
    let answer = client.json().await;
    assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
    match client.next().await {
        Frame::Close(got, _) => assert_eq!(got, close, "{what}"),
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(client.next().await, Frame::End, "{what}");
}

#[tokio::test]
async fn a_client_logs_in_over_the_socket_and_says_something() {
    let server = server().await;
    let mut ben = server.open("ben").await;
    let mut anna = server.open("anna").await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let cmid = messenger_core::id::Cmid::from_parts(
        Timestamp::from_millis(now.as_millis() as u64),
        [7; 10],
    );
    let send = json!({"send": {"conversation": "anna/ben", "cmid": cmid, "content": {"message": {"text": "grüße 👋🏽"}}}});
    anna.text(&send.to_string()).await;
    let accepted = anna.json().await;
    assert_eq!(accepted["accepted"]["seq"], 1, "{accepted}");
    loop {
        let pushed = ben.json().await;
        if let Some(entries) = pushed.get("entries") {
            assert_eq!(
                entries["entries"][0]["content"]["message"]["text"],
                "grüße 👋🏽"
            );
            return;
        }
    }
}

#[tokio::test]
async fn what_is_no_hello_is_answered_and_the_link_closed() {
    let server = server().await;
    let deep = "[".repeat(2_000);
    let wrong_token = json!({"hello": {"protocol": 1, "token": "wrong"}}).to_string();
    let old = json!({"hello": {"protocol": 99, "token": "wrong"}}).to_string();
    for (message, what, code, close) in [
        (r#"{"ping": {}}"#, "another frame", "hello_expected", 4500),
        ("", "nothing", "bad_frame", 4500),
        ("{", "half a frame", "bad_frame", 4500),
        ("hello", "no JSON", "bad_frame", 4500),
        (r#"{"what": {}}"#, "an unknown frame", "unknown_frame", 4500),
        (
            r#"{"hello": {"protocol": "1"}}"#,
            "a wrong type",
            "bad_frame",
            4500,
        ),
        (&deep, "deep nesting", "bad_frame", 4500),
        (&wrong_token, "a wrong token", "unauthorized", 4503),
        (&old, "another version", "unsupported_protocol", 4502),
    ] {
        let mut client = Client::connect(server.address, JSON).await;
        client.text(message).await;
        refused(&mut client, what, code, close).await;
    }

    let mut client = Client::connect(server.address, JSON).await;
    client
        .text(&format!(
            r#"{{"hello": {{"protocol": 1, "token": "{}"}}}}"#,
            "x".repeat(4096)
        ))
        .await;
    refused(&mut client, "a hello above 4 KiB", "frame_too_large", 4501).await;

    let mut client = Client::connect(server.address, JSON).await;
    client.binary(b"\x00\xff\xfe").await;
    refused(&mut client, "binary on a JSON link", "bad_frame", 4500).await;

    let mut client = Client::connect(server.address, CBOR).await;
    client.binary(b"\xff\xff\xff garbage").await;
    assert!(
        matches!(client.next().await, Frame::Binary(_)),
        "an error in the link's own codec"
    );
    assert!(matches!(client.next().await, Frame::Close(4500, _)));
    assert_eq!(server.hub.link_count(), 0, "no session is left behind");
}

#[tokio::test]
async fn after_hello_what_is_wrong_is_answered_and_the_link_lives() {
    let server = server().await;
    let mut other = server.open("ben").await;
    let mut client = server.open("anna").await;
    let deep = format!(r#"{{"send": {}"#, "[".repeat(5_000));
    let over_2_53 =
        r#"{"ack": {"marks": [{"conversation": "anna/ben", "seq": 9007199254740993}]}}"#;
    for (message, what, code) in [
        ("", "nothing", "bad_frame"),
        ("{", "half a frame", "bad_frame"),
        (
            r#"{"what": {"id": 1}}"#,
            "an unknown frame",
            "unknown_frame",
        ),
        (&deep, "deep nesting", "bad_frame"),
        (over_2_53, "a number over 2^53", "bad_frame"),
        (
            r#"{"history": {"id": 1, "conversation": 5}}"#,
            "a wrong type",
            "bad_frame",
        ),
    ] {
        client.text(message).await;
        let answer = client.json().await;
        assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
        alive(&mut client, what).await;
    }
    client.binary(b"{\"ping\": {}}").await;
    assert_eq!(client.json().await["error"]["code"], "bad_frame");
    alive(&mut client, "a binary message on a JSON link").await;

    client.raw(&header(0x81, 300_000)).await;
    refused(
        &mut client,
        "a message above the limit",
        "frame_too_large",
        4501,
    )
    .await;
    alive(&mut other, "the other link").await;
}

#[tokio::test]
async fn broken_framing_ends_an_open_link_and_no_other() {
    let server = server().await;
    let mut other = server.open("ben").await;
    for (bytes, status) in [
        (frame(0x81, b"{\"ping\": \xFF}"), 1007),
        (frame(0x83, b""), 1002),
    ] {
        let mut client = server.open("anna").await;
        client.raw(&bytes).await;
        assert!(
            matches!(client.next().await, Frame::Close(got, _) if got == status),
            "{status}"
        );
    }
    alive(&mut other, "the other link").await;
}

#[tokio::test]
async fn a_ban_closes_the_link_with_its_code() {
    let server = server().await;
    let mut client = server.open("anna").await;
    let user = UserId::parse("anna").expect("a user id");
    server
        .hub
        .publish(FeedItem::Banned { user, banned: true })
        .await
        .expect("memory answers");
    refused(&mut client, "a ban", "banned", 4506).await;
}

#[tokio::test]
async fn draining_tells_each_link_to_come_back() {
    let server = server().await;
    let mut client = server.open("anna").await;
    server.hub.drain();
    let answer: Value = client.json().await;
    assert!(answer["goaway"]["retry_after_ms"].is_u64(), "{answer}");
    assert!(matches!(client.next().await, Frame::Close(4000, _)));
    let ready = common::request(server.address, "GET /readyz", &[], "").await;
    assert_eq!(
        (ready.status, ready.error().0.as_str()),
        (503, "unavailable")
    );
}
