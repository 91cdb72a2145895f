//! The memory store: every store trait over one shared state, and what each of them means.
//!
//! ```text
//!   Memory ─┬─ state ── rooms     per conversation: log, overlays, snapshot, last change       one lock: what is one
//!           │           marks     per user                                                     step here may be one
//!           │           inboxes   per user: listed conversations and settings                  step anywhere
//!           │           devices   per user, and the feed
//!           │           schedule
//!           ├─ presence           leases                              each of these under a lock of its own
//!           ├─ queues             a bounded queue per node
//!           └─ accounts
//! ```
//!
//! It is the reference that other stores are compared with, the store of tests and simulations, and good enough for a
//! server whose data may go when it ends. It never waits: each call is done when it is first polled.

mod account;
mod broker;
mod conversation;
mod device;
mod inbox;
mod message;
mod presence;
mod receipt;
mod retention;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::id::{ConversationId, Epoch, Seq, UserId};
use crate::model::{Conversation, Overlay};
use crate::store::{Backend, Due};

use account::AccountBook;
pub use broker::BROKER_QUEUE_FRAMES;
use broker::Queues;
use device::Devices;
use inbox::Inbox;
use message::Log;
use presence::Presences;
use receipt::Marks;

/// A store of everything in memory. Clones share their content.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    epoch: Epoch,
    state: Mutex<State>,
    presence: Mutex<Presences>,
    queues: Queues,
    accounts: Mutex<AccountBook>,
}

#[derive(Clone, Default)]
struct State {
    /// The number of the last change; each change gets the next one.
    clock: u64,
    rooms: BTreeMap<ConversationId, Room>,
    marks: BTreeMap<UserId, Marks>,
    inboxes: BTreeMap<UserId, Inbox>,
    devices: Devices,
    schedule: BTreeSet<Due>,
}

/// What is kept of one conversation.
#[derive(Clone, Default)]
struct Room {
    log: Log,
    overlays: BTreeMap<Seq, Overlay>,
    snapshot: Option<Conversation>,
    /// The number of its last append or raise.
    changed: u64,
}

impl Memory {
    /// An empty store of this epoch, which the caller draws at random.
    pub fn new(epoch: Epoch) -> Self {
        Self::with(epoch, State::default(), AccountBook::default())
    }

    /// The stores of this memory as a back end.
    pub fn backend(&self) -> Backend {
        let this = Arc::new(self.clone());
        Backend {
            messages: this.clone(),
            receipts: this.clone(),
            conversations: this.clone(),
            inboxes: this.clone(),
            devices: this.clone(),
            retention: this.clone(),
            presence: this.clone(),
            broker: this.clone(),
            accounts: Some(this),
        }
    }

    /// A copy as a restore from a backup of this moment makes one: under a new epoch, each log with its `kept`, without
    /// presence and queues (RES-3).
    #[must_use]
    pub fn restored(&self, epoch: Epoch) -> Self {
        let mut state = self.state().clone();
        for room in state.rooms.values_mut() {
            room.log.mark_kept();
        }
        Self::with(epoch, state, locked(&self.shared.accounts).clone())
    }

    fn with(epoch: Epoch, state: State, accounts: AccountBook) -> Self {
        let shared = Shared {
            epoch,
            state: Mutex::new(state),
            presence: Mutex::default(),
            queues: Queues::default(),
            accounts: Mutex::new(accounts),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.shared.state)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The room of a conversation that changes now.
    fn changing(&mut self, conversation: &ConversationId) -> &mut Room {
        let now = self.tick();
        let room = self.room(conversation);
        room.changed = now;
        room
    }

    fn room(&mut self, conversation: &ConversationId) -> &mut Room {
        entry(&mut self.rooms, conversation)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("epoch", &self.shared.epoch)
            .finish_non_exhaustive()
    }
}

/// Locks; what a panicking thread left behind is used as it is.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value of a key, made when it is absent; the key is cloned only then.
fn entry<'a, K: Ord + Clone, V: Default>(map: &'a mut BTreeMap<K, V>, key: &K) -> &'a mut V {
    if !map.contains_key(key) {
        map.insert(key.clone(), V::default());
    }
    map.get_mut(key).expect("it was inserted if absent")
}
