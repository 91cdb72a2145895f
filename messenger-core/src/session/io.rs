//! What goes into the session machine and what comes out of it.

use std::sync::Arc;
use std::time::Duration;

use crate::conversation::{Batch, Pulled};
use crate::id::{ConversationId, DeviceId, Generation, UserId};
use crate::model::{AuthError, InboxCursor, InboxPage, Principal, Since};
use crate::wire::{ClientFrame, CloseCode, Code, DecodeError, ServerFrame};
use crate::{conversation, time::Timestamp};

/// What the machine is told.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an input is moved once, from its queue into the machine"
)]
pub enum Input {
    /// A sign of life that is no frame.
    Heard,
    /// A message from the link.
    Received {
        /// The frame, or why it is none.
        frame: Result<Box<ClientFrame>, DecodeError>,
        /// Its length in bytes.
        bytes: usize,
    },
    /// Who the token stands for.
    Authenticated(Result<Principal, AuthError>),
    /// Whether the device may connect.
    Admitted(Result<Admission, Refusal>),
    /// A page of the inbox; `None` when the store did not answer.
    Inbox(Option<InboxPage>),
    /// The answer to a pull.
    Pulled(Pulled),
    /// Entries pushed by a conversation.
    Push(Arc<Batch>),
    /// An answer to this session.
    Frame(ServerFrame),
    /// Something that concerns all sessions of the user.
    Tell(Arc<ServerFrame>),
    /// Pushes were dropped because the session's queue was full.
    Lagged,
    /// Pushes may have been lost between nodes.
    Recheck,
    /// The node is about to stop.
    Goaway {
        /// When to come back.
        retry_after: Duration,
    },
    /// The link must end: revoked, banned, replaced.
    Close(CloseCode),
    /// The deadline has passed.
    Tick,
}

/// What the machine wants done.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an output is moved once, from the machine to the link"
)]
pub enum Output {
    /// Send a frame.
    Send(ServerFrame),
    /// Send a frame that other sessions get too.
    SendShared(Arc<ServerFrame>),
    /// Send entries of a batch, from the first index to the last one, exclusive.
    SendEntries {
        /// The batch.
        batch: Arc<Batch>,
        /// Which of its entries.
        range: std::ops::Range<usize>,
    },
    /// Send entries that were pulled.
    SendPulled {
        /// Where.
        conversation: ConversationId,
        /// The entries.
        entries: Vec<Arc<crate::wire::EncodedEntry>>,
    },
    /// Ask on the transport whether the peer is there.
    Ping,
    /// Close the link with this code.
    Close(CloseCode),
    /// Ask the authenticator.
    Authenticate {
        /// The token.
        token: Token,
    },
    /// Ask whether the device may connect: standing, registration, presence.
    Admit(Box<Admit>),
    /// The session is open: from now on pushes for the user come here.
    Opened {
        /// Whose.
        user: UserId,
        /// Which device.
        device: Option<DeviceId>,
        /// With which generation.
        generation: Generation,
    },
    /// Read a page of the inbox.
    Inbox {
        /// Whose.
        user: UserId,
        /// What changed since.
        since: Option<Since>,
        /// Where the page begins.
        cursor: Option<InboxCursor>,
    },
    /// Tell a conversation.
    Conversation(ConversationId, Box<conversation::Input>),
    /// Follow the presence of the members of these conversations, and of no others.
    Subscribe(Vec<ConversationId>),
    /// The session ended by itself.
    Logout {
        /// Also unregister the device.
        forget: bool,
    },
}

/// A token, never shown (SEC-6).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A device that wants to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// Whose.
    pub user: UserId,
    /// The registered device.
    pub device: Option<DeviceId>,
    /// The key under which a new device is registered.
    pub register: Option<String>,
    /// What a new device is called.
    pub name: Option<String>,
    /// The session's generation.
    pub generation: Generation,
}

/// A device that may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Its number; `None` for a transient session.
    pub device: Option<DeviceId>,
    /// The generation that holds.
    pub generation: Generation,
    /// When it was admitted.
    pub at: Timestamp,
}

/// Why a device may not connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: Code,
    /// `generation_stale`: the highest generation seen.
    pub current: Option<Generation>,
    /// `too_many_devices`: the registered ones.
    pub devices: Vec<DeviceId>,
}
