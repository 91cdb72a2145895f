//! A server on loopback and a client that sends bytes as they are, so that it can send wrong ones too.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod ws;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use messenger_core::memory::Memory;
use messenger_core::store::{AllowAll, Authenticator};
use messenger_hub::{Hub, HubConfig};
use messenger_ws::{ServeConfig, serve};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What any step of a test may take before it counts as stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Starts a server for the rest of the test.
pub(crate) async fn start(app: Router, config: ServeConfig) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(serve(listener, app, config, std::future::pending()));
    address
}

/// Starts a hub over a store in memory.
pub(crate) async fn hub(store: &Memory, authenticator: Arc<dyn Authenticator>) -> Arc<Hub> {
    let hub = Hub::start(
        store.backend(),
        authenticator,
        Arc::new(AllowAll),
        HubConfig::new([7; 16]),
    );
    Arc::new(hub.await.expect("memory answers"))
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The name of the error's code, its field and its limit.
    pub(crate) fn error(&self) -> (String, Option<String>, Option<u64>) {
        let error = &self.json()["error"];
        assert!(
            error["number"].as_u64().is_some() && error["message"].as_str().is_some(),
            "{self:?}"
        );
        (
            error["code"].as_str().expect("a code").to_owned(),
            error["field"].as_str().map(str::to_owned),
            error["limit"].as_u64(),
        )
    }
}

/// Sends bytes and reads the answer until the server closes.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("an answer in time");
    let text = String::from_utf8(bytes).expect("an answer in UTF-8");
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer but {text:?}"));
    let status = head
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .expect("a status line");
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Sends a request with these header lines and this body.
pub(crate) async fn request(
    address: SocketAddr,
    line: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let mut text = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        text += header;
        text += "\r\n";
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    exchange(address, format!("{text}\r\n{body}").as_bytes()).await
}
