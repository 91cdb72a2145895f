//! The client against a server on a real socket: broken links, close codes, heartbeats, restarts.

mod fake;

use std::time::Duration;

use fake::{Fake, Manner, talk};
use messenger_client::id::Seq;
use messenger_client::{Client, Codec, Config, Event, MemoryStorage, SendState, Status};
use messenger_core::wire::{CloseCode, Code};
use tokio::time::timeout;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

#[tokio::test]
async fn every_message_is_in_the_log_once_and_in_order_over_cut_links() {
    for codec in [Codec::Cbor, Codec::Json] {
        let server = Fake::start([3, 1, 5, 2].map(Manner::CutAfter)).await;
        let config = Config::new(&server.url, "token").codec(codec);
        let (client, mut events) = Client::connect(config).await.expect("it starts");
        let sent: Vec<_> = (0..30)
            .map(|n| client.send(&talk(), format!("message {n}")))
            .collect();
        let cmids: Vec<_> = sent.iter().map(|sending| sending.cmid()).collect();
        for (sending, seq) in sent.into_iter().zip(1..) {
            let accepted = soon(sending.accepted()).await.expect("it is accepted");
            assert_eq!(accepted, Seq(seq));
        }
        server.seen(|seen| assert_eq!(seen.log, cmids));
        // The entries are told as well, in order and each once.
        let mut told = Vec::new();
        while told.len() < cmids.len() {
            if let Event::Entry { entry, .. } = soon(events.next()).await.expect("it goes on") {
                told.push(entry.cmid);
            }
        }
        assert_eq!(told, cmids);
        assert_eq!(client.unanswered(), 0);
        assert!(client.outgoing(&talk()).is_empty());
    }
}

#[tokio::test]
async fn what_is_stored_is_acked_and_the_generation_rises_with_each_link() {
    let server = Fake::start([Manner::CutAfter(1)]).await;
    let (client, _events) = Client::connect(Config::new(&server.url, "token"))
        .await
        .expect("it starts");
    let seq = soon(client.send(&talk(), "hello").accepted()).await;
    assert_eq!(seq.expect("it is accepted"), Seq(1));
    soon(async {
        while server.seen(|seen| seen.acked) < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.seen(|seen| {
        let generations: Vec<u64> = seen.hellos.iter().map(|h| h.generation.0).collect();
        assert_eq!(generations, [1, 2]);
        assert!(seen.hellos[0].register.is_some() && seen.hellos[0].device.is_none());
        assert!(seen.hellos[1].register.is_none() && seen.hellos[1].device.is_some());
        assert!(seen.hellos.iter().all(|hello| hello.token == "token"));
    });
}

#[tokio::test]
async fn a_close_code_from_4500_stops_the_client_and_says_why() {
    let server = Fake::start([Manner::Close(CloseCode::Unauthorized, None)]).await;
    let (client, mut events) = Client::connect(Config::new(&server.url, "token"))
        .await
        .expect("it starts");
    let sending = client.send(&talk(), "hello");
    let error = soon(client.ready()).await.expect_err("it is refused");
    assert_eq!(error.code(), Some(Code::Unauthorized));
    assert_eq!(
        soon(sending.accepted()).await.expect_err("not sent").code(),
        Some(Code::Unauthorized)
    );
    while soon(events.next()).await.is_some() {}
    server.seen(|seen| assert_eq!(seen.hellos.len(), 1));
    // Stopped is not failed: it is still to be sent, by the next client of this storage.
    let states: Vec<_> = client
        .outgoing(&talk())
        .into_iter()
        .map(|(_, s)| s)
        .collect();
    assert_eq!(states, [SendState::Sending]);
}

#[tokio::test]
async fn an_unknown_device_registers_anew_and_a_stale_generation_goes_above() {
    let server = Fake::start([
        Manner::Serve,
        Manner::Close(CloseCode::DeviceUnknown, None),
        Manner::Close(CloseCode::GenerationStale, Some(40)),
    ])
    .await;
    let storage = MemoryStorage::new();
    for _ in 0..2 {
        let config = Config::new(&server.url, "token").storage(storage.clone());
        let (client, _events) = Client::connect(config).await.expect("it starts");
        soon(client.ready()).await.expect("it is live");
        soon(client.close()).await;
    }
    server.seen(|seen| {
        let key = |n: usize| seen.hellos[n].register.clone();
        assert!(seen.hellos[1].device.is_some());
        assert!(key(2).is_some() && key(2) != key(0));
        assert_eq!(key(3), key(2));
        assert_eq!(seen.hellos[3].generation.0, 41);
    });
}

#[tokio::test]
async fn what_was_not_sent_goes_out_with_the_next_client_of_the_storage() {
    let storage = MemoryStorage::new();
    // Nobody listens there.
    let config = Config::new("ws://127.0.0.1:1", "token").storage(storage.clone());
    let (client, mut events) = Client::connect(config).await.expect("it starts");
    let cmid = client.send(&talk(), "for later").cmid();
    let mut status = client.status();
    soon(status.wait_for(|status| matches!(status, Status::Waiting { .. })))
        .await
        .expect("it tries");
    soon(client.close()).await;
    while soon(events.next()).await.is_some() {}

    let server = Fake::start([]).await;
    let config = Config::new(&server.url, "token").storage(storage);
    let (_client, mut events) = Client::connect(config).await.expect("it starts");
    loop {
        if let Event::Entry { entry, .. } = soon(events.next()).await.expect("it goes on") {
            assert_eq!(entry.cmid, cmid);
            break;
        }
    }
    server.seen(|seen| assert_eq!(seen.log, [cmid]));
}

#[tokio::test]
async fn a_server_that_goes_silent_is_left_after_two_intervals() {
    let server = Fake::start([Manner::Silent]).await;
    let (client, _events) = Client::connect(Config::new(&server.url, "token"))
        .await
        .expect("it starts");
    soon(client.ready()).await.expect("the second link is good");
    server.seen(|seen| assert_eq!(seen.hellos.len(), 2));
}
