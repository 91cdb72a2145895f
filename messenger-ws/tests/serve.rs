//! The accept loop: limits, time-outs, draining.

mod common;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use common::{PATIENCE, exchange, request, start};
use messenger_ws::{Drained, ServeConfig, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

fn app() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route(
            "/panic",
            get(|| async { panic!("on purpose") as &'static str }),
        )
}

#[tokio::test]
async fn a_header_may_have_16_kib_and_no_more() {
    let address = start(app(), ServeConfig::default()).await;
    let with_header = |bytes: usize| format!("x-long: {}", "x".repeat(bytes));
    let fits = request(address, "GET /hello", &[&with_header(15 * 1024)], "").await;
    assert_eq!((fits.status, fits.body.as_str()), (200, "hello"));
    let over = request(address, "GET /hello", &[&with_header(17 * 1024)], "").await;
    assert_eq!(over.status, 431);
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_the_connection() {
    let config = ServeConfig {
        header_timeout_ms: 100,
        ..ServeConfig::default()
    };
    let address = start(app(), config).await;
    for begun in [&b""[..], b"GET /hello HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.write_all(begun).await.expect("it takes bytes");
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .expect("closed in time")
            .expect("closed");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_are_answered_with_400() {
    let address = start(app(), ServeConfig::default()).await;
    assert_eq!(
        exchange(address, b"\x16\x03\x01\x00\xc8\r\n\r\n")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn above_the_limits_connections_are_refused_and_told_so() {
    for (config, status) in [
        (
            ServeConfig {
                max_half_open_per_address: 1,
                ..ServeConfig::default()
            },
            429,
        ),
        (
            ServeConfig {
                max_connections: 1,
                ..ServeConfig::default()
            },
            503,
        ),
    ] {
        let address = start(app(), config).await;
        let mut first = TcpStream::connect(address)
            .await
            .expect("the server listens");
        // An answer shows that the server has taken the first one in.
        first
            .write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .expect("it takes bytes");
        first.read_u8().await.expect("an answer");
        assert_eq!(exchange(address, b"").await.status, status);
        drop(first);
        while request(address, "GET /hello", &[], "").await.status != 200 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only() {
    let address = start(app(), ServeConfig::default()).await;
    let mut other = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    stream
        .write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it takes bytes");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "{answer:?}");

    other
        .write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("still open");
    other.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn draining_answers_what_was_asked_and_accepts_nothing_more() {
    let (release, released) = oneshot::channel::<()>();
    let released = std::sync::Mutex::new(Some(released));
    let (asked, was_asked) = oneshot::channel();
    let asked = std::sync::Mutex::new(Some(asked));
    let shared = std::sync::Arc::new((released, asked));
    let app = Router::new().route(
        "/slow",
        get(move || async move {
            let released = shared
                .0
                .lock()
                .expect("no panic")
                .take()
                .expect("asked once");
            shared
                .1
                .lock()
                .expect("no panic")
                .take()
                .expect("asked once")
                .send(())
                .expect("the test waits");
            released.await.expect("the test releases");
            "done"
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, app, ServeConfig::default(), async {
        let _ = stopped.await;
    }));

    let answer = tokio::spawn(async move { request(address, "GET /slow", &[], "").await });
    was_asked.await.expect("the request arrives");
    stop.send(()).expect("the server runs");
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    release.send(()).expect("the handler waits");
    assert_eq!(answer.await.expect("no panic").body, "done");
    assert_eq!(server.await.expect("no panic"), Drained::Complete);
}

#[tokio::test]
async fn a_drain_ends_at_its_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (asked, was_asked) = oneshot::channel();
    let asked = std::sync::Arc::new(std::sync::Mutex::new(Some(asked)));
    let app = Router::new().route(
        "/never",
        get(move || async move {
            asked
                .lock()
                .expect("no panic")
                .take()
                .expect("asked once")
                .send(())
                .expect("the test waits");
            std::future::pending::<&'static str>().await
        }),
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let config = ServeConfig {
        drain_timeout_ms: 50,
        ..ServeConfig::default()
    };
    let server = tokio::spawn(serve(listener, app, config, async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    stream
        .write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it takes bytes");
    was_asked.await.expect("the request arrives");
    stop.send(()).expect("the server runs");
    assert_eq!(
        server.await.expect("no panic"),
        Drained::TimedOut { open: 1 }
    );
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok() && rest.is_empty(), "the connection is cut");
}
