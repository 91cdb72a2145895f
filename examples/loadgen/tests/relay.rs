//! The relay as a client of another make sees it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

const HELLO: u8 = 0;
const WELCOME: u8 = 1;
const SEND: u8 = 2;
const ACCEPTED: u8 = 3;
const PUSH: u8 = 4;
const RECEIVED: u8 = 5;
const RECEIPT: u8 = 6;

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Relay {
    child: Child,
    address: String,
}

impl Relay {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_messenger-loadgen"))
            .arg("relay")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the relay starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is piped"))
            .read_line(&mut line)
            .expect("the relay says where it listens");
        let address = line
            .trim()
            .strip_prefix("listens on ")
            .expect("an address")
            .to_owned();
        Self { child, address }
    }

    async fn client(&self, user: u32) -> Client {
        let uri = format!("ws://{}/", self.address).parse().expect("a URI");
        let (mut client, _) = ClientBuilder::from_uri(uri)
            .connect()
            .await
            .expect("a WebSocket");
        say(&mut client, HELLO, user, 0, b"").await;
        assert_eq!(hear(&mut client).await, frame(WELCOME, user, 0, b""));
        client
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child
            .kill()
            .expect("the relay runs until it is killed");
        self.child.wait().expect("a killed child ends");
    }
}

fn frame(kind: u8, user: u32, number: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend_from_slice(&user.to_le_bytes());
    frame.extend_from_slice(&number.to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

async fn say(client: &mut Client, kind: u8, user: u32, number: u64, body: &[u8]) {
    client
        .send(Message::binary(frame(kind, user, number, body)))
        .await
        .expect("the link holds");
}

async fn hear(client: &mut Client) -> Vec<u8> {
    let next = tokio::time::timeout(Duration::from_secs(10), client.next());
    let message = next
        .await
        .expect("an answer in time")
        .expect("the link holds")
        .expect("a frame");
    message.into_payload().to_vec()
}

async fn a_message_is_accepted_pushed_and_its_receipt_comes_back(relay: Relay) {
    let mut anna = relay.client(4).await;
    let mut ben = relay.client(5).await;
    for (number, length) in [(1, 0), (2, 200), (3, 70_000)] {
        let body = vec![b'x'; length];
        say(&mut anna, SEND, 0, number, &body).await;
        assert_eq!(hear(&mut anna).await, frame(ACCEPTED, 4, number, b""));
        assert_eq!(hear(&mut ben).await, frame(PUSH, 4, number, &body));
        say(&mut ben, RECEIVED, 4, number, b"").await;
        assert_eq!(hear(&mut anna).await, frame(RECEIPT, 5, number, b""));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn in_memory_a_message_is_accepted_pushed_and_its_receipt_comes_back() {
    a_message_is_accepted_pushed_and_its_receipt_comes_back(Relay::start(&[])).await;
}

#[tokio::test(flavor = "current_thread")]
async fn with_a_journal_a_message_is_on_disk_before_it_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path of text");
    let relay = Relay::start(&["--fdatasync", path]);
    let mut anna = relay.client(0).await;

    say(&mut anna, SEND, 0, 1, b"a body that nobody else has").await;
    assert_eq!(hear(&mut anna).await, frame(ACCEPTED, 0, 1, b""));
    let journal = std::fs::read(folder.path().join("relay.journal")).expect("the journal");
    let body = b"a body that nobody else has";
    assert!(journal.windows(body.len()).any(|bytes| bytes == body));

    a_message_is_accepted_pushed_and_its_receipt_comes_back(relay).await;
}

#[tokio::test(flavor = "current_thread")]
async fn in_a_group_a_message_goes_to_all_others_and_receipts_to_nobody() {
    let relay = Relay::start(&["--group-size", "3"]);
    let mut members = [
        relay.client(3).await,
        relay.client(4).await,
        relay.client(5).await,
    ];
    let mut stranger = relay.client(6).await;

    say(&mut members[1], SEND, 0, 9, b"hello").await;
    assert_eq!(hear(&mut members[0]).await, frame(PUSH, 4, 9, b"hello"));
    assert_eq!(hear(&mut members[2]).await, frame(PUSH, 4, 9, b"hello"));
    assert_eq!(hear(&mut members[1]).await, frame(ACCEPTED, 4, 9, b""));
    say(&mut members[0], RECEIVED, 4, 9, b"").await;
    say(&mut members[1], SEND, 0, 10, b"").await;
    assert_eq!(hear(&mut members[1]).await, frame(ACCEPTED, 4, 10, b""));
    say(&mut stranger, SEND, 0, 1, b"").await;
    assert_eq!(
        hear(&mut stranger).await,
        frame(ACCEPTED, 6, 1, b""),
        "nothing came before"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn a_ping_is_answered_and_nonsense_ends_the_link_alone() {
    let relay = Relay::start(&[]);
    let mut anna = relay.client(0).await;
    let mut ben = relay.client(1).await;

    ben.send(Message::binary(vec![99; 16]))
        .await
        .expect("the link holds until it is read");
    let end = tokio::time::timeout(Duration::from_secs(10), ben.next())
        .await
        .expect("an end in time");
    assert!(
        end.is_none_or(|frame| frame.is_err()),
        "nonsense ends the link"
    );

    anna.send(Message::ping(&b"there?"[..]))
        .await
        .expect("the link holds");
    let pong = tokio::time::timeout(Duration::from_secs(10), anna.next())
        .await
        .expect("in time");
    assert!(pong.expect("the link holds").expect("a frame").is_pong());
}
