//! One back end: a plain struct of trait objects, mixable with `..`.

use std::fmt;
use std::sync::Arc;

use super::{
    Accounts, Broker, ConversationStore, DeviceStore, InboxStore, MessageStore, PresenceStore,
    ReceiptStore, RetentionStore,
};

/// The stores that a hub runs on. A capability that a back end lacks is `None`.
///
/// `Backend { presence, broker, ..embedded }` takes presence and broker from one back end and the rest from another.
#[derive(Clone)]
pub struct Backend {
    /// The logs.
    pub messages: Arc<dyn MessageStore>,
    /// Marks and overlays.
    pub receipts: Arc<dyn ReceiptStore>,
    /// Snapshots of members and policy.
    pub conversations: Arc<dyn ConversationStore>,
    /// Lists of conversations, settings.
    pub inboxes: Arc<dyn InboxStore>,
    /// Devices, bans, blocks.
    pub devices: Arc<dyn DeviceStore>,
    /// What is due for erasing.
    pub retention: Arc<dyn RetentionStore>,
    /// Who is live.
    pub presence: Arc<dyn PresenceStore>,
    /// Frames between nodes.
    pub broker: Arc<dyn Broker>,
    /// Accounts of the embedded identity service.
    pub accounts: Option<Arc<dyn Accounts>>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("info", &self.messages.info())
            .finish_non_exhaustive()
    }
}
