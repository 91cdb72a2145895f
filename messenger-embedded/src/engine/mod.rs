//! The engine: the log, what is known of it in memory, and the index, under the store traits.
//!
//! ```text
//!   stores/*  ──►  Engine ─┬─ Log      durable streams
//!                          ├─ Logs     conversations
//!                          ├─ State    marks, settings, devices, …
//!                          └─ Index    what both need not keep in memory
//!   upkeep thread ──► checkpoint · erase in place · reclaim
//! ```

mod append;
mod checkpoint;
mod erase;
mod read;
mod reclaim;
mod recover;
pub(crate) mod upkeep;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use messenger_core::error::StoreError;
use messenger_core::id::{ConversationId, Seq};
use messenger_core::store::StoreResult;

use crate::fault::Fault;
use crate::folder::Format;
use crate::index::Index;
use crate::log::{Log, Positions};
use crate::logs::Logs;
use crate::options::Options;
use crate::state::State;

pub(crate) use append::Appended;
pub(crate) use recover::{Parts, open};

/// Everything behind the store traits.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) folder: PathBuf,
    pub(crate) format: Format,
    pub(crate) options: Options,
    pub(crate) log: Arc<Log>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) logs: Logs,
    pub(crate) state: State,
    /// Bodies that are unreadable already and wait to be overwritten.
    erasures: Mutex<Vec<Erasure>>,
    /// Held while bodies are overwritten or segments reclaimed: a backup copies files that stand still.
    pub(crate) standstill: Mutex<()>,
    /// The last checkpoint, and how many segments of state are worth keeping before one is reclaimed.
    upkept: Mutex<Upkept>,
}

#[derive(Debug)]
struct Upkept {
    checkpoint: Positions,
    state_segments: u64,
}

/// Bodies of one conversation that are to be overwritten once their erase record is durable.
#[derive(Debug)]
struct Erasure {
    conversation: ConversationId,
    seqs: Vec<Seq>,
    cycle: u64,
}

impl Engine {
    /// Waits until a cycle is durable, on behalf of a store call.
    pub(crate) async fn durable(&self, cycle: u64, operation: &'static str) -> StoreResult<()> {
        if self.log.completed() >= cycle {
            return Ok(());
        }
        self.log
            .durable(cycle)
            .await
            .map_err(|error| Fault::from(error).during(operation))
    }

    /// Fails when the log was poisoned, so that a store that lost its disk answers nothing that it cannot keep.
    pub(crate) fn healthy(&self, operation: &'static str) -> Result<(), StoreError> {
        self.log
            .healthy()
            .map_err(|error| Fault::from(error).during(operation))
    }

    fn upkept(&self) -> std::sync::MutexGuard<'_, Upkept> {
        self.upkept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
