//! Checkpoints: the index is brought up to a position of the log, in small steps, while everything goes on.
//!
//! ```text
//!   P = durable positions ─► flush what was dirty then ─► bodies erased up to P overwritten ─► "replay from P" ─► sync
//! ```
//!
//! Each step waits until what it writes is durable in the log: the index never knows more than the log. What changes
//! meanwhile is for the next checkpoint; replaying it again over the index comes to the same.

use std::sync::PoisonError;

use super::Engine;
use crate::bytes::{Malformed, Put, Take};
use crate::fault::Fault;
use crate::index::{Index, Item, Table};
use crate::log::{Lsn, Positions};
use crate::logs::FLUSH_ROOMS;
use crate::state::FLUSH_SLOTS;

/// Where the log is replayed from, and what cannot be told from what comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) from: Positions,
    pub(crate) changes: u64,
    pub(crate) restored_at: Lsn,
}

impl Checkpoint {
    pub(crate) fn read(index: &dyn Index) -> Result<Option<Checkpoint>, Fault> {
        let Some(bytes) = index.get(Table::Small, KEY)? else {
            return Ok(None);
        };
        Ok(Some(Checkpoint::decode(&bytes)?))
    }

    fn write(self, index: &dyn Index) -> Result<(), Fault> {
        let mut value = Vec::with_capacity(32);
        for number in [
            self.from.entries,
            self.from.state,
            self.changes,
            self.restored_at,
        ] {
            value.put_u64(number);
        }
        index.apply(vec![Item {
            table: Table::Small,
            key: KEY.to_vec(),
            value: Some(value),
        }])?;
        Ok(index.sync()?)
    }

    fn decode(bytes: &[u8]) -> Result<Checkpoint, Malformed> {
        let mut take = Take::new(bytes);
        let from = Positions {
            entries: take.u64()?,
            state: take.u64()?,
        };
        Ok(Checkpoint {
            from,
            changes: take.u64()?,
            restored_at: take.u64()?,
        })
    }
}

/// The key of the checkpoint in the index.
const KEY: &[u8] = b"c";

impl Engine {
    /// Brings the index up to the present end of the log. `pause` is called between steps, for others to go first.
    pub(crate) fn checkpoint(&self, pause: &dyn Fn()) -> Result<(), Fault> {
        let checkpoint = Checkpoint {
            from: self.log.positions(),
            changes: self.logs.newest_change(),
            restored_at: self.logs.restored_at(),
        };
        if checkpoint.from == self.upkept().checkpoint {
            return Ok(());
        }
        self.flush(pause)?;
        self.overwrite_erased()?;
        checkpoint.write(&*self.index)?;
        self.upkept().checkpoint = checkpoint.from;
        while self.state.sweep() {
            pause();
        }
        self.logs.sweep();
        Ok(())
    }

    /// Bytes of log since the last checkpoint.
    pub(crate) fn since_checkpoint(&self) -> u64 {
        let (from, now) = (self.upkept().checkpoint, self.log.positions());
        (now.entries - from.entries) + (now.state - from.state)
    }

    /// Writes everything dirty to the index for one who wants to read all of it there.
    pub(crate) fn flush_alone(&self) -> Result<(), Fault> {
        let _standstill = self
            .standstill
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.flush(&|| ())
    }

    /// Writes everything dirty to the index, once it is durable. The caller holds the standstill: two flushes at once
    /// could write the older value last.
    fn flush(&self, pause: &dyn Fn()) -> Result<(), Fault> {
        let wait = |cycle| Ok(self.log.wait(cycle)?);
        for rooms in self.logs.take_dirty().chunks(FLUSH_ROOMS) {
            self.logs.flush(rooms, &wait)?;
            pause();
        }
        for keys in self.state.take_dirty().chunks(FLUSH_SLOTS) {
            self.state.flush(keys, &wait)?;
            pause();
        }
        Ok(())
    }
}
