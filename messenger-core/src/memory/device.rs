//! Devices and standing in memory, and the feed of what changed them.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::{DeviceId, Generation, UserId};
use crate::model::Standing;
use crate::store::{
    DeviceRecord, DeviceStore, FeedItem, FeedPosition, Registered, Registration, StoreResult,
};
use crate::time::Timestamp;

use super::{Memory, entry};

#[async_trait]
impl DeviceStore for Memory {
    async fn register(&self, registration: &Registration) -> StoreResult<Registered> {
        let mut state = self.state();
        let book = entry(&mut state.devices.users, &registration.user);
        if let Some(device) = book.keys.get(&registration.key) {
            return Ok(Registered::Device(*device));
        }
        if book.listed.len() >= registration.limit {
            return Ok(Registered::TooMany(book.list()));
        }
        let device = book.add(registration);
        entry(&mut state.marks, &registration.user).begin(device);
        Ok(Registered::Device(device))
    }

    async fn list(&self, user: &UserId) -> StoreResult<Vec<DeviceRecord>> {
        let state = self.state();
        let book = state.devices.users.get(user);
        Ok(book.map_or_else(Vec::new, DeviceBook::list))
    }

    async fn seen(
        &self,
        user: &UserId,
        device: DeviceId,
        generation: Generation,
        now: Timestamp,
    ) -> StoreResult<()> {
        let mut state = self.state();
        let book = state.devices.users.get_mut(user);
        if let Some(record) = book.and_then(|book| book.listed.get_mut(&device)) {
            record.generation = record.generation.max(generation);
            record.seen = record.seen.max(now);
        }
        Ok(())
    }

    async fn publish(&self, item: &FeedItem) -> StoreResult<FeedPosition> {
        Ok(self.state().devices.publish(item))
    }

    async fn feed(
        &self,
        since: Option<FeedPosition>,
        limit: usize,
    ) -> StoreResult<(Vec<FeedItem>, FeedPosition)> {
        Ok(self.state().devices.feed(since, limit))
    }

    async fn standing(&self, user: &UserId) -> StoreResult<Standing> {
        let state = self.state();
        let book = state.devices.users.get(user);
        Ok(book.map(|book| book.standing.clone()).unwrap_or_default())
    }
}

/// The devices and the standing of all users.
#[derive(Clone, Default)]
pub(super) struct Devices {
    users: BTreeMap<UserId, DeviceBook>,
    feed: Vec<FeedItem>,
}

/// One user's devices and standing.
#[derive(Clone, Default)]
struct DeviceBook {
    /// All registrations that ever were, so that neither a key nor a number is used twice.
    keys: BTreeMap<String, DeviceId>,
    listed: BTreeMap<DeviceId, DeviceRecord>,
    standing: Standing,
}

impl Devices {
    fn publish(&mut self, item: &FeedItem) -> FeedPosition {
        match item {
            FeedItem::DeviceRevoked { user, device } => {
                if let Some(book) = self.users.get_mut(user) {
                    book.listed.remove(device);
                }
            }
            FeedItem::SessionsRevoked { .. } => {}
            FeedItem::Banned { user, banned } => {
                entry(&mut self.users, user).standing.banned = *banned;
            }
            FeedItem::Blocked { by, user, blocked } => {
                let blocks = &mut entry(&mut self.users, by).standing.blocks;
                if *blocked {
                    blocks.insert(user.clone());
                } else {
                    blocks.remove(user);
                }
            }
        }
        self.feed.push(item.clone());
        self.end()
    }

    fn feed(&self, since: Option<FeedPosition>, limit: usize) -> (Vec<FeedItem>, FeedPosition) {
        let Some(since) = since.filter(|since| *since < self.end()) else {
            return (Vec::new(), self.end());
        };
        let from = usize::try_from(since.0).expect("a position below the end fits");
        let items: Vec<_> = self.feed[from..].iter().take(limit).cloned().collect();
        let position = FeedPosition(since.0 + items.len() as u64);
        (items, position)
    }

    fn end(&self) -> FeedPosition {
        FeedPosition(self.feed.len() as u64)
    }
}

impl DeviceBook {
    fn add(&mut self, registration: &Registration) -> DeviceId {
        let device = DeviceId(self.keys.len() as u64 + 1);
        let record = DeviceRecord {
            device,
            name: registration.name.clone(),
            generation: Generation(1),
            registered: registration.now,
            seen: registration.now,
        };
        self.keys.insert(registration.key.clone(), device);
        self.listed.insert(device, record);
        device
    }

    fn list(&self) -> Vec<DeviceRecord> {
        self.listed.values().cloned().collect()
    }
}
