//! An index in memory that a crash cuts back to a prefix of its batches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Go, Index, IndexError, Item, Table, Visit};
use crate::file::sim::SplitMix;

type Map = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// The simulated index. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimIndex {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    synced: Map,
    now: Map,
    unsynced: Vec<Vec<Item>>,
}

impl SimIndex {
    /// The power fails: what was synced stays, and of the rest a prefix chosen by `seed`.
    pub(crate) fn crash(&self, seed: u64) {
        let mut inner = self.inner();
        let keep = SplitMix(seed).next() as usize % (inner.unsynced.len() + 1);
        let mut left = std::mem::take(&mut inner.synced);
        for batch in inner.unsynced.drain(..).take(keep) {
            write(&mut left, batch);
        }
        inner.unsynced.clear();
        inner.synced = left.clone();
        inner.now = left;
    }

    /// Forgets everything, like a folder that was deleted.
    pub(crate) fn clear(&self) {
        *self.inner() = Inner::default();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics inside the index")
    }
}

impl Index for SimIndex {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.inner().now.get(&(table, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        backwards: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), IndexError> {
        let range = (table, from.to_vec())..=(table, to.to_vec());
        let mut items: Vec<_> = self
            .inner()
            .now
            .range(range)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        if backwards {
            items.reverse();
        }
        for (key, value) in items {
            if visit(&key, &value) == Go::Stop {
                break;
            }
        }
        Ok(())
    }

    fn apply(&self, items: Vec<Item>) -> Result<(), IndexError> {
        let mut inner = self.inner();
        write(&mut inner.now, items.clone());
        inner.unsynced.push(items);
        Ok(())
    }

    fn sync(&self) -> Result<(), IndexError> {
        let mut inner = self.inner();
        inner.unsynced.clear();
        inner.synced = inner.now.clone();
        Ok(())
    }
}

fn write(map: &mut Map, items: Vec<Item>) {
    for item in items {
        match item.value {
            Some(value) => map.insert((item.table, item.key), value),
            None => map.remove(&(item.table, item.key)),
        };
    }
}
