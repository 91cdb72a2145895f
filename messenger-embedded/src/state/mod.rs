//! The state: everything small that is superseded, as a map of keys to values.
//!
//! ```text
//!   get ─► slots (memory) ─absent─► index
//!   put ─► one record in the log ─► slots, dirty ──checkpoint──► index, slots clean ──sweep──► gone from memory
//! ```
//!
//! Slots run ahead of the disk. Whoever answers from one first waits for its cycle, so nobody is ever shown what a crash
//! could take back.

mod flush;
mod slots;
mod transaction;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bytes::{Malformed, Put, Take};
use crate::fault::Fault;
use crate::index::{Go, Index, Table, prefix_end};
use crate::keys::Key;
use crate::log::Lsn;

pub(crate) use flush::FLUSH_SLOTS;
use slots::{Slot, Slots};
pub(crate) use transaction::Transaction;

/// A value of the state.
pub(crate) type Value = Arc<[u8]>;

/// All keys and values.
#[derive(Debug)]
pub(crate) struct State {
    index: Arc<dyn Index>,
    slots: Mutex<Slots>,
}

impl State {
    pub(crate) fn new(index: Arc<dyn Index>) -> State {
        State {
            index,
            slots: Mutex::default(),
        }
    }

    /// Begins a step that reads and writes alone.
    pub(crate) fn begin(&self) -> Transaction<'_> {
        Transaction::new(&self.index, self.slots())
    }

    /// The items under a prefix from `from` on, in order, with the cycle to wait for before they are shown.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<(Vec<(Key, Value)>, u64), Fault> {
        let (slots, cycle) = self.slots().range(from, to);
        let mut slots = slots.into_iter().peekable();
        let mut found = Vec::new();
        let mut failed = None;
        self.index
            .scan(Table::Small, from, to, false, &mut |key, value| {
                while let Some((newer, value)) = slots.next_if(|(newer, _)| newer.as_slice() < key)
                {
                    found.extend(value.map(|value| (newer, value)));
                }
                match slots.next_if(|(newer, _)| newer.as_slice() == key) {
                    Some((newer, value)) => found.extend(value.map(|value| (newer, value))),
                    None => match indexed(value) {
                        Ok((value, _)) => found.push((key.to_vec(), value)),
                        Err(malformed) => failed = Some(malformed),
                    },
                }
                if found.len() < limit && failed.is_none() {
                    Go::On
                } else {
                    Go::Stop
                }
            })?;
        if let Some(malformed) = failed {
            return Err(malformed.into());
        }
        found.extend(slots.filter_map(|(key, value)| Some((key, value?))));
        found.truncate(limit);
        Ok((found, cycle))
    }

    /// The items whose keys begin with `prefix`.
    pub(crate) fn under(&self, prefix: &[u8]) -> Result<(Vec<(Key, Value)>, u64), Fault> {
        self.scan(prefix, &prefix_end(prefix), usize::MAX)
    }

    /// Takes a record of the log that was found on opening.
    pub(crate) fn replay(&self, key: &[u8], value: Option<&[u8]>, at: Lsn) {
        self.slots()
            .set(key, Slot::written(value.map(Value::from), at, 0));
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value of the index: where its record lies, then the value.
fn to_indexed(value: &[u8], at: Lsn) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + value.len());
    bytes.put_u64(at);
    bytes.extend_from_slice(value);
    bytes
}

fn indexed(bytes: &[u8]) -> Result<(Value, Lsn), Malformed> {
    let mut take = Take::new(bytes);
    let at = take.u64()?;
    Ok((take.rest().into(), at))
}
