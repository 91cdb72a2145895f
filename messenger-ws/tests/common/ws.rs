//! A WebSocket client that sends frames as they are told, right or wrong.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, PATIENCE};

/// The frames of a server, as far as the tests look at them.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    /// Status and reason.
    Close(u16, String),
    /// The end of the stream.
    End,
}

/// One end of a WebSocket.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects to `/v1/ws` with a sub-protocol.
    pub(crate) async fn connect(address: SocketAddr, protocol: &str) -> Self {
        let header = format!("sec-websocket-protocol: {protocol}");
        Self::upgrade(address, &[&header])
            .await
            .unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    /// Asks for an upgrade of `/v1/ws` with these further header lines.
    pub(crate) async fn upgrade(address: SocketAddr, headers: &[&str]) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        let mut request = format!(
            "GET /v1/ws HTTP/1.1\r\nhost: {address}\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for header in headers {
            request += header;
            request += "\r\n";
        }
        request += "\r\n";
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it takes bytes");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("UTF-8").to_ascii_lowercase();
        let status: u16 = head[9..12].parse().expect("a status line");
        if status == 101 {
            assert!(
                head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
                "{head}"
            );
            return Ok(Self { stream });
        }
        let length = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        stream.read_exact(&mut body).await.expect("a body");
        Err(Answer {
            status,
            head,
            body: String::from_utf8(body).expect("UTF-8"),
        })
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .await
            .expect("the server is there");
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.raw(&frame(0x81, text.as_bytes())).await;
    }

    pub(crate) async fn binary(&mut self, bytes: &[u8]) {
        self.raw(&frame(0x82, bytes)).await;
    }

    /// Receives the next frame.
    pub(crate) async fn next(&mut self) -> Frame {
        tokio::time::timeout(PATIENCE, self.read_frame())
            .await
            .expect("a frame in time")
    }

    /// Receives the next text message as JSON; pings in between are skipped.
    pub(crate) async fn json(&mut self) -> serde_json::Value {
        loop {
            match self.next().await {
                Frame::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Frame::Ping => {}
                other => panic!("{other:?} instead of a text message"),
            }
        }
    }

    async fn read_frame(&mut self) -> Frame {
        let Ok(first) = self.stream.read_u8().await else {
            return Frame::End;
        };
        let length = match self.stream.read_u8().await.expect("a whole header") {
            126 => usize::from(self.stream.read_u16().await.expect("a whole header")),
            127 => self.stream.read_u64().await.expect("a whole header") as usize,
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream
            .read_exact(&mut payload)
            .await
            .expect("a whole payload");
        match first {
            0x81 => Frame::Text(String::from_utf8(payload).expect("UTF-8")),
            0x82 => Frame::Binary(payload),
            0x88 => {
                // As a client should; the server may be gone already.
                let _ = self.stream.write_all(&frame(0x88, &payload)).await;
                let (status, reason) = payload.split_first_chunk().expect("a status");
                Frame::Close(
                    u16::from_be_bytes(*status),
                    String::from_utf8(reason.to_vec()).expect("UTF-8"),
                )
            }
            0x89 => Frame::Ping,
            0x8A => Frame::Pong(payload),
            other => panic!("first byte {other:#x}"),
        }
    }
}

/// Makes a frame with a mask.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

    let mut bytes = header(first, payload.len() as u64);
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    for (i, byte) in bytes[start..].iter_mut().enumerate() {
        *byte ^= MASK[i % 4];
    }
    bytes
}

/// Makes the header of a frame that announces a length.
pub(crate) fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | length as u8),
        126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0x37, 0xFA, 0x21, 0x3D]);
    bytes
}
