//! Writing dirty slots to the index, in small steps.

use super::{State, to_indexed};
use crate::fault::Fault;
use crate::index::{Item, Table};
use crate::keys::Key;

/// Slots that one step writes.
pub(crate) const FLUSH_SLOTS: usize = 128;

impl State {
    /// The keys that are dirty now; they are the flusher's from here on.
    pub(crate) fn take_dirty(&self) -> Vec<Key> {
        std::mem::take(&mut self.slots().dirty)
    }

    /// Writes the slots of some dirty keys to the index, once `wait` says that their cycle is durable.
    pub(crate) fn flush(
        &self,
        keys: &[Key],
        wait: &dyn Fn(u64) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut newest = 0;
        let mut items = Vec::with_capacity(keys.len());
        {
            let mut slots = self.slots();
            for key in keys {
                let Some(slot) = slots.clean(key) else {
                    continue;
                };
                newest = newest.max(slot.cycle);
                let value = slot.value.as_ref().map(|value| to_indexed(value, slot.at));
                items.push(Item {
                    table: Table::Small,
                    key: key.clone(),
                    value,
                });
            }
        }
        wait(newest)?;
        Ok(self.index.apply(items)?)
    }

    /// Lets go of some slots that nobody uses; true if there are more to look at. Only between flushes: a slot is clean a
    /// moment before the index has it.
    pub(crate) fn sweep(&self) -> bool {
        self.slots().sweep()
    }
}
