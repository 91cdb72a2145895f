//! Devices, and the durable feed of revocations, bans and blocks (SEC-4).

use async_trait::async_trait;

use crate::id::{DeviceId, UserId};
use crate::model::Standing;
use crate::time::Timestamp;

use super::StoreResult;

/// The devices and the standing of all users.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DeviceStore: Send + Sync + 'static {
    /// Registers a device under a random key of the client, once per key: the key of a revoked device answers that device,
    /// and it stays revoked. Durable when it returns.
    ///
    /// In the same step the device's `acked` begins at the user's `delivered` in each conversation (MARK-4): a
    /// [`ReceiptStore`](super::ReceiptStore) of the same back end answers so from then on.
    ///
    /// # Contract
    /// - `a_registration_repeated_with_its_key_is_the_same_device` (contract 1, Device)
    /// - `device_ids_are_never_used_twice` (contract 1, Device)
    /// - `at_the_limit_the_devices_are_listed` (BP-4)
    /// - `a_new_devices_acked_begins_at_delivered` (MARK-4)
    /// - `an_acknowledged_registration_is_there_after_opening_again` (MARK-4, contract 1, Device)
    async fn register(&self, registration: &Registration) -> StoreResult<Registered>;

    /// The registered devices of a user.
    ///
    /// # Contract
    /// - `registered_devices_are_listed_until_revoked` (SEC-4)
    async fn list(&self, user: &UserId) -> StoreResult<Vec<DeviceRecord>>;

    /// Notes that a device was live at `now` with this generation; never lowers either.
    ///
    /// # Contract
    /// - `seen_never_goes_back` (PRES-3)
    async fn seen(
        &self,
        user: &UserId,
        device: DeviceId,
        generation: crate::id::Generation,
        now: Timestamp,
    ) -> StoreResult<()>;

    /// Appends to the feed, durably, and applies it: a revoked device is no longer listed, a standing changes.
    ///
    /// # Contract
    /// - `a_published_item_is_in_the_feed` (SEC-4)
    /// - `a_revoked_device_is_no_longer_listed` (SEC-4)
    /// - `bans_and_blocks_change_the_standing` (SEC-4, LIFE-4)
    /// - `an_acknowledged_item_is_there_after_opening_again` (SEC-4)
    async fn publish(&self, item: &FeedItem) -> StoreResult<FeedPosition>;

    /// The items after a position, oldest first; from the present end when `since` is `None` (then without items).
    ///
    /// # Contract
    /// - `the_feed_is_read_in_order_without_holes` (SEC-4)
    async fn feed(
        &self,
        since: Option<FeedPosition>,
        limit: usize,
    ) -> StoreResult<(Vec<FeedItem>, FeedPosition)>;

    /// Bans and blocks of a user as of now.
    ///
    /// # Contract
    /// - `a_user_never_mentioned_is_in_good_standing` (SEC-4)
    async fn standing(&self, user: &UserId) -> StoreResult<Standing>;
}

/// A device that wants to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Whose.
    pub user: UserId,
    /// The random key that the client stored first.
    pub key: String,
    /// What it is called in lists of devices.
    pub name: Option<String>,
    /// The most devices of a user.
    pub limit: usize,
    /// When.
    pub now: Timestamp,
}

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The device, new or known by its key.
    Device(DeviceId),
    /// The user has as many as the limit allows: these.
    TooMany(Vec<DeviceRecord>),
}

/// A registered device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its number.
    pub device: DeviceId,
    /// Its name for display.
    pub name: Option<String>,
    /// The highest generation it was seen with; 1 at its registration.
    pub generation: crate::id::Generation,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it last was seen.
    pub seen: Timestamp,
}

/// One item of the durable feed.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[non_exhaustive]
pub enum FeedItem {
    /// A device is no longer registered.
    #[n(0)]
    DeviceRevoked {
        /// Whose.
        #[n(0)]
        user: UserId,
        /// Which.
        #[n(1)]
        device: DeviceId,
    },
    /// All sessions of a user end; the devices stay registered.
    #[n(1)]
    SessionsRevoked {
        /// Whose.
        #[n(0)]
        user: UserId,
    },
    /// A user may, or may not, connect.
    #[n(2)]
    Banned {
        /// Who.
        #[n(0)]
        user: UserId,
        /// True bans, false lifts it.
        #[n(1)]
        banned: bool,
    },
    /// A user blocks another, or no longer.
    #[n(3)]
    Blocked {
        /// Who blocks.
        #[n(0)]
        by: UserId,
        /// Who is blocked.
        #[n(1)]
        user: UserId,
        /// True blocks, false lifts it.
        #[n(2)]
        blocked: bool,
    },
}

/// A position in the feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub u64);
