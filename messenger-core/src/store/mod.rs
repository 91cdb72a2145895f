//! The store traits: what a back end promises, split by the consistency it needs.
//!
//! ```text
//!   MessageStore       an ordered log, appended by compare-and-set        the truth
//!   ReceiptStore       max-registers                                      idempotent, commutative
//!   ConversationStore  a snapshot that may lag                            saves work
//!   InboxStore         which conversations changed; settings by version
//!   DeviceStore        devices, bans, blocks, one durable feed
//!   RetentionStore     what is due, by day
//!   PresenceStore      leases, the higher generation wins                 may be lost
//!   Broker             hints between nodes, at most once                  may be lost
//!   Accounts           credentials and people;  Authenticator, Policy: the integrator's hooks
//! ```
//!
//! Each method's `# Contract` bullets name clauses of the delivery contract; each bullet has a conformance case of the same
//! name in `messenger-testkit`. Time is an argument wherever it matters, so no case needs to sleep.

pub(crate) mod account;
pub(crate) mod backend;
pub(crate) mod broker;
pub(crate) mod conversation;
pub(crate) mod device;
pub(crate) mod hooks;
pub(crate) mod inbox;
pub(crate) mod message;
pub(crate) mod presence;
pub(crate) mod receipt;
pub(crate) mod retention;

pub use account::{Account, Accounts, NewAccount, TokenDigest, TokenRecord};
pub use backend::Backend;
pub use broker::{Broker, Subscription};
pub use conversation::ConversationStore;
pub use device::{DeviceRecord, DeviceStore, FeedItem, FeedPosition, Registered, Registration};
pub use hooks::{AllowAll, Authenticator, Policy, Verdict};
pub use inbox::{InboxStore, PutSetting};
pub use message::{AppendOutcome, Found, LogHead, MessageStore, ReadLimit};
pub use presence::{Connected, Heartbeat, NODE_LEASE, PresenceStore};
pub use receipt::ReceiptStore;
pub use retention::{Due, RetentionStore};

pub use crate::model::{AuthError, InboxCursor, InboxPage, InboxRow, Principal, Since};

use crate::error::StoreError;
use crate::id::Epoch;

/// The result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// How durable an acknowledged write is (LOG-4); it stands in `welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// In this process: gone when it ends.
    Memory,
    /// In the operating system: survives the process, not the machine.
    Process,
    /// Synced to disk.
    Disk,
    /// On a quorum of machines.
    Quorum,
}

impl Durability {
    /// The name that `welcome` carries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Process => "process",
            Self::Disk => "disk",
            Self::Quorum => "quorum",
        }
    }
}

/// What a store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// Changes only when acknowledged state was lost (RES-3).
    pub epoch: Epoch,
    /// How durable an acknowledged write is.
    pub durability: Durability,
}
