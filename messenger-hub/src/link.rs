//! One link as a transport drives it: bytes in, bytes out, and when to look again.
//!
//! ```text
//!   transport ── receive(bytes) ──►┌────────┐── drain: frames to write, all of them in one write
//!             ── poll_ready ──────►│ Session│── a mailbox input, or a deadline
//!             ◄─ closing ──────────└────────┘
//! ```

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use messenger_core::id::{ConversationId, DeviceId, Generation, SessionId, UserId};
use messenger_core::session::{Input, Output, Session};
use messenger_core::store::{FeedItem, Heartbeat};
use messenger_core::time::Timestamp;
use messenger_core::wire::{ClientFrame, CloseCode, Codec, encode_entries};
use tokio::time::{Instant, Sleep};

use crate::admit::admit;
use crate::clock;
use crate::hub::Shared;
use crate::mailbox::Mailbox;
use crate::node::NodeInput;
use crate::registry::Entry;

/// How often a link that may not read looks whether it may again.
const HELD_BACK: Duration = Duration::from_millis(200);
/// Entries of an inbox page.
const INBOX_PAGE: usize = 100;

/// What a transport writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<'a> {
    /// A message with one frame, in the link's codec.
    Message(&'a [u8]),
    /// A ping of the transport itself.
    Ping,
}

/// How a link is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The code; its error's name is the reason.
    pub code: CloseCode,
}

/// One link. Dropping it ends its session.
pub struct Link {
    shared: Arc<Shared>,
    session: Session,
    mailbox: Arc<Mailbox>,
    codec: Codec,
    timer: Pin<Box<Sleep>>,
    timer_at: Timestamp,
    opened: Option<Heartbeat>,
    closing: Option<Closing>,
    subscribed: bool,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, id: SessionId, codec: Codec) -> Self {
        let now = clock::now();
        let max_bytes = usize::try_from(shared.sessions.limits.session_queue_bytes);
        let mailbox = Arc::new(Mailbox::new(id, max_bytes.unwrap_or(usize::MAX)));
        shared.registry.add_link(Arc::clone(&mailbox));
        let session = Session::new(id, Arc::clone(&shared.sessions), now);
        let timer_at = session.deadline();
        Self {
            timer: Box::pin(tokio::time::sleep(timer_at.since(now))),
            timer_at,
            shared,
            session,
            mailbox,
            codec,
            opened: None,
            closing: None,
            subscribed: false,
        }
    }

    /// The codec of its frames.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The user, once the link is admitted.
    pub fn user(&self) -> Option<&UserId> {
        self.session.user()
    }

    /// True until a `hello` came.
    pub fn is_greeting(&self) -> bool {
        self.session.is_greeting()
    }

    /// The longest message that may be received now: 4 KiB before `hello` was accepted, then `limits.frame_bytes`.
    pub fn max_message_bytes(&self) -> usize {
        if self.session.is_greeting() {
            messenger_core::limits::HELLO_MAX_BYTES
        } else {
            usize::try_from(self.shared.sessions.limits.frame_bytes).unwrap_or(usize::MAX)
        }
    }

    /// Takes a message of the link in.
    pub fn receive(&mut self, message: &[u8]) {
        let bytes = message.len();
        let frame = match self.codec {
            Codec::Cbor => ClientFrame::from_cbor(message),
            #[allow(unreachable_patterns, reason = "JSON is a feature of the core")]
            _ => decode_json(message),
        };
        self.handle(Input::Received {
            frame: frame.map(Box::new),
            bytes,
        });
    }

    /// Takes in that a message of the other kind came: text on a binary link, or the other way round.
    pub fn receive_other_kind(&mut self) {
        let detail = format!(
            "{} is not sent in this kind of message",
            self.codec.subprotocol()
        );
        let kind = messenger_core::wire::DecodeErrorKind::Malformed;
        let error = messenger_core::wire::DecodeError {
            kind,
            detail,
            id: None,
        };
        self.handle(Input::Received {
            frame: Err(error),
            bytes: 0,
        });
    }

    /// Ready once the link must be closed, for a transport that cannot write and so does not [`drain`](Self::drain).
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Closing> {
        self.mailbox.poll_close(cx).map(|code| Closing { code })
    }

    /// Takes a sign of life in that is no message.
    pub fn heard(&mut self) {
        self.handle(Input::Heard);
    }

    /// False while the link must not be read: the node does not see revocations, or its shards are behind.
    pub fn may_read(&self) -> bool {
        !self.shared.is_blind() && !self.shared.is_overloaded()
    }

    /// Ready when something happened for which [`drain`](Self::drain) is to be called.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ready = false;
        if !self.shared.is_blind() {
            while let Poll::Ready(inputs) = self.mailbox.poll_take(cx) {
                ready = true;
                let now = clock::now();
                for input in inputs {
                    self.session.handle(now, input);
                }
            }
        }
        self.set_timer();
        if self.timer.as_mut().poll(cx).is_ready() {
            self.handle(Input::Tick);
            self.timer_at = Timestamp(0);
            self.set_timer();
            // The new deadline must wake this task too.
            cx.waker().wake_by_ref();
            ready = true;
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits for [`poll_ready`](Self::poll_ready).
    pub async fn ready(&mut self) {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await;
    }

    /// Gives `write` all that is to be sent, in order, and carries out the rest.
    pub fn drain(&mut self, mut write: impl FnMut(Sent<'_>)) {
        let mut buffer = Vec::new();
        let mut tells = Vec::new();
        while let Some(output) = self.session.poll() {
            buffer.clear();
            match output {
                Output::Send(frame) => {
                    frame.encode(self.codec, &mut buffer);
                    write(Sent::Message(&buffer));
                }
                Output::SendShared(frame) => {
                    frame.encode(self.codec, &mut buffer);
                    write(Sent::Message(&buffer));
                }
                Output::SendEntries { batch, range } => {
                    let entries = batch.entries[range].iter().map(AsRef::as_ref);
                    encode_entries(self.codec, &batch.conversation, entries, &mut buffer);
                    write(Sent::Message(&buffer));
                }
                Output::SendPulled {
                    conversation,
                    entries,
                } => {
                    let entries = entries.iter().map(AsRef::as_ref);
                    encode_entries(self.codec, &conversation, entries, &mut buffer);
                    write(Sent::Message(&buffer));
                }
                Output::Ping => write(Sent::Ping),
                Output::Close(code) => {
                    self.closing.get_or_insert(Closing { code });
                }
                Output::Conversation(conversation, input) => tells.push((conversation, *input)),
                other => self.carry_out(other),
            }
        }
        for (conversation, input) in tells {
            self.shared.tell(conversation, input);
        }
    }

    /// How the link is to be closed, once it is: after all that was drained is written.
    pub fn closing(&self) -> Option<Closing> {
        self.closing
    }

    fn handle(&mut self, input: Input) {
        self.session.handle(clock::now(), input);
    }

    fn set_timer(&mut self) {
        let now = clock::now();
        let mut deadline = self.session.deadline();
        if self.shared.is_blind() {
            deadline = deadline.min(now.plus(HELD_BACK));
        }
        if deadline != self.timer_at {
            self.timer_at = deadline;
            self.timer
                .as_mut()
                .reset(Instant::now() + deadline.since(now));
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Authenticate { token } => self.spawn(move |shared| async move {
                Input::Authenticated(
                    shared
                        .authenticator
                        .authenticate(&token.0, clock::now())
                        .await,
                )
            }),
            Output::Admit(wish) => {
                self.spawn(
                    move |shared| async move { Input::Admitted(admit(&shared, *wish).await) },
                );
            }
            Output::Opened {
                user,
                device,
                generation,
            } => self.open(user, device, generation),
            Output::Inbox {
                user,
                since,
                cursor,
            } => self.spawn(move |shared| async move {
                let inboxes = &shared.backend.inboxes;
                let page = inboxes
                    .page(&user, since, cursor, INBOX_PAGE, clock::now())
                    .await;
                Input::Inbox(
                    page.inspect_err(|error| tracing::warn!(%user, %error, "inbox"))
                        .ok(),
                )
            }),
            Output::Subscribe(conversations) => self.subscribe(conversations),
            Output::Logout { forget } => self.logout(forget),
            Output::Conversation(conversation, input) => self.shared.tell(conversation, *input),
            Output::Send(_)
            | Output::SendShared(_)
            | Output::SendEntries { .. }
            | Output::SendPulled { .. }
            | Output::Ping
            | Output::Close(_) => {}
        }
    }

    /// Runs a call in a task of its own; its input comes through the mailbox.
    fn spawn<F>(&self, call: impl FnOnce(Arc<Shared>) -> F)
    where
        F: Future<Output = Input> + Send + 'static,
    {
        let future = call(Arc::clone(&self.shared));
        let mailbox = Arc::clone(&self.mailbox);
        tokio::spawn(async move { mailbox.post(future.await) });
    }

    fn open(&mut self, user: UserId, device: Option<DeviceId>, generation: Generation) {
        self.shared.registry.open(
            &user,
            Entry {
                device,
                generation,
                mailbox: Arc::clone(&self.mailbox),
            },
        );
        tracing::info!(session = %self.session.id(), %user, device = device.map(DeviceId::get), "session opened");
        metrics::counter!("messenger_sessions_opened_total").increment(1);
        metrics::gauge!("messenger_sessions").increment(1.0);
        self.shared
            .node
            .push(NodeInput::Changed { user: user.clone() });
        self.opened = Some(Heartbeat {
            user,
            device,
            node: self.shared.node_id,
            generation,
        });
    }

    fn subscribe(&mut self, conversations: Vec<ConversationId>) {
        let Some(opened) = &self.opened else { return };
        self.subscribed = true;
        self.shared.node.push(NodeInput::Subscribe {
            session: self.session.id(),
            user: opened.user.clone(),
            conversations,
        });
    }

    fn logout(&mut self, forget: bool) {
        let Some(opened) = self.opened.clone() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            shared.node.push(NodeInput::LoggedOut {
                user: opened.user.clone(),
            });
            if let (true, Some(device)) = (forget, opened.device) {
                let item = FeedItem::DeviceRevoked {
                    user: opened.user,
                    device,
                };
                if let Err(error) = shared.backend.devices.publish(&item).await {
                    tracing::warn!(%error, "a device that logged out could not be forgotten");
                }
            }
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.mailbox.close();
        self.shared.registry.remove_link(self.session.id());
        if self.subscribed {
            self.shared.node.push(NodeInput::Unsubscribe {
                session: self.session.id(),
            });
        }
        let Some(opened) = self.opened.take() else {
            return;
        };
        self.shared.registry.end(&opened.user, self.session.id());
        tracing::info!(session = %self.session.id(), user = %opened.user, "session closed");
        metrics::gauge!("messenger_sessions").decrement(1.0);
        let shared = Arc::clone(&self.shared);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Presence is advisory: a record that stays runs out by itself.
                let _ = shared.backend.presence.disconnect(&opened).await;
                shared.node.push(NodeInput::Changed { user: opened.user });
            });
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("session", &self.session.id())
            .finish_non_exhaustive()
    }
}

fn decode_json(message: &[u8]) -> Result<ClientFrame, messenger_core::wire::DecodeError> {
    match std::str::from_utf8(message) {
        Ok(text) => ClientFrame::from_json(text),
        Err(_) => Err(messenger_core::wire::DecodeError {
            kind: messenger_core::wire::DecodeErrorKind::Malformed,
            detail: "a text message is UTF-8".to_owned(),
            id: None,
        }),
    }
}
