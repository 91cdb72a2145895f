//! An echo server over the same accept loop, hand-shake, framing and buffers as the messenger; the conformance run drives it.
//!
//! ```text
//! cargo run --release -p messenger-ws --example ws_echo -- 127.0.0.1:9001
//! ```

use axum::Router;
use axum::response::Response;
use axum::routing::any;
use messenger_ws::frame::{CloseFrame, Event, OpCode};
use messenger_ws::socket::{ReceiveError, Socket, Upgrade, Upgraded};
use messenger_ws::{ServeConfig, serve};
use tokio::net::TcpListener;

/// The conformance cases go up to messages of 16 MiB; the messenger's own limit is far lower.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(&address).await?;
    let app = Router::new().fallback(any(upgrade));
    let config = ServeConfig {
        max_half_open_per_address: 0,
        ..ServeConfig::default()
    };
    serve(listener, app, config, std::future::pending()).await;
    Ok(())
}

async fn upgrade(upgrade: Upgrade) -> Response {
    upgrade.accept(None, MAX_MESSAGE_BYTES, echo)
}

async fn echo(mut socket: Socket<Upgraded>) {
    loop {
        let mut echoes: Vec<(OpCode, Vec<u8>)> = Vec::new();
        let mut closed = None;
        let received = socket
            .receive(|event| match event {
                Event::Text(text) => echoes.push((OpCode::Text, text.as_bytes().to_vec())),
                Event::Binary(bytes) => echoes.push((OpCode::Binary, bytes.to_vec())),
                Event::Close(close) => closed = Some(close),
                Event::Ping(_) | Event::Pong(_) => {}
            })
            .await;
        for (opcode, payload) in echoes {
            socket.queue(opcode, &payload);
        }
        match (received, closed) {
            (_, Some(close)) => return Box::pin(socket.close(close)).await,
            (Err(ReceiveError::Violation(violation)), None) => {
                return Box::pin(socket.close(Some(CloseFrame::from(violation)))).await;
            }
            (Err(_), None) => return,
            (Ok(()), None) if socket.flush().await.is_err() => return,
            (Ok(()), None) => {}
        }
    }
}
