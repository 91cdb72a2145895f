//! The part of the state that is in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::Value;
use crate::keys::Key;
use crate::log::Lsn;

/// Slots in memory; above it those that were not used since the last sweep go.
pub(crate) const MAX_SLOTS: usize = 200_000;

/// Slots that one sweep looks at.
const SWEEP_SLOTS: usize = 4_096;

/// A value in memory.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) value: Option<Value>,
    /// Where its record lies.
    pub(super) at: Lsn,
    /// The cycle that makes it durable.
    pub(super) cycle: u64,
    /// Not yet in the index.
    pub(super) dirty: bool,
    used: bool,
}

impl Slot {
    pub(super) fn written(value: Option<Value>, at: Lsn, cycle: u64) -> Slot {
        Slot {
            value,
            at,
            cycle,
            dirty: true,
            used: true,
        }
    }

    pub(super) fn read(value: Option<Value>, at: Lsn) -> Slot {
        Slot {
            value,
            at,
            cycle: 0,
            dirty: false,
            used: true,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    map: BTreeMap<Key, Slot>,
    /// The keys of the dirty slots, each once.
    pub(super) dirty: Vec<Key>,
    swept: Key,
}

impl Slots {
    pub(super) fn get(&mut self, key: &[u8]) -> Option<&Slot> {
        let slot = self.map.get_mut(key)?;
        slot.used = true;
        Some(slot)
    }

    pub(super) fn peek(&self, key: &[u8]) -> Option<&Slot> {
        self.map.get(key)
    }

    pub(super) fn set(&mut self, key: &[u8], slot: Slot) {
        match self.map.get_mut(key) {
            Some(old) => {
                if slot.dirty && !old.dirty {
                    self.dirty.push(key.to_vec());
                }
                *old = slot;
            }
            None => {
                if slot.dirty {
                    self.dirty.push(key.to_vec());
                }
                self.map.insert(key.to_vec(), slot);
            }
        }
    }

    /// A dirty slot that is about to be written to the index.
    pub(super) fn clean(&mut self, key: &[u8]) -> Option<&Slot> {
        let slot = self.map.get_mut(key)?;
        slot.dirty = false;
        Some(slot)
    }

    /// The slots of a range, with the cycle of the newest.
    pub(super) fn range(&self, from: &[u8], to: &[u8]) -> (Vec<(Key, Option<Value>)>, u64) {
        let mut cycle = 0;
        let bounds = (Bound::Included(from), Bound::Included(to));
        let range = self.map.range::<[u8], _>(bounds);
        let slots = range
            .map(|(key, slot)| {
                cycle = slot.cycle.max(cycle);
                (key.clone(), slot.value.clone())
            })
            .collect();
        (slots, cycle)
    }

    /// Looks at some slots, while there are too many, and lets go of the clean ones that nobody used since it last came
    /// by. True if it is to be called again.
    pub(super) fn sweep(&mut self) -> bool {
        if self.map.len() <= MAX_SLOTS {
            return false;
        }
        let from = std::mem::take(&mut self.swept);
        let bounds = (Bound::Excluded(from.as_slice()), Bound::Unbounded);
        let (mut seen, mut gone) = (0, Vec::new());
        for (key, slot) in self.map.range_mut::<[u8], _>(bounds).take(SWEEP_SLOTS) {
            self.swept.clone_from(key);
            seen += 1;
            if !slot.dirty && !std::mem::take(&mut slot.used) {
                gone.push(key.clone());
            }
        }
        for key in gone {
            self.map.remove(&key);
        }
        let around = seen < SWEEP_SLOTS;
        if around {
            self.swept.clear();
        }
        !around
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_nobody_uses_are_let_go_and_dirty_ones_stay() {
        let mut slots = Slots::default();
        let key = |i: usize| i.to_be_bytes().to_vec();
        for i in 0..MAX_SLOTS + 20_000 {
            let slot = if i % 2 == 0 {
                Slot::read(None, 0)
            } else {
                Slot::written(None, 0, 0)
            };
            slots.set(&key(i), slot);
        }
        // The first round only notes that nobody used them since.
        for _ in 0..2 {
            while slots.sweep() {}
        }
        assert!(slots.map.len() <= MAX_SLOTS);
        assert!((0..MAX_SLOTS).all(|i| i % 2 == 0 || slots.map.contains_key(&key(i))));
    }
}
