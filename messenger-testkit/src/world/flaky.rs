//! A back end that fails as told: a call may not happen, or happen without an answer; and the node may die between any two.
//!
//! ```text
//!   node ── call ──► plan: pass · refuse (nothing happens) · forget (it happens, the answer is lost) · die
//!                      └─► the store
//! ```

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use messenger_core::error::{StoreError, StoreErrorKind};
use messenger_core::id::{ConversationId, DeviceId, Generation, NodeId, Seq, UserId};
use messenger_core::model::*;
use messenger_core::store::*;
use messenger_core::time::{Day, Timestamp};

use super::chance::Rng;

/// What goes wrong, and how often: once in so many calls; 0 is never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) refuse: u64,
    pub(super) forget: u64,
    pub(super) die: u64,
}

/// The fate of one node's store calls.
#[derive(Debug)]
pub(super) struct Plan {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    faults: Faults,
    dead: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    Refuse,
    Forget,
}

impl Plan {
    pub(super) fn new(seed: u64, faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                rng: Rng::new(seed),
                faults,
                dead: false,
            }),
        })
    }

    /// From now on nothing fails.
    pub(super) fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// True once the node has died in a call.
    pub(super) fn is_dead(&self) -> bool {
        self.state().dead
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        let State { rng, faults, dead } = &mut *state;
        if *dead {
            return Fate::Refuse;
        }
        if rng.hits(faults.die) {
            *dead = true;
            // Whether the last call still happened is chance too.
            return if rng.once_in(2) {
                Fate::Forget
            } else {
                Fate::Refuse
            };
        }
        if rng.hits(faults.refuse) {
            Fate::Refuse
        } else if rng.hits(faults.forget) {
            Fate::Forget
        } else {
            Fate::Pass
        }
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        match self.fate() {
            Fate::Pass => call.await,
            Fate::Refuse => Err(StoreError::new(StoreErrorKind::Unavailable, operation)),
            Fate::Forget => {
                let _ = call.await;
                Err(StoreError::new(StoreErrorKind::Unknown, operation))
            }
        }
    }
}

/// The back end as one node sees it.
pub(super) fn flaky(backend: &Backend, plan: &Arc<Plan>) -> Backend {
    let flaky = Arc::new(Flaky {
        inner: backend.clone(),
        plan: Arc::clone(plan),
    });
    Backend {
        messages: Arc::clone(&flaky) as _,
        receipts: Arc::clone(&flaky) as _,
        conversations: Arc::clone(&flaky) as _,
        inboxes: Arc::clone(&flaky) as _,
        devices: Arc::clone(&flaky) as _,
        retention: Arc::clone(&flaky) as _,
        presence: flaky,
        ..backend.clone()
    }
}

struct Flaky {
    inner: Backend,
    plan: Arc<Plan>,
}

/// Passes each method on through the plan.
macro_rules! through {
    ($trait:ident, $field:ident, { $( $extra:item )* }, $( fn $name:ident ( $( $arg:ident : $ty:ty ),* $(,)? ) -> $out:ty; )+) => {
        #[async_trait]
        impl $trait for Flaky {
            $( $extra )*
            $(
                async fn $name(&self, $( $arg: $ty ),*) -> StoreResult<$out> {
                    self.plan.call(stringify!($name), self.inner.$field.$name($( $arg ),*)).await
                }
            )+
        }
    };
}

through! {
    MessageStore,
    messages,
    {
        fn info(&self) -> StoreInfo {
            self.inner.messages.info()
        }
    },
    fn head(conversation: &ConversationId) -> LogHead;
    fn append(
        conversation: &ConversationId,
        after: Seq,
        entries: Vec<Arc<Stored>>,
    ) -> AppendOutcome;
    fn find(conversation: &ConversationId, keys: &[ClaimKey]) -> Vec<Option<Found>>;
    fn read(
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: ReadLimit,
    ) -> Vec<Arc<Stored>>;
    fn erase(conversation: &ConversationId, seqs: &[Seq], reason: EraseReason) -> ();
}

through! {
    ReceiptStore,
    receipts,
    {},
    fn raise(raises: &[Raise]) -> Vec<bool>;
    fn of_conversation(conversation: &ConversationId, users: &[UserId]) -> Vec<UserMarks>;
    fn of_device(
        user: &UserId,
        device: DeviceId,
        conversations: &[ConversationId],
    ) -> Vec<Option<Position>>;
    fn annotate(conversation: &ConversationId, annotations: &[Annotation]) -> ();
    fn overlays(conversation: &ConversationId, targets: &[Seq]) -> Vec<Overlay>;
}

through! {
    ConversationStore,
    conversations,
    {},
    fn load(conversation: &ConversationId) -> Option<Conversation>;
    fn save(conversation: &Conversation) -> ();
}

through! {
    InboxStore,
    inboxes,
    {},
    fn touch(users: &[UserId], conversation: &ConversationId, now: Timestamp) -> ();
    fn page(
        user: &UserId,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        limit: usize,
        now: Timestamp,
    ) -> InboxPage;
    fn settings(user: &UserId, conversations: &[ConversationId]) -> Vec<Setting>;
    fn put_setting(
        user: &UserId,
        conversation: &ConversationId,
        setting: &Setting,
        now: Timestamp,
    ) -> PutSetting;
}

through! {
    DeviceStore,
    devices,
    {},
    fn register(registration: &Registration) -> Registered;
    fn list(user: &UserId) -> Vec<DeviceRecord>;
    fn seen(user: &UserId, device: DeviceId, generation: Generation, now: Timestamp) -> ();
    fn publish(item: &FeedItem) -> FeedPosition;
    fn feed(since: Option<FeedPosition>, limit: usize) -> (Vec<FeedItem>, FeedPosition);
    fn standing(user: &UserId) -> Standing;
}

through! {
    RetentionStore,
    retention,
    {},
    fn schedule(conversation: &ConversationId, day: Day) -> ();
    fn due(today: Day, limit: usize) -> Vec<Due>;
    fn settle(due: &Due) -> ();
    fn cut(conversation: &ConversationId, base: Seq) -> ();
}

through! {
    PresenceStore,
    presence,
    {},
    fn connect(session: &Heartbeat, now: Timestamp) -> Connected;
    fn touch(batch: &[Heartbeat], now: Timestamp) -> ();
    fn disconnect(session: &Heartbeat) -> ();
    fn locate(users: &[UserId], now: Timestamp) -> Vec<Vec<DevicePresence>>;
    fn beat(node: NodeId, now: Timestamp) -> Vec<NodeId>;
}
