//! Links over real sockets, with a session that echoes.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use common::start;
use common::ws::{Client, Frame, frame, header};
use messenger_core::wire::Codec;
use messenger_ws::frame::{CloseFrame, CloseStatus};
use messenger_ws::{LinkConfig, Outgoing, Received, ServeConfig, Session, link_router};

const JSON: &str = "messenger.v1.json";
const CBOR: &str = "messenger.v1.cbor";

/// Echoes; `hello` establishes it, `close` ends it, `panic` breaks it, `ping` makes it ping, `many` is answered with much.
#[derive(Default)]
struct Echo {
    established: bool,
    answers: Vec<Vec<u8>>,
    ping: bool,
    close: Option<CloseFrame>,
    batches: Arc<AtomicUsize>,
}

impl Session for Echo {
    fn receive(&mut self, received: Received<'_>) {
        match received {
            Received::Message(b"hello") => {
                self.established = true;
                self.answers.push(b"welcome".to_vec());
            }
            Received::Message(b"close") => {
                self.close = Some(CloseFrame::new(CloseStatus(4504), "replaced"))
            }
            Received::Message(b"panic") => panic!("on purpose"),
            Received::Message(b"ping") => self.ping = true,
            Received::Message(b"many") => self
                .answers
                .extend(std::iter::repeat_n(vec![b'x'; 64 * 1024], 400)),
            Received::Message(message) => self.answers.push(message.to_vec()),
            Received::WrongKind => self.answers.push(b"wrong kind".to_vec()),
            Received::TooLarge(limit) => self.answers.push(format!("over {limit}").into_bytes()),
            Received::SignOfLife => {}
        }
    }

    fn poll_send(
        &mut self,
        _cx: &mut Context<'_>,
        outgoing: &mut Outgoing<'_>,
    ) -> Poll<CloseFrame> {
        if !self.answers.is_empty() {
            self.batches.fetch_add(1, Ordering::Relaxed);
        }
        while outgoing.has_room() && !self.answers.is_empty() {
            outgoing.message(&self.answers.remove(0));
        }
        if std::mem::take(&mut self.ping) {
            outgoing.ping();
        }
        match self.close.take() {
            Some(close) => Poll::Ready(close),
            None => Poll::Pending,
        }
    }

    fn is_established(&self) -> bool {
        self.established
    }
}

async fn server_with(config: LinkConfig, serve: ServeConfig) -> (SocketAddr, Arc<AtomicUsize>) {
    let batches = Arc::new(AtomicUsize::new(0));
    let of_sessions = Arc::clone(&batches);
    let open = move |_: Codec| Echo {
        batches: Arc::clone(&of_sessions),
        ..Echo::default()
    };
    (start(link_router(&config, open), serve).await, batches)
}

async fn server() -> SocketAddr {
    server_with(LinkConfig::default(), ServeConfig::default())
        .await
        .0
}

fn text(text: &str) -> Frame {
    Frame::Text(text.to_owned())
}

#[tokio::test]
async fn each_codec_has_its_kind_of_message() {
    let address = server().await;
    let mut json = Client::connect(address, JSON).await;
    json.text("grüße 👩‍👩‍👧").await;
    assert_eq!(json.next().await, text("grüße 👩‍👩‍👧"));
    json.binary(b"bytes").await;
    assert_eq!(json.next().await, text("wrong kind"));
    json.text("still here").await;
    assert_eq!(json.next().await, text("still here"), "the link is alive");

    let mut cbor = Client::connect(address, CBOR).await;
    cbor.binary(&[0, 255]).await;
    assert_eq!(cbor.next().await, Frame::Binary(vec![0, 255]));
    cbor.text("text").await;
    assert_eq!(cbor.next().await, Frame::Binary(b"wrong kind".to_vec()));
}

#[tokio::test]
async fn a_link_without_a_known_sub_protocol_is_refused_and_both_are_named() {
    let address = server().await;
    for headers in [
        &[][..],
        &["sec-websocket-protocol: chat, messenger.v9.json"],
    ] {
        let answer = Client::upgrade(address, headers)
            .await
            .expect_err("refused");
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (400, "unsupported_protocol")
        );
        let message = answer.json()["error"]["message"].to_string();
        assert!(
            message.contains(JSON) && message.contains(CBOR),
            "{message}"
        );
    }
    let both = format!("sec-websocket-protocol: chat, {JSON}, {CBOR}");
    let mut client = Client::upgrade(address, &[&both])
        .await
        .expect("one is known");
    client.text("x").await;
    assert_eq!(
        client.next().await,
        text("x"),
        "the client's first choice holds"
    );
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let config = LinkConfig {
        allowed_origins: vec!["https://app.example.org".into()],
        ..LinkConfig::default()
    };
    let address = server_with(config, ServeConfig::default()).await.0;
    let protocol = format!("sec-websocket-protocol: {JSON}");
    for (origin, allowed) in [
        (format!("origin: http://{address}"), true),
        ("origin: https://app.example.org".into(), true),
        ("origin: https://evil.example.org".into(), false),
        ("origin: null".into(), false),
        ("x-no-origin: 1".into(), true),
    ] {
        match Client::upgrade(address, &[&protocol, &origin]).await {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(answer) => {
                assert_eq!(
                    (answer.status, answer.error().0.as_str()),
                    (403, "bad_frame")
                );
                assert!(!allowed, "{origin}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_websocket_request_is_told_what_is_missing() {
    let address = server().await;
    let good = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
    ];
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    for (line, headers, status) in [
        ("GET /v1/ws", vec![], 426),
        ("GET /v1/ws", vec![good[0], good[1], key], 426),
        (
            "GET /v1/ws",
            vec![good[0], good[1], "sec-websocket-version: 8", key],
            426,
        ),
        ("GET /v1/ws", vec![good[0], good[1], good[2]], 400),
        (
            "GET /v1/ws",
            vec![good[0], good[1], good[2], "sec-websocket-key: short"],
            400,
        ),
        ("POST /v1/ws", vec![good[0], good[1], good[2], key], 405),
    ] {
        let answer = common::request(address, line, &headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        answer.error();
    }
}

#[tokio::test]
async fn before_it_is_established_a_link_takes_4_kib_and_then_the_limit() {
    let config = LinkConfig {
        max_message_bytes: 10_000,
        ..LinkConfig::default()
    };
    let address = server_with(config, ServeConfig::default()).await.0;
    let mut early = Client::connect(address, JSON).await;
    early.text(&"x".repeat(4096)).await;
    assert_eq!(early.next().await, text(&"x".repeat(4096)));
    early.text(&"x".repeat(4097)).await;
    assert_eq!(early.next().await, text("over 4096"));
    assert_eq!(
        early.next().await,
        Frame::Close(4501, "frame_too_large".into())
    );
    assert_eq!(early.next().await, Frame::End);

    let mut late = Client::connect(address, JSON).await;
    late.text("hello").await;
    assert_eq!(late.next().await, text("welcome"));
    late.text(&"x".repeat(10_000)).await;
    assert_eq!(late.next().await, text(&"x".repeat(10_000)));
    // Only announced: nothing has to arrive for the refusal.
    late.raw(&header(0x81, 10_001)).await;
    assert_eq!(late.next().await, text("over 10000"));
    assert_eq!(
        late.next().await,
        Frame::Close(4501, "frame_too_large".into())
    );
}

#[tokio::test]
async fn what_breaks_the_framing_closes_the_link_with_the_right_status() {
    let address = server().await;
    let half_character = frame(0x81, &[b'a', 0xC3]);
    for (bytes, status) in [
        (frame(0x81, &[0xFF, 0xFE]), 1007),
        (half_character, 1007),
        (vec![0x81, 0x05, b'h', b'e', b'l', b'l', b'o'], 1002),
        (frame(0xC1, b"compressed"), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x80, b"continued"), 1002),
        (b"\x16\x03\x01\x02\x00\x01".to_vec(), 1002),
        (frame(0x88, &[3]), 1002),
    ] {
        let mut client = Client::connect(address, JSON).await;
        client.raw(&bytes).await;
        match client.next().await {
            Frame::Close(got, _) => assert_eq!(got, status, "{bytes:?}"),
            other => panic!("{other:?} for {bytes:?}"),
        }
        assert_eq!(client.next().await, Frame::End);
    }
}

#[tokio::test]
async fn half_a_frame_and_then_the_end_harms_nobody() {
    let address = server().await;
    let mut other = Client::connect(address, JSON).await;
    let mut client = Client::connect(address, JSON).await;
    client.raw(&frame(0x81, b"never finished")[..9]).await;
    drop(client);
    other.text("fine").await;
    assert_eq!(other.next().await, text("fine"));
}

#[tokio::test]
async fn a_close_is_answered_with_the_same_status() {
    let address = server().await;
    let mut client = Client::connect(address, JSON).await;
    client.raw(&frame(0x88, &[0x03, 0xE8])).await;
    assert_eq!(client.next().await, Frame::Close(1000, String::new()));
    assert_eq!(client.next().await, Frame::End);

    let mut closed_by_server = Client::connect(address, JSON).await;
    closed_by_server.text("close").await;
    assert_eq!(
        closed_by_server.next().await,
        Frame::Close(4504, "replaced".into())
    );
}

#[tokio::test]
async fn pings_go_both_ways() {
    let mut client = Client::connect(server().await, JSON).await;
    client.raw(&frame(0x89, b"there?")).await;
    assert_eq!(client.next().await, Frame::Pong(b"there?".to_vec()));
    client.text("ping").await;
    assert_eq!(client.next().await, Frame::Ping);
}

#[tokio::test]
async fn a_panic_of_a_session_ends_its_own_link_with_1011() {
    let address = server().await;
    let mut other = Client::connect(address, JSON).await;
    let mut client = Client::connect(address, JSON).await;
    client.text("panic").await;
    assert_eq!(
        client.next().await,
        Frame::Close(1011, "internal error".into())
    );
    assert_eq!(client.next().await, Frame::End);
    other.text("fine").await;
    assert_eq!(other.next().await, text("fine"));
}

#[tokio::test]
async fn a_batch_is_received_whole_before_it_is_answered() {
    let (address, batches) = server_with(LinkConfig::default(), ServeConfig::default()).await;
    let mut client = Client::connect(address, JSON).await;
    let batch: Vec<u8> = (0..100)
        .flat_map(|i| frame(0x81, format!("{i}").as_bytes()))
        .collect();
    client.raw(&batch).await;
    for i in 0..100 {
        assert_eq!(client.next().await, text(&i.to_string()));
    }
    // One write of the client is one read here, unless the kernel cuts it.
    assert!(
        batches.load(Ordering::Relaxed) <= 3,
        "{batches:?} rounds for one batch"
    );
}

#[tokio::test]
async fn what_does_not_fit_into_one_round_is_sent_in_the_next_ones() {
    let mut client = Client::connect(server().await, JSON).await;
    client.text("many").await;
    client.text("after").await;
    for i in 0..400 {
        match client.next().await {
            Frame::Text(text) => assert_eq!(text.len(), 64 * 1024, "reply {i}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.next().await, text("after"));
}

#[tokio::test]
async fn an_established_link_is_no_longer_half_open() {
    let serve = ServeConfig {
        max_half_open_per_address: 1,
        ..ServeConfig::default()
    };
    let address = server_with(LinkConfig::default(), serve).await.0;
    let mut first = Client::connect(address, JSON).await;
    let refused = common::exchange(address, b"").await;
    assert_eq!(refused.status, 429);
    first.text("hello").await;
    assert_eq!(first.next().await, text("welcome"));
    let mut second = Client::connect(address, JSON).await;
    second.text("x").await;
    assert_eq!(second.next().await, text("x"));
}
