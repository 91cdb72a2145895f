//! A step on the state: reads and writes that nobody comes between, in one record.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use messenger_core::id::ConversationId;

use super::slots::{Slot, Slots};
use super::{Value, indexed};
use crate::fault::Fault;
use crate::index::{Index, Table};
use crate::keys::Key;
use crate::log::{Log, Stream};
use crate::record::{put_changes, put_moved};

/// Bytes reserved for a record at first.
const RECORD_BYTES: usize = 256;

/// A step under way; what it writes exists only once it is committed.
pub(crate) struct Transaction<'a> {
    index: &'a Arc<dyn Index>,
    slots: MutexGuard<'a, Slots>,
    puts: BTreeMap<Key, Option<Value>>,
    /// The newest cycle of anything that was read.
    seen: u64,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(index: &'a Arc<dyn Index>, slots: MutexGuard<'a, Slots>) -> Transaction<'a> {
        Transaction {
            index,
            slots,
            puts: BTreeMap::new(),
            seen: 0,
        }
    }

    /// The value of a key, with what this step has written.
    pub(crate) fn get(&mut self, key: &[u8]) -> Result<Option<Value>, Fault> {
        if let Some(put) = self.puts.get(key) {
            return Ok(put.clone());
        }
        if let Some(slot) = self.slots.get(key) {
            self.seen = self.seen.max(slot.cycle);
            return Ok(slot.value.clone());
        }
        let slot = match self.index.get(Table::Small, key)? {
            None => Slot::read(None, 0),
            Some(bytes) => {
                let (value, at) = indexed(&bytes)?;
                Slot::read(Some(value), at)
            }
        };
        let value = slot.value.clone();
        self.slots.set(key, slot);
        Ok(value)
    }

    pub(crate) fn put(&mut self, key: Key, value: impl Into<Value>) {
        self.puts.insert(key, Some(value.into()));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.puts.insert(key, None);
    }

    /// Writes the step to the log. Answers the cycle to wait for: of what it wrote, or else of what it read.
    pub(crate) fn commit(
        mut self,
        log: &Log,
        bumps: &[(ConversationId, u64)],
    ) -> Result<u64, Fault> {
        if self.puts.is_empty() && bumps.is_empty() {
            return Ok(self.seen);
        }
        let mut batch = log.batch(Stream::State, RECORD_BYTES);
        let puts = self
            .puts
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()));
        let located = batch.record(|out| put_changes(out, bumps, puts), |_| ());
        let submitted = log.submit(Stream::State, &batch)?;
        for (key, value) in std::mem::take(&mut self.puts) {
            self.slots.set(
                &key,
                Slot::written(value, submitted.at + located.at, submitted.cycle),
            );
        }
        Ok(submitted.cycle.max(self.seen))
    }

    /// Copies those of `keys` whose record lies at `at`, hence still counts, to the end of the log. Answers the cycle and
    /// how many.
    pub(crate) fn relocate(
        mut self,
        log: &Log,
        at: u64,
        keys: &[&[u8]],
    ) -> Result<(u64, usize), Fault> {
        let mut live = Vec::new();
        for key in keys {
            if self.position_of(key)? == Some(at)
                && let Some(value) = self.get(key)?
            {
                live.push((*key, value));
            }
        }
        if live.is_empty() {
            return Ok((0, 0));
        }
        let mut batch = log.batch(Stream::State, RECORD_BYTES);
        let puts = live.iter().map(|(key, value)| (*key, Some(&**value)));
        let located = batch.record(|out| put_moved(out, puts), |_| ());
        let submitted = log.submit(Stream::State, &batch)?;
        let count = live.len();
        for (key, value) in live {
            self.slots.set(
                key,
                Slot::written(Some(value), submitted.at + located.at, submitted.cycle),
            );
        }
        Ok((submitted.cycle, count))
    }

    /// Where the record of a key lies, without keeping it in memory.
    fn position_of(&self, key: &[u8]) -> Result<Option<u64>, Fault> {
        if let Some(slot) = self.slots.peek(key) {
            return Ok(slot.value.as_ref().map(|_| slot.at));
        }
        match self.index.get(Table::Small, key)? {
            None => Ok(None),
            Some(bytes) => Ok(Some(indexed(&bytes)?.1)),
        }
    }
}
