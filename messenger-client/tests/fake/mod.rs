//! A server of one log on a real socket, which misbehaves as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use messenger_client::id::{Cmid, ConversationId};
use messenger_core::id::{DeviceId, Epoch, Ordinal, Seq, SessionId, UserId};
use messenger_core::limits::Limits;
use messenger_core::time::Timestamp;
use messenger_core::wire::{
    Accepted, CaughtUp, ClientFrame, CloseCode, Code, Codec, ErrorFrame, Hello, Pong, ServerFrame,
    Welcome,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// What the server does with one link.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Answers everything.
    Serve,
    /// Appends this many messages, answers none of them, and cuts the link.
    CutAfter(usize),
    /// Says an error and closes with this code instead of `welcome`.
    Close(CloseCode, Option<u64>),
    /// Says `welcome`, and then nothing any more.
    Silent,
}

/// What the server has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) hellos: Vec<Hello>,
    pub(crate) log: Vec<Cmid>,
    pub(crate) acked: u64,
    pub(crate) pings: usize,
    manners: VecDeque<Manner>,
}

/// A server of one log.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Fake {
    /// Starts a server; each link is treated in the next manner, and after those well.
    pub(crate) async fn start(manners: impl IntoIterator<Item = Manner>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Seen {
            manners: manners.into_iter().collect(),
            ..Seen::default()
        }));
        let fake = Self { url, seen };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move {
                    // A link that the client ends is of no interest here.
                    let _ = fake.serve(stream).await;
                });
            }
        });
        fake
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().expect("no test panics while it looks"))
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let manner = self.seen(|seen| seen.manners.pop_front().unwrap_or(Manner::Serve));
        let mut link = Link::open(stream).await?;
        let ClientFrame::Hello(hello) = link.next().await? else {
            panic!("the first frame is no hello");
        };
        self.seen(|seen| seen.hellos.push(hello));
        if let Manner::Close(close, current) = manner {
            let mut error = ErrorFrame::new(close.code(), "as the test wants it");
            error.current = current;
            link.send(error.into()).await?;
            return link.close(close).await;
        }
        link.send(welcome(manner).into()).await?;
        if matches!(manner, Manner::Silent) {
            std::future::pending::<()>().await;
        }
        let since = "here".to_owned();
        link.send(CaughtUp { since }.into()).await?;
        let mut appended = 0;
        loop {
            match link.next().await? {
                ClientFrame::Send(send) => {
                    let (seq, duplicate) = self.append(send.cmid, send.after_cmid);
                    appended += 1;
                    match manner {
                        Manner::CutAfter(count) if appended >= count => return None,
                        Manner::CutAfter(_) => continue,
                        _ => {}
                    }
                    let accepted = Accepted {
                        conversation: send.conversation,
                        cmid: send.cmid,
                        seq: Seq(seq),
                        time: Timestamp(seq),
                        ordinal: Ordinal(seq),
                        re: send.id,
                        duplicate,
                    };
                    link.send(accepted.into()).await?;
                }
                ClientFrame::Ack(ack) => self.seen(|seen| {
                    seen.acked = seen.acked.max(ack.marks[0].seq.0);
                }),
                ClientFrame::Ping(ping) => {
                    self.seen(|seen| seen.pings += 1);
                    let server_time = Timestamp(1);
                    let re = ping.id;
                    link.send(Pong { server_time, re }.into()).await?;
                }
                ClientFrame::Open(open) => {
                    let mut error =
                        ErrorFrame::new(Code::NotFound, "this server describes nothing");
                    error.re = open.id;
                    link.send(error.into()).await?;
                }
                _ => {}
            }
        }
    }

    fn append(&self, cmid: Cmid, after: Option<Cmid>) -> (u64, bool) {
        self.seen(|seen| {
            let found = seen.log.iter().position(|known| *known == cmid);
            let index = found.unwrap_or_else(|| {
                assert!(
                    after.is_none_or(|after| seen.log.contains(&after)),
                    "a message came before the one that it names"
                );
                seen.log.push(cmid);
                seen.log.len() - 1
            });
            (index as u64 + 1, found.is_some())
        })
    }
}

fn welcome(manner: Manner) -> Welcome {
    Welcome {
        session: SessionId(1),
        user: UserId::parse("anna").expect("it is one"),
        device: Some(DeviceId(1)),
        epoch: Epoch(7),
        durability: "memory".into(),
        limits: Limits::default(),
        heartbeat_ms: match manner {
            Manner::Silent => 100,
            _ => 20_000,
        },
        recheck_ms: 60_000,
        server_time: now(),
        capabilities: Vec::new(),
    }
}

/// The conversation that everybody writes to.
pub(crate) fn talk() -> ConversationId {
    ConversationId::parse("anna/ben").expect("it is one")
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(since.expect("after 1970").as_millis() as u64)
}

struct Link {
    socket: WebSocketStream<TcpStream>,
    codec: Codec,
}

impl Link {
    async fn open(stream: TcpStream) -> Option<Self> {
        let mut codec = None;
        let socket = tokio_tungstenite::accept_hdr_async(
            stream,
            #[expect(clippy::result_large_err, reason = "the library's signature")]
            |request: &Request, mut response: Response| {
                let name = request.headers()["sec-websocket-protocol"].clone();
                codec = name.to_str().ok().and_then(Codec::from_subprotocol);
                response
                    .headers_mut()
                    .insert("sec-websocket-protocol", name);
                Ok(response)
            },
        )
        .await
        .ok()?;
        let codec = codec.expect("the client names a codec");
        Some(Self { socket, codec })
    }

    async fn next(&mut self) -> Option<ClientFrame> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => return ClientFrame::from_json(&text).ok(),
                Message::Binary(bytes) => return ClientFrame::from_cbor(&bytes).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    async fn send(&mut self, frame: ServerFrame) -> Option<()> {
        let message = match self.codec {
            Codec::Json => Message::text(frame.to_json()),
            Codec::Cbor => Message::binary(frame.to_cbor()),
        };
        self.socket.send(message).await.ok()
    }

    async fn close(&mut self, close: CloseCode) -> Option<()> {
        let frame = CloseFrame {
            code: close.number().into(),
            reason: close.code().as_str().into(),
        };
        self.socket.close(Some(frame)).await.ok()?;
        while self.next().await.is_some() {}
        None
    }
}
