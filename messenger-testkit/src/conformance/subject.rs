//! What is under test: a back end that can be opened afresh, and perhaps again.

use std::fmt;
use std::sync::Arc;

use messenger_core::store::{
    Accounts, Backend, Broker, ConversationStore, DeviceStore, InboxStore, MessageStore,
    PresenceStore, ReceiptStore, RetentionStore,
};

use crate::exec::{self, BoxFuture};

/// Why a store could not be opened: the case fails with it.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

/// A back end under test.
pub trait Subject: Send + Sync + 'static {
    /// Opens an empty store that nothing else uses, under an epoch of its own.
    ///
    /// # Errors
    /// When it cannot be opened. A server that cannot be reached is an error, so that the case fails.
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>>;

    /// What the back end offers. A case that needs more shows as ignored. By default all stores, without opening again.
    fn offers(&self) -> Vec<Need> {
        Need::STORES.to_vec()
    }

    /// Runs a case to its end; a store that needs a runtime does it there. Cases call it from several threads at once.
    fn block_on(&self, case: BoxFuture<'_, ()>) {
        exec::block_on(case);
    }
}

/// One store, opened for one case. Whatever has to live as long (a folder, a connection) belongs in it.
pub trait Instance: Send + Sync {
    /// The stores of it.
    fn parts(&self) -> Parts;

    /// Ends the store in this way and opens it again. The case has dropped all [`Parts`] before.
    ///
    /// # Errors
    /// When it cannot be opened again, or cannot end so; then [`Subject::offers`] must not name [`Need::Reopen`].
    fn open_again(&mut self, ending: Ending) -> BoxFuture<'_, Result<(), OpenError>> {
        Box::pin(
            async move { Err(format!("this store cannot be opened again when {ending}").into()) },
        )
    }
}

/// A back end without anything to clean up is its own instance.
impl Instance for Backend {
    fn parts(&self) -> Parts {
        Parts::from(self.clone())
    }
}

/// The stores of a back end that a case may use.
#[derive(Clone, Default)]
pub struct Parts {
    /// The logs.
    pub messages: Option<Arc<dyn MessageStore>>,
    /// Marks and overlays.
    pub receipts: Option<Arc<dyn ReceiptStore>>,
    /// Snapshots.
    pub conversations: Option<Arc<dyn ConversationStore>>,
    /// Lists of conversations, settings.
    pub inboxes: Option<Arc<dyn InboxStore>>,
    /// Devices, bans, blocks.
    pub devices: Option<Arc<dyn DeviceStore>>,
    /// What is due for erasing.
    pub retention: Option<Arc<dyn RetentionStore>>,
    /// Who is live.
    pub presence: Option<Arc<dyn PresenceStore>>,
    /// Frames between nodes.
    pub broker: Option<Arc<dyn Broker>>,
    /// Accounts.
    pub accounts: Option<Arc<dyn Accounts>>,
}

impl From<Backend> for Parts {
    fn from(backend: Backend) -> Self {
        Self {
            messages: Some(backend.messages),
            receipts: Some(backend.receipts),
            conversations: Some(backend.conversations),
            inboxes: Some(backend.inboxes),
            devices: Some(backend.devices),
            retention: Some(backend.retention),
            presence: Some(backend.presence),
            broker: Some(backend.broker),
            accounts: backend.accounts,
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// What a case needs of a back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A [`MessageStore`].
    Messages,
    /// A [`ReceiptStore`].
    Receipts,
    /// A [`ConversationStore`].
    Conversations,
    /// An [`InboxStore`].
    Inboxes,
    /// A [`DeviceStore`].
    Devices,
    /// A [`RetentionStore`].
    Retention,
    /// A [`PresenceStore`].
    Presence,
    /// A [`Broker`].
    Broker,
    /// [`Accounts`].
    Accounts,
    /// What was acknowledged is there after this ending and opening again.
    Reopen(Ending),
}

impl Need {
    /// All stores, without opening again.
    pub const STORES: &'static [Self] = &[
        Self::Messages,
        Self::Receipts,
        Self::Conversations,
        Self::Inboxes,
        Self::Devices,
        Self::Retention,
        Self::Presence,
        Self::Broker,
        Self::Accounts,
    ];
}

/// How a store ends before it is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// In good order.
    Closed,
    /// At once, and whatever was not durable is lost.
    Crashed,
}

impl Ending {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Closed, Self::Crashed];
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Crashed => "crashed",
        })
    }
}
