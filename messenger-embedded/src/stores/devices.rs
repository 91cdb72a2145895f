//! Devices, standing and the feed as `DeviceStore`.
//!
//! ```text
//!   D user    book: registration keys, listed devices, standing       one value, one step
//!   F n       the nth item of the feed          f    how many there are
//! ```

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use messenger_core::id::{DeviceId, Generation, UserId};
use messenger_core::model::{Position, Standing, UserMarks};
use messenger_core::store::{
    DeviceRecord, DeviceStore, FeedItem, FeedPosition, Registered, Registration, StoreResult,
};
use messenger_core::time::Timestamp;

use super::{Stores, from_cbor, to_cbor};
use crate::bytes::{Malformed, Put, Take};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::keys;
use crate::state::Transaction;

#[async_trait]
impl DeviceStore for Stores {
    async fn register(&self, registration: &Registration) -> StoreResult<Registered> {
        self.step("register", |engine| register(engine, registration))
            .await
    }

    async fn list(&self, user: &UserId) -> StoreResult<Vec<DeviceRecord>> {
        self.step("list", |engine| {
            let mut state = engine.state.begin();
            let listed = book(&mut state, user)?.list();
            Ok((listed, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn seen(
        &self,
        user: &UserId,
        device: DeviceId,
        generation: Generation,
        now: Timestamp,
    ) -> StoreResult<()> {
        self.step("seen", |engine| {
            let mut state = engine.state.begin();
            let mut book = book(&mut state, user)?;
            if let Some(record) = book.listed.get_mut(&device) {
                record.generation = record.generation.max(generation);
                record.seen = record.seen.max(now);
                state.put(keys::devices(user), book.encode());
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn publish(&self, item: &FeedItem) -> StoreResult<FeedPosition> {
        self.step("publish", |engine| {
            let mut state = engine.state.begin();
            apply(&mut state, item)?;
            let position = feed_end(&mut state)? + 1;
            state.put(keys::feed_item(position), to_cbor(item));
            state.put(keys::feed_end(), to_cbor(&position));
            Ok((FeedPosition(position), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn feed(
        &self,
        since: Option<FeedPosition>,
        limit: usize,
    ) -> StoreResult<(Vec<FeedItem>, FeedPosition)> {
        self.step("feed", |engine| {
            let mut state = engine.state.begin();
            let end = feed_end(&mut state)?;
            let Some(FeedPosition(since)) = since.filter(|since| since.0 < end) else {
                return Ok((
                    (Vec::new(), FeedPosition(end)),
                    state.commit(&engine.log, &[])?,
                ));
            };
            let last = end.min(since.saturating_add(limit as u64));
            let mut items = Vec::with_capacity((last - since) as usize);
            for position in since + 1..=last {
                let value = state
                    .get(&keys::feed_item(position))?
                    .ok_or(Malformed("feed"))?;
                items.push(from_cbor(&value, "item of the feed")?);
            }
            Ok(((items, FeedPosition(last)), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn standing(&self, user: &UserId) -> StoreResult<Standing> {
        self.step("standing", |engine| {
            let mut state = engine.state.begin();
            let standing = book(&mut state, user)?.standing;
            Ok((standing, state.commit(&engine.log, &[])?))
        })
        .await
    }
}

/// Registers a device; its `acked` begins at the user's `delivered` in each conversation, in the same record (MARK-4).
fn register(engine: &Engine, registration: &Registration) -> Result<(Registered, u64), Fault> {
    let user = &registration.user;
    let (mut marks, mut cycle) = engine.state.under(&keys::marks_of(user))?;
    let mut state = engine.state.begin();
    let mut book = book(&mut state, user)?;
    if let Some(device) = book.keys.get(&registration.key) {
        return Ok((Registered::Device(*device), state.commit(&engine.log, &[])?));
    }
    if book.listed.len() >= registration.limit {
        return Ok((
            Registered::TooMany(book.list()),
            state.commit(&engine.log, &[])?,
        ));
    }
    let device = book.add(registration);
    state.put(keys::devices(user), book.encode());
    for (key, value) in &mut marks {
        // The mark may have risen since the list was made.
        if let Some(newer) = state.get(key)? {
            *value = newer;
        }
        let marks: UserMarks = from_cbor(value, "marks")?;
        let conversation = keys::last_part(key).ok_or(Malformed("marks"))?;
        let conversation = Take::conversation_from(conversation)?;
        if marks.delivered.seq.get() > 0 {
            state.put(
                keys::acked(user, device, &conversation),
                to_cbor::<Position>(&marks.delivered),
            );
        }
    }
    cycle = cycle.max(state.commit(&engine.log, &[])?);
    Ok((Registered::Device(device), cycle))
}

/// Applies an item of the feed to the user whom it changes.
fn apply(state: &mut Transaction<'_>, item: &FeedItem) -> Result<(), Fault> {
    let user = match item {
        FeedItem::DeviceRevoked { user, .. } | FeedItem::Banned { user, .. } => user,
        FeedItem::Blocked { by, .. } => by,
        _ => return Ok(()),
    };
    let mut book = book(state, user)?;
    match item {
        FeedItem::DeviceRevoked { device, .. } => drop(book.listed.remove(device)),
        FeedItem::Banned { banned, .. } => book.standing.banned = *banned,
        FeedItem::Blocked {
            user,
            blocked: true,
            ..
        } => drop(book.standing.blocks.insert(user.clone())),
        FeedItem::Blocked {
            user,
            blocked: false,
            ..
        } => drop(book.standing.blocks.remove(user)),
        _ => {}
    }
    state.put(keys::devices(user), book.encode());
    Ok(())
}

/// All that is known of a user's devices, and the user's standing.
#[derive(Debug, Default)]
struct Book {
    keys: BTreeMap<String, DeviceId>,
    listed: BTreeMap<DeviceId, DeviceRecord>,
    standing: Standing,
}

impl Book {
    /// Lists a new device. Ids are counted over all keys ever seen, so none is used twice.
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

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.put_varint(self.keys.len() as u64);
        for (key, device) in &self.keys {
            bytes.put_text(key);
            bytes.put_varint(device.get());
        }
        bytes.put_varint(self.listed.len() as u64);
        for record in self.listed.values() {
            bytes.put_varint(record.device.get());
            bytes.put_u8(record.name.is_some().into());
            bytes.put_text(record.name.as_deref().unwrap_or_default());
            bytes.put_varint(record.generation.get());
            bytes.put_u64(record.registered.get());
            bytes.put_u64(record.seen.get());
        }
        bytes.put_u8(self.standing.banned.into());
        bytes.put_varint(self.standing.blocks.len() as u64);
        self.standing
            .blocks
            .iter()
            .for_each(|user| bytes.put_text(user.as_str()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Book, Malformed> {
        let mut take = Take::new(bytes);
        let mut book = Book::default();
        for _ in 0..take.varint()? {
            let key = take.text()?.to_owned();
            book.keys.insert(key, DeviceId(take.varint()?));
        }
        for _ in 0..take.varint()? {
            let device = DeviceId(take.varint()?);
            let named = take.u8()? != 0;
            let name = take.text()?.to_owned();
            let record = DeviceRecord {
                device,
                name: named.then_some(name),
                generation: Generation(take.varint()?),
                registered: Timestamp(take.u64()?),
                seen: Timestamp(take.u64()?),
            };
            book.listed.insert(device, record);
        }
        let banned = take.u8()? != 0;
        let blocks = (0..take.varint()?)
            .map(|_| take.user())
            .collect::<Result<BTreeSet<_>, _>>()?;
        book.standing = Standing { banned, blocks };
        Ok(book)
    }
}

fn book(state: &mut Transaction<'_>, user: &UserId) -> Result<Book, Fault> {
    match state.get(&keys::devices(user))? {
        None => Ok(Book::default()),
        Some(value) => Ok(Book::decode(&value)?),
    }
}

fn feed_end(state: &mut Transaction<'_>) -> Result<u64, Fault> {
    match state.get(&keys::feed_end())? {
        None => Ok(0),
        Some(value) => Ok(from_cbor(&value, "end of the feed")?),
    }
}
