//! What happens in the background, on one thread, in small steps.
//!
//! ```text
//!   every tick:   bodies erased?            overwrite them
//!                 enough log, or long ago?  checkpoint
//!                 too many segments?        reclaim one
//! ```

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Engine;
use crate::fault::Fault;

/// How often the upkeep looks for work.
const TICK: Duration = Duration::from_millis(100);

/// How long a step lets others go first.
const PAUSE: Duration = Duration::from_millis(1);

/// Above this many times the usual distance between checkpoints the upkeep no longer pauses: it has to catch up.
const HURRY: u64 = 4;

/// How much lower than its process's the priority of a background thread is, in steps of `nice`.
const GIVE_WAY: i32 = 10;

/// Lowers the priority of this thread and of those that it starts: on a busy core the senders go first.
pub(crate) fn give_way() {
    // On Linux the priority is the thread's own. Where it cannot be lowered, the work is done all the same.
    let _as_it_was = rustix::process::nice(GIVE_WAY);
}

/// Tells the upkeep thread when to end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    pub(crate) fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Waits for a tick; true when asked to stop.
    fn tick(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(asked, TICK, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Engine {
    /// The upkeep thread: until it is told to stop, or the store is poisoned.
    pub(crate) fn run_upkeep(&self, stop: &Stop) {
        give_way();
        let mut last = Instant::now();
        while !stop.tick() {
            let step = self.upkeep(last.elapsed() >= self.options.checkpoint_every, &mut last);
            if let Err(fault) = step {
                self.log.poison(&fault);
                return;
            }
        }
    }

    fn upkeep(&self, long_ago: bool, last: &mut Instant) -> Result<(), Fault> {
        self.log.healthy()?;
        let pause = || {
            if self.since_checkpoint() < HURRY * self.options.checkpoint_bytes {
                std::thread::sleep(PAUSE);
            }
        };
        let _standstill = self
            .standstill
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.has_erasures() {
            self.overwrite_erased()?;
        }
        if long_ago || self.since_checkpoint() >= self.options.checkpoint_bytes {
            self.checkpoint(&pause)?;
            *last = Instant::now();
        }
        self.reclaim(&pause)?;
        Ok(())
    }
}
