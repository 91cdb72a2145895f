//! Two people chat over a real server.

use std::time::{Duration, Instant};

use messenger_client::id::ConversationId;
use messenger_client::{Error, Status};

use super::person::{Person, demo_password, eventually};
use super::process::{Server, http, run_ok};

/// How long sessions of a revoked account may live (SEC-4).
const REVOKED_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn two_people_chat_with_ticks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let (anna, ben) = (
        Person::log_in(&server, &data, "anna").await,
        Person::log_in(&server, &data, "ben").await,
    );
    let conversation = anna.client.direct("ben").expect("a sound id");

    let first = anna
        .client
        .send(
            &conversation,
            "ready? \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} مرحبا",
        )
        .accepted()
        .await
        .expect("accepted");
    eventually("the message arrives", || {
        ben.texts(&conversation).len() == 1
    })
    .await;
    ben.client.read(&conversation, first);
    ben.client
        .send(&conversation, "yes")
        .accepted()
        .await
        .expect("accepted");
    eventually("the answer arrives", || {
        anna.texts(&conversation).len() == 2
    })
    .await;
    eventually("the tick turns to read", || {
        read_by_ben(&anna, &conversation) >= first.0
    })
    .await;

    assert_eq!(anna.entries(&conversation), ben.entries(&conversation));
    let life = run_ok(&data, &["inspect", "message", "anna/ben", "1"], "");
    assert!(
        life.contains("read: 1 of 1 have it, 1 of 1 read it"),
        "{life}"
    );
    let listed = run_ok(&data, &["inspect"], "");
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("anna/ben ") && line.contains(" 1-2 ")),
        "{listed}"
    );
    anna.check();
    ben.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything_and_clients_come_back_by_themselves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let (anna, ben) = (
        Person::log_in(&server, &data, "anna").await,
        Person::log_in(&server, &data, "ben").await,
    );
    let conversation = anna.client.direct("ben").expect("a sound id");
    anna.client
        .send(&conversation, "before")
        .accepted()
        .await
        .expect("accepted");

    let address = server.address.to_string();
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    let sending = anna.client.send(&conversation, "while nobody is there");
    let _server = Server::start_with(&data, &["--listen", &address]);
    sending
        .accepted()
        .await
        .expect("accepted after the restart");

    eventually("both messages are there", || {
        ben.texts(&conversation) == ["before", "while nobody is there"]
    })
    .await;
    anna.check();
    ben.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_account_loses_its_sessions_within_two_seconds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let (anna, ben) = (
        Person::log_in(&server, &data, "anna").await,
        Person::log_in(&server, &data, "ben").await,
    );

    run_ok(&data, &["user", "revoke", "ben"], "");
    let begun = Instant::now();
    let status = ben.stopped().await;

    let waited = begun.elapsed();
    assert!(waited <= REVOKED_WITHIN, "it took {waited:?}");
    assert!(
        matches!(status, Status::Stopped(Error::Refused { .. })),
        "{status:?}"
    );
    let conversation = anna.client.direct("ben").expect("a sound id");
    anna.client
        .send(&conversation, "still here")
        .accepted()
        .await
        .expect("anna's session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minted_token_connects_a_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let token = run_ok(&data, &["token", "mint", "anna"], "");

    let program = Person::connect(&server, token.trim()).await;

    assert_eq!(program.client.user().expect("it is known").as_str(), "anna");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_passwords_and_tokens_are_in_no_log_and_no_metric() {
    const CANARY: &str = "canary-in-a-coal-mine";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start_with(&data, &["--log", "json,trace"]);
    let password = demo_password(&data, "anna");
    let token = run_ok(&data, &["token", "mint", "ben"], "");
    let (anna, ben) = (
        Person::log_in(&server, &data, "anna").await,
        Person::connect(&server, token.trim()).await,
    );
    let conversation = anna.client.direct("ben").expect("a sound id");

    let seq = anna
        .client
        .send(&conversation, CANARY)
        .accepted()
        .await
        .expect("accepted");
    anna.client
        .edit(&conversation, seq, format!("{CANARY}, edited"))
        .accepted()
        .await
        .expect("accepted");
    eventually("both arrive", || ben.entries(&conversation).len() == 2).await;
    let refused = http(
        server.address,
        "POST",
        "/v1/login",
        &format!("{{\"user\":\"anna\",\"password\":\"{CANARY}\"}}"),
    );
    assert_eq!(refused.0, 401);
    let (status, metrics) = http(server.address, "GET", "/metrics", "");
    assert_eq!(status, 200);
    let inspected = run_ok(&data, &["inspect", "message", "anna/ben", "1"], "");
    drop((anna, ben));
    let (_, log) = server.terminate();

    assert!(log.lines().count() > 10, "a trace has lines: {log}");
    for secret in [CANARY, &password, token.trim()] {
        assert!(!log.contains(secret), "the log tells {secret}");
        assert!(!metrics.contains(secret), "the metrics tell {secret}");
        assert!(!inspected.contains(secret), "inspect tells {secret}");
    }
}

#[test]
fn health_is_told_to_the_operators_tools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(&folder.path().join("data"));
    assert_eq!(http(server.address, "GET", "/livez", "").0, 200);
    assert_eq!(http(server.address, "GET", "/readyz", "").0, 200);
    let (_, page) = http(server.address, "GET", "/", "");
    assert!(
        page.contains("/v1/ws") && page.contains("/v1/login"),
        "{page}"
    );
}

fn read_by_ben(anna: &Person, conversation: &ConversationId) -> u64 {
    let record = anna.client.conversation(conversation);
    record
        .and_then(|record| record.others.values().map(|marks| marks.read.0).max())
        .unwrap_or(0)
}
