//! Nodes over one memory store, and people on links.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use messenger_core::id::{Cmid, ConversationId, DeviceId, Epoch, Generation, Seq, UserId};
use messenger_core::memory::Memory;
use messenger_core::model::{Content, Entry, Message};
use messenger_core::store::{AllowAll, AuthError, Authenticator, Backend, Principal};
use messenger_core::time::Timestamp;
use messenger_core::wire::{
    Ack, AckMark, ClientFrame, CloseCode, Codec, Confirm, Hello, Send, SendContent, ServerFrame,
};
use messenger_hub::{Hub, HubConfig, Link, Sent};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// The token is the user's name.
struct ByName;

#[async_trait::async_trait]
impl Authenticator for ByName {
    async fn authenticate(&self, token: &str, _: Timestamp) -> Result<Principal, AuthError> {
        let user = UserId::parse(token).map_err(|_| AuthError::Refused)?;
        Ok(Principal {
            user,
            device: None,
            expires: None,
        })
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn memory() -> Backend {
    Memory::new(Epoch(7)).backend()
}

pub(crate) async fn node(backend: &Backend) -> Hub {
    let mut config = HubConfig::new([1; 16]);
    config.shards = 2;
    config.limits.frames_burst = 100_000;
    config.limits.sends_burst = 100_000;
    node_with(backend, config).await
}

pub(crate) async fn node_with(backend: &Backend, config: HubConfig) -> Hub {
    Hub::start(
        backend.clone(),
        Arc::new(ByName),
        Arc::new(AllowAll),
        config,
    )
    .await
    .unwrap()
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(since.as_millis() as u64)
}

pub(crate) fn cmid() -> Cmid {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Cmid::from_parts(now(), random)
}

/// A person on one link.
pub(crate) struct Person {
    link: Link,
    pub(crate) user: UserId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) frames: Vec<ServerFrame>,
}

impl Person {
    /// Connects with a new device and waits until it is live.
    pub(crate) async fn new(hub: &Hub, name: &str) -> Self {
        let mut person = Self::dial(hub, name);
        person.send(Hello {
            register: Some(format!("{name}-{}", cmid())),
            generation: Generation(1),
            ..hello(name)
        });
        person.caught_up().await;
        person
    }

    /// Connects with a registered device and waits until it is live.
    pub(crate) async fn again(hub: &Hub, name: &str, device: DeviceId, generation: u64) -> Self {
        let mut person = Self::dial(hub, name);
        person.send(Hello {
            device: Some(device),
            generation: Generation(generation),
            ..hello(name)
        });
        person.caught_up().await;
        person
    }

    /// A link on which nothing was sent.
    pub(crate) fn dial(hub: &Hub, name: &str) -> Self {
        Self {
            link: hub.link(Codec::Json),
            user: user(name),
            device: None,
            frames: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, frame: impl Into<ClientFrame>) {
        let frame: ClientFrame = frame.into();
        self.send_raw(frame.to_json().as_bytes());
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.link.receive(bytes);
        self.drain();
    }

    fn drain(&mut self) {
        let mut confirms = Vec::new();
        self.link.drain(|sent| {
            if let Sent::Message(bytes) = sent {
                let frame = ServerFrame::from_json(std::str::from_utf8(bytes).unwrap()).unwrap();
                if let ServerFrame::Page(page) = &frame {
                    confirms.push(Confirm { page: page.page });
                }
                if let ServerFrame::Welcome(welcome) = &frame {
                    self.device = welcome.device;
                }
                self.frames.push(frame);
            }
        });
        for confirm in confirms {
            self.send(confirm);
        }
    }

    /// Waits for a frame that `pick` takes; it and all before it are taken from `frames`.
    pub(crate) async fn wait_for<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(&ServerFrame) -> Option<T>,
    ) -> T {
        let mut seen = 0;
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                while seen < self.frames.len() {
                    seen += 1;
                    if let Some(found) = pick(&self.frames[seen - 1]) {
                        return found;
                    }
                }
                assert!(self.link.closing().is_none(), "closed: {:?}", self.frames);
                self.link.ready().await;
                self.drain();
            }
        })
        .await;
        match found {
            Ok(found) => {
                self.frames.drain(..seen);
                found
            }
            Err(_) => panic!("{}: no {what} in {:#?}", self.user, self.frames),
        }
    }

    /// Drives the link for a while, for what must not come.
    pub(crate) async fn settle(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, async {
            loop {
                self.link.ready().await;
                self.drain();
            }
        })
        .await;
    }

    /// Waits until the link is to be closed.
    pub(crate) async fn closed(&mut self) -> CloseCode {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(closing) = self.link.closing() {
                    return closing.code;
                }
                self.link.ready().await;
                self.drain();
            }
        })
        .await
        .expect("the link is closed")
    }

    pub(crate) async fn caught_up(&mut self) {
        let mut seen = Vec::new();
        self.wait_for("caught_up", |frame| {
            seen.push(frame.clone());
            matches!(frame, ServerFrame::CaughtUp(_)).then_some(())
        })
        .await;
        seen.append(&mut self.frames);
        self.frames = seen;
    }

    /// Sends a text and waits for `accepted`.
    pub(crate) async fn say(&mut self, conversation: &ConversationId, text: &str) -> Seq {
        let cmid = cmid();
        self.send(text_frame(conversation, cmid, text));
        self.accepted(cmid).await
    }

    pub(crate) async fn accepted(&mut self, cmid: Cmid) -> Seq {
        self.wait_for("accepted", |frame| match frame {
            ServerFrame::Accepted(accepted) if accepted.cmid == cmid => Some(accepted.seq),
            ServerFrame::Rejected(rejected) if rejected.cmid == cmid => {
                panic!("rejected: {rejected:?}")
            }
            _ => None,
        })
        .await
    }

    /// Waits for a message with this text.
    pub(crate) async fn hears(&mut self, text: &str) -> Entry {
        self.wait_for(text, |frame| {
            entries(frame)
                .into_iter()
                .find(|entry| text_of(entry) == Some(text))
        })
        .await
    }

    pub(crate) fn ack(&mut self, conversation: &ConversationId, seq: Seq) {
        self.send(Ack {
            marks: vec![AckMark {
                conversation: conversation.clone(),
                seq,
            }],
        });
    }
}

pub(crate) fn hello(name: &str) -> Hello {
    Hello {
        protocol: 1,
        token: name.to_owned(),
        ..Hello::default()
    }
}

pub(crate) fn text_frame(conversation: &ConversationId, cmid: Cmid, text: &str) -> Send {
    Send {
        id: None,
        conversation: conversation.clone(),
        cmid,
        after_cmid: None,
        content: SendContent::Message(Message::text(text)),
    }
}

pub(crate) fn entries(frame: &ServerFrame) -> Vec<Entry> {
    match frame {
        ServerFrame::Entries(entries) => entries.entries.clone(),
        _ => Vec::new(),
    }
}

pub(crate) fn text_of(entry: &Entry) -> Option<&str> {
    match &entry.content {
        Content::Message(message) => message.text.as_ref().map(|text| text.as_str()),
        _ => None,
    }
}
