//! Faults of devices, standing and feed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use messenger_core::id::{DeviceId, Generation, UserId};
use messenger_core::model::Standing;
use messenger_core::store::{
    DeviceRecord, DeviceStore, FeedItem, FeedPosition, Registered, Registration, StoreResult,
};
use messenger_core::time::Timestamp;
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    RegistersAnewWithTheSameKey,
    RevokedKeyIsANewDevice,
    LimitIsOneMore,
    LimitCountsRevokedDevices,
    TooManyListsNone,
    IdsAreUsedAgain,
    ListIsSharedByUsers,
    ListLosesNames,
    SeenOverwrites,
    SeenIsLost,
    RevokedStaysListed,
    FeedSkips,
    FeedRepeats,
    FeedIsNewestFirst,
    FeedFromTheEndGivesAll,
    PublishForgetsTheItem,
    BanIsNotApplied,
    BlockIsNeverLifted,
    BlockFallsOnTheBlocked,
    EverybodyIsBanned,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    RegistersAnewWithTheSameKey,
    RevokedKeyIsANewDevice,
    LimitIsOneMore,
    LimitCountsRevokedDevices,
    TooManyListsNone,
    IdsAreUsedAgain,
    ListIsSharedByUsers,
    ListLosesNames,
    SeenOverwrites,
    SeenIsLost,
    RevokedStaysListed,
    FeedSkips,
    FeedRepeats,
    FeedIsNewestFirst,
    FeedFromTheEndGivesAll,
    PublishForgetsTheItem,
    BanIsNotApplied,
    BlockIsNeverLifted,
    BlockFallsOnTheBlocked,
    EverybodyIsBanned,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Devices, ALL, |parts, wrong| {
        let inner = parts.devices.take().expect("memory has it");
        let kept = Mutex::default();
        parts.devices = Some(Arc::new(Devices { inner, wrong, kept }));
    })
}

#[derive(Default)]
struct Kept {
    keys: u64,
    seen: BTreeMap<(UserId, DeviceId), (Generation, Timestamp)>,
    revoked: Vec<(UserId, DeviceRecord)>,
}

struct Devices {
    inner: Arc<dyn DeviceStore>,
    wrong: Wrong,
    kept: Mutex<Kept>,
}

impl Devices {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no fault panics")
    }

    fn holder(&self, user: &UserId) -> UserId {
        match self.wrong {
            ListIsSharedByUsers => messenger_testkit::fixtures::user("everybody"),
            _ => user.clone(),
        }
    }

    fn is_revoked(&self, of: &UserId, id: DeviceId) -> bool {
        let kept = self.kept();
        let mut revoked = kept.revoked.iter();
        revoked.any(|(user, record)| user == of && record.device == id)
    }
}

#[async_trait]
impl DeviceStore for Devices {
    async fn register(&self, registration: &Registration) -> StoreResult<Registered> {
        let mut registration = registration.clone();
        registration.user = self.holder(&registration.user);
        match self.wrong {
            RegistersAnewWithTheSameKey => {
                let mut kept = self.kept();
                kept.keys += 1;
                registration.key = format!("{}-{}", registration.key, kept.keys);
            }
            LimitIsOneMore => registration.limit += 1,
            LimitCountsRevokedDevices => {
                let revoked = self.kept().revoked.len();
                registration.limit = registration.limit.saturating_sub(revoked);
            }
            _ => {}
        }
        let mut outcome = self.inner.register(&registration).await?;
        match (self.wrong, &mut outcome) {
            (RevokedKeyIsANewDevice, Registered::Device(device))
                if self.is_revoked(&registration.user, *device) =>
            {
                registration.key.push_str("-anew");
                outcome = self.inner.register(&registration).await?;
            }
            (IdsAreUsedAgain, Registered::Device(device)) => {
                let listed = self.inner.list(&registration.user).await?;
                *device = DeviceId(listed.len().max(1) as u64);
            }
            (TooManyListsNone, Registered::TooMany(listed)) => listed.clear(),
            _ => {}
        }
        Ok(outcome)
    }

    async fn list(&self, user: &UserId) -> StoreResult<Vec<DeviceRecord>> {
        let mut listed = self.inner.list(&self.holder(user)).await?;
        let kept = self.kept();
        match self.wrong {
            ListLosesNames => {
                for record in &mut listed {
                    record.name = None;
                }
            }
            SeenOverwrites => {
                for record in &mut listed {
                    if let Some(seen) = kept.seen.get(&(user.clone(), record.device)) {
                        (record.generation, record.seen) = *seen;
                    }
                }
            }
            RevokedStaysListed => {
                let revoked = kept.revoked.iter().filter(|(of, _)| of == user);
                listed.extend(revoked.map(|(_, record)| record.clone()));
            }
            _ => {}
        }
        Ok(listed)
    }

    async fn seen(
        &self,
        user: &UserId,
        device: DeviceId,
        generation: Generation,
        now: Timestamp,
    ) -> StoreResult<()> {
        let key = (user.clone(), device);
        self.kept().seen.insert(key, (generation, now));
        if self.wrong == SeenIsLost {
            return Ok(());
        }
        self.inner.seen(user, device, generation, now).await
    }

    async fn publish(&self, item: &FeedItem) -> StoreResult<FeedPosition> {
        if let FeedItem::DeviceRevoked { user, device } = item {
            let listed = self.inner.list(user).await?;
            let record = listed.into_iter().find(|record| record.device == *device);
            let record = record.map(|record| (user.clone(), record));
            self.kept().revoked.extend(record);
        }
        if self.wrong == PublishForgetsTheItem {
            let (_, end) = self.inner.feed(None, 1).await?;
            return Ok(end);
        }
        self.inner.publish(item).await
    }

    async fn feed(
        &self,
        since: Option<FeedPosition>,
        limit: usize,
    ) -> StoreResult<(Vec<FeedItem>, FeedPosition)> {
        let since = match (self.wrong, since) {
            (FeedFromTheEndGivesAll, None) => Some(FeedPosition(0)),
            (_, since) => since,
        };
        let (mut items, at) = self.inner.feed(since, limit).await?;
        match self.wrong {
            FeedSkips if items.len() > 2 => {
                items.remove(1);
            }
            FeedRepeats if items.len() > 1 => {
                let again = items[0].clone();
                items.insert(1, again);
            }
            FeedIsNewestFirst => items.reverse(),
            _ => {}
        }
        Ok((items, at))
    }

    async fn standing(&self, user: &UserId) -> StoreResult<Standing> {
        let mut standing = self.inner.standing(user).await?;
        match self.wrong {
            BanIsNotApplied => standing.banned = false,
            EverybodyIsBanned => standing.banned = true,
            BlockIsNeverLifted | BlockFallsOnTheBlocked => {
                let (items, _) = self.inner.feed(Some(FeedPosition(0)), 1000).await?;
                for item in items {
                    let FeedItem::Blocked { by, user: whom, .. } = item else {
                        continue;
                    };
                    if self.wrong == BlockIsNeverLifted && by == *user {
                        standing.blocks.insert(whom);
                    } else if self.wrong == BlockFallsOnTheBlocked && whom == *user {
                        standing.blocks.insert(by);
                    }
                }
            }
            _ => {}
        }
        Ok(standing)
    }
}
