//! Mocks of the store traits and of the integrator's hooks, by mockall, for unit tests of code that uses them.
//!
//! A test says which calls it expects and what they answer; `examples/mocked` shows it.

pub use crate::store::account::MockAccounts;
pub use crate::store::broker::MockBroker;
pub use crate::store::conversation::MockConversationStore;
pub use crate::store::device::MockDeviceStore;
pub use crate::store::hooks::{MockAuthenticator, MockPolicy};
pub use crate::store::inbox::MockInboxStore;
pub use crate::store::message::MockMessageStore;
pub use crate::store::presence::MockPresenceStore;
pub use crate::store::receipt::MockReceiptStore;
pub use crate::store::retention::MockRetentionStore;
