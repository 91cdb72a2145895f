//! One WebSocket link: frames in, frames out.
//!
//! ```text
//!   dial ──► Reader ── frames ──► the client's task
//!        └─► Writer ◄─ frames ──     a task of its own: what waits together is written together
//! ```

use std::time::Duration;

use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use messenger_core::wire::{ClientFrame, CloseCode, Codec, ServerFrame};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::address::Address;
use crate::error::Error;
use crate::stream::{Stream, open};

/// How long connecting may take, with the WebSocket's handshake.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest message that is read.
const MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The read buffer: small, for there may be many clients in one process.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// Frames that are written together at most.
const WRITE_TOGETHER: usize = 256;

/// A link that is up.
pub(crate) struct Link {
    reader: SplitStream<WebSocketStream<Stream>>,
    writer: mpsc::UnboundedSender<Message>,
    codec: Codec,
}

/// What a link gives.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A frame of the server.
    Frame(Box<ServerFrame>),
    /// A sign of life, or a frame of a newer protocol.
    Alive,
    /// The link has ended.
    Closed {
        /// The close code, if the server gave one that is known.
        code: Option<CloseCode>,
        /// What happened, for a human.
        reason: String,
    },
}

impl Link {
    /// Connects, and speaks this codec.
    pub(crate) async fn dial(address: Address, codec: Codec) -> Result<Self, Error> {
        match timeout(DIAL_TIMEOUT, Self::connect(&address, codec)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Unreachable(format!(
                "{} did not answer within {} s",
                address.authority(),
                DIAL_TIMEOUT.as_secs()
            ))),
        }
    }

    async fn connect(address: &Address, codec: Codec) -> Result<Self, Error> {
        let stream = open(address)
            .await
            .map_err(|error| unreachable(address, &error))?;
        let mut request = address
            .websocket()
            .into_client_request()
            .map_err(|error| unreachable(address, &error))?;
        request.headers_mut().insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(codec.subprotocol()),
        );
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config))
                .await
                .map_err(|error| unreachable(address, &error))?;
        let (sink, reader) = socket.split();
        let (writer, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(sink, queue));
        Ok(Self {
            reader,
            writer,
            codec,
        })
    }

    /// Queues a frame; a link that has ended takes and loses it.
    pub(crate) fn send(&self, frame: &ClientFrame) {
        let message = match self.codec {
            Codec::Json => Message::text(frame.to_json()),
            Codec::Cbor => Message::binary(frame.to_cbor()),
        };
        // Frames lost here have no answer, so they are sent again on the next link.
        let _ = self.writer.send(message);
    }

    /// Says goodbye; the writer ends after what is queued.
    pub(crate) fn close(&self) {
        let _ = self.writer.send(Message::Close(None));
    }

    /// Waits for the next frame.
    pub(crate) async fn next(&mut self) -> Incoming {
        let message = match self.reader.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return closed(None, error.to_string()),
            None => return closed(None, "the server closed the link".into()),
        };
        let frame = match message {
            Message::Text(text) => ServerFrame::from_json(&text),
            Message::Binary(bytes) => ServerFrame::from_cbor(&bytes),
            Message::Close(frame) => {
                let code = frame
                    .as_ref()
                    .and_then(|frame| CloseCode::from_number(frame.code.into()));
                let reason = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                return closed(code, reason);
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Incoming::Alive,
        };
        match frame {
            Ok(frame) => Incoming::Frame(Box::new(frame)),
            Err(error) => {
                tracing::warn!(%error, "a frame of the server cannot be read");
                Incoming::Alive
            }
        }
    }
}

fn closed(code: Option<CloseCode>, reason: String) -> Incoming {
    Incoming::Closed { code, reason }
}

fn unreachable(address: &Address, error: &dyn std::fmt::Display) -> Error {
    Error::Unreachable(format!(
        "cannot connect to {}: {error}",
        address.authority()
    ))
}

/// Writes what is queued, all that waits at once, until the queue or the link ends.
async fn write(
    mut sink: futures_util::stream::SplitSink<WebSocketStream<Stream>, Message>,
    mut queue: mpsc::UnboundedReceiver<Message>,
) {
    let mut together = Vec::new();
    while queue.recv_many(&mut together, WRITE_TOGETHER).await > 0 {
        for message in together.drain(..) {
            if sink.feed(message).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
    match sink.close().await {
        Ok(()) | Err(tungstenite::Error::ConnectionClosed) => {}
        Err(error) => tracing::debug!(%error, "the link did not close well"),
    }
}
