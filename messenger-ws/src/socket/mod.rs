//! One WebSocket over one byte stream, read and written in rounds.
//!
//! ```text
//!             ┌───────────── shared by all sockets of a thread ─────────────┐
//!   socket ──►│ scratch: one read takes all that is there, 16 KiB at most   │──► Decoder ──► events
//!             │ pool: buffers for what is to be sent                        │      │ what is cut is held back
//!   socket ◄──│   queue, queue, queue … then one write                      │◄── frames
//!             └─────────────────────────────────────────────────────────────┘
//!
//!   idle: no buffer      close(): close frame ──► the other's close frame or 2 s ──► FIN ──► end of stream or 2 s
//! ```

mod buffers;
mod upgrade;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::frame::{CloseFrame, Decoder, Event, OpCode, Violation, encode_close, encode_frame};

pub use upgrade::{Upgrade, Upgraded};

/// How long each half of a closing hand-shake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A WebSocket of which this side is the server.
#[derive(Debug)]
pub struct Socket<T> {
    io: T,
    decoder: Decoder,
    /// The header or control frame that the last read cut.
    held: Vec<u8>,
    out: Vec<u8>,
    written: usize,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// The other side has sent its close frame.
    Closed,
    /// The stream has ended or makes no sense any more.
    Failed,
}

/// Why a socket can no longer be read.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The stream ended without a close frame, or after one.
    #[error("the connection ended")]
    Ended,
    /// The stream failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The other side broke the framing.
    #[error(transparent)]
    Violation(#[from] Violation),
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    /// Makes a socket of a stream on which the hand-shake is over.
    pub fn new(io: T, max_message_bytes: usize) -> Self {
        Self {
            io,
            decoder: Decoder::new(max_message_bytes),
            held: Vec::new(),
            out: Vec::new(),
            written: 0,
            reading: Reading::Open,
        }
    }

    /// Sets the longest message that is received from now on.
    pub fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.decoder.set_max_message_bytes(max_message_bytes);
    }

    /// Reads once, and gives `on_event` every event that is whole then, in order.
    ///
    /// It is ready after each read, also if no event came of it: any byte is a sign of life. Pings are answered here
    /// (the pong is queued) and shown to `on_event` as well. After a close event nothing more is read.
    ///
    /// # Errors
    ///
    /// A [`ReceiveError`] when there will be no more events; all that came before it were given.
    pub fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        mut on_event: impl FnMut(Event<'_>),
    ) -> Poll<Result<(), ReceiveError>> {
        if self.reading != Reading::Open {
            return Poll::Ready(Err(ReceiveError::Ended));
        }
        buffers::with_scratch(|scratch| {
            let mut filled = ReadBuf::new(scratch);
            filled.put_slice(&self.held);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut filled))
                .inspect_err(|_| self.reading = Reading::Failed)?;
            let filled_len = filled.filled().len();
            if filled_len == self.held.len() {
                self.reading = Reading::Failed;
                return Poll::Ready(Err(ReceiveError::Ended));
            }
            let input = &mut scratch[..filled_len];
            let consumed = self
                .decode(input, &mut on_event)
                .inspect_err(|_| self.reading = Reading::Failed)?;
            // Mostly nothing is left, and then nothing stays allocated.
            self.held = scratch[consumed..filled_len].to_vec();
            Poll::Ready(Ok(()))
        })
    }

    fn decode(
        &mut self,
        input: &mut [u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<usize, Violation> {
        let mut consumed = 0;
        while self.reading == Reading::Open {
            let decoded = self.decoder.decode(&mut input[consumed..])?;
            consumed += decoded.consumed;
            match decoded.event {
                None => break,
                Some(Event::Ping(payload)) => {
                    queue(&mut self.out, |out| {
                        encode_frame(out, OpCode::Pong, payload)
                    });
                    on_event(Event::Ping(payload));
                }
                Some(Event::Close(close)) => {
                    self.reading = Reading::Closed;
                    on_event(Event::Close(close));
                }
                Some(event @ (Event::Text(_) | Event::Binary(_) | Event::Pong(_))) => {
                    on_event(event)
                }
            }
        }
        Ok(consumed)
    }

    /// Receives at least one event, or what ends the socket.
    ///
    /// # Errors
    ///
    /// As [`poll_receive`](Self::poll_receive).
    pub async fn receive(
        &mut self,
        mut on_event: impl FnMut(Event<'_>),
    ) -> Result<(), ReceiveError> {
        std::future::poll_fn(|cx| self.poll_receive(cx, &mut on_event)).await
    }

    /// Queues a frame; it is sent by the next flush.
    pub fn queue(&mut self, opcode: OpCode, payload: &[u8]) {
        queue(&mut self.out, |out| encode_frame(out, opcode, payload));
    }

    /// Returns how many bytes are queued and not yet written.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.written
    }

    /// Writes all that is queued, in one write if the stream takes it.
    ///
    /// # Errors
    ///
    /// That of the stream.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.out[self.written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        buffers::give_back(std::mem::take(&mut self.out));
        self.written = 0;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Writes all that is queued.
    ///
    /// # Errors
    ///
    /// As [`poll_flush`](Self::poll_flush).
    pub async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Closes the socket: sends what is queued and a close frame, and waits for the other side within bounds.
    pub async fn close(mut self, close: Option<CloseFrame>) {
        queue(&mut self.out, |out| encode_close(out, close.as_ref()));
        // The other side may be gone; then there is nobody left to tell.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            self.flush().await?;
            while self.reading == Reading::Open && self.receive(|_| {}).await.is_ok() {}
            self.io.shutdown().await
        })
        .await;
        // Bytes that nobody read would make the kernel reset the connection, and the close frame would be lost.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, async {
            let mut ignored = vec![0; 4096];
            while self
                .io
                .read(&mut ignored)
                .await
                .is_ok_and(|length| length > 0)
            {}
        })
        .await;
    }
}

fn queue(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    if out.capacity() == 0 {
        *out = buffers::take();
    }
    encode(out);
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;
    use crate::frame::CloseStatus;

    fn pair(max_message_bytes: usize) -> (Socket<DuplexStream>, DuplexStream) {
        let (server, client) = duplex(1 << 20);
        (Socket::new(server, max_message_bytes), client)
    }

    /// Short frames with a mask of zeros.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![
            first,
            0x80 | u8::try_from(payload.len()).expect("short"),
            0,
            0,
            0,
            0,
        ];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[tokio::test]
    async fn one_read_gives_the_whole_batch() {
        let (mut socket, mut client) = pair(100);
        let batch: Vec<u8> = (0..100).flat_map(|i| frame(0x82, &[i])).collect();
        client.write_all(&batch).await.expect("there is room");
        let mut received = Vec::new();
        socket
            .receive(|event| match event {
                Event::Binary(bytes) => received.extend_from_slice(bytes),
                event => panic!("{event:?}"),
            })
            .await
            .expect("a batch");
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
    }

    #[tokio::test]
    async fn queued_frames_leave_in_one_write_and_no_buffer_stays() {
        let (mut socket, mut client) = pair(100);
        for i in 0..50 {
            socket.queue(OpCode::Binary, &[i]);
        }
        assert_eq!(socket.unsent(), 150);
        socket.flush().await.expect("there is room");
        assert_eq!((socket.unsent(), socket.out.capacity()), (0, 0));
        let mut bytes = [0; 200];
        assert_eq!(client.read(&mut bytes).await.expect("a batch"), 150);
    }

    #[tokio::test]
    async fn a_frame_cut_anywhere_is_whole_in_the_end_and_nothing_stays_held() {
        let (mut socket, mut client) = pair(100);
        let bytes = [frame(0x81, b"hello"), frame(0x89, b"ping")].concat();
        let mut seen = Vec::new();
        for byte in bytes {
            client.write_all(&[byte]).await.expect("there is room");
            socket
                .receive(|event| seen.push(format!("{event:?}")))
                .await
                .expect("valid");
        }
        assert_eq!(seen, [r#"Text("hello")"#, "Ping([112, 105, 110, 103])"]);
        assert_eq!(socket.held.capacity(), 0);
        assert_eq!(socket.unsent(), 6, "the pong is queued");
    }

    #[tokio::test(start_paused = true)]
    async fn a_violation_ends_the_reading_and_the_close_frame_still_goes_out() {
        let (mut socket, mut client) = pair(100);
        client
            .write_all(&frame(0x83, b""))
            .await
            .expect("there is room");
        assert!(matches!(
            socket.receive(|_| {}).await,
            Err(ReceiveError::Violation(_))
        ));
        assert!(matches!(
            socket.receive(|_| {}).await,
            Err(ReceiveError::Ended)
        ));
        socket
            .close(Some(CloseFrame::new(CloseStatus::PROTOCOL_ERROR, "no")))
            .await;
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.expect("then the end");
        assert_eq!(bytes, [0x88, 4, 0x03, 0xEA, b'n', b'o']);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_waits_for_the_other_side_within_bounds() {
        let (socket, _client) = pair(100);
        let begun = tokio::time::Instant::now();
        socket.close(None).await;
        assert_eq!(begun.elapsed(), 2 * CLOSE_TIMEOUT);
    }
}
