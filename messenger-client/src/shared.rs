//! What the handles and the client's task share.
//!
//! ```text
//!   handle ──locks──► State { replica, waiting requests } ◄──locks── task
//!      └───── wake ─────────────────────────────────────────►┘
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use messenger_core::client::{Failure, Replica, SendState};
use messenger_core::id::{Cmid, ConversationId, Seq};
use messenger_core::limits::TYPING_EVERY;
use messenger_core::time::Timestamp;
use messenger_core::wire::{ClientFrame, ServerFrame, Subscribe, Welcome};
use tokio::sync::{Notify, oneshot, watch};

use crate::error::Error;
use crate::status::Status;
use crate::storage::Keeper;

/// What the handles and the client's task share.
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) keeper: Keeper,
    pub(crate) wake: Notify,
    pub(crate) status: watch::Sender<Status>,
}

pub(crate) type Answer = oneshot::Sender<Result<ServerFrame, Error>>;

/// Everything that changes under the lock.
pub(crate) struct State {
    pub(crate) replica: Replica,
    pub(crate) welcome: Option<Welcome>,
    /// Requests that wait for the frame that answers them, by `id`.
    pub(crate) requests: BTreeMap<u64, Answer>,
    /// Programs that wait until their message is sent or failed.
    pub(crate) sending: BTreeMap<Cmid, Vec<oneshot::Sender<Result<Seq, Error>>>>,
    /// Frames that a program wants sent on the present link.
    pub(crate) frames: Vec<ClientFrame>,
    /// Whose presence the program follows, on each link again.
    pub(crate) subscription: Option<Subscribe>,
    typing: Option<(ConversationId, Timestamp)>,
    /// A program wants the session to end.
    pub(crate) goodbye: Option<Goodbye>,
    next_id: u64,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// The link is closed; the device counts as online for a moment.
    Close,
    /// The session ends at once; `forget` also unregisters the device.
    Logout { forget: bool },
}

impl Shared {
    pub(crate) fn new(replica: Replica, keeper: Keeper) -> Self {
        Self {
            state: Mutex::new(State {
                replica,
                welcome: None,
                requests: BTreeMap::new(),
                sending: BTreeMap::new(),
                frames: Vec::new(),
                subscription: None,
                typing: None,
                goodbye: None,
                next_id: 1,
            }),
            keeper,
            wake: Notify::new(),
            status: watch::Sender::new(Status::Connecting),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds the state")
    }

    /// Changes the state, and lets the task look at what follows.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.wake.notify_one();
        outcome
    }

    /// Sends a request on the present link and waits for its answer.
    pub(crate) async fn ask(
        &self,
        frame: impl FnOnce(u64) -> ClientFrame,
    ) -> Result<ServerFrame, Error> {
        if !self.status.borrow().is_connected() {
            return Err(Error::NotConnected);
        }
        let (answer, answered) = oneshot::channel();
        self.with(|state| {
            let id = state.next_id;
            state.next_id += 1;
            state.requests.insert(id, answer);
            state.frames.push(frame(id));
        });
        answered.await.map_err(|_| Error::Stopped)?
    }

    /// Tells a handle's users where the client stands.
    pub(crate) fn set_status(&self, status: Status) {
        tracing::debug!(?status, "the client's status");
        self.status.send_replace(status);
    }
}

impl State {
    /// Gives an answer to the request that waits for it.
    pub(crate) fn answer(&mut self, re: Option<u64>, answer: Result<ServerFrame, Error>) {
        if let Some(waiting) = re.and_then(|re| self.requests.remove(&re)) {
            // Nobody may be waiting any more.
            let _ = waiting.send(answer);
        }
    }

    /// True when a notice of typing may be sent: at most one per 3 s and conversation (PRES-8).
    pub(crate) fn may_say_typing(&mut self, conversation: &ConversationId, stopped: bool) -> bool {
        let said = self.typing.take();
        if stopped {
            return said.is_some();
        }
        let now = now();
        let again =
            said.filter(|(before, at)| before == conversation && now.since(*at) < TYPING_EVERY);
        let may = again.is_none();
        self.typing = again.or_else(|| Some((conversation.clone(), now)));
        may
    }

    /// Requests do not outlive their link.
    pub(crate) fn link_lost(&mut self) {
        self.frames.clear();
        for (_, waiting) in std::mem::take(&mut self.requests) {
            let _ = waiting.send(Err(Error::NotConnected));
        }
    }

    /// The state of an own message changed.
    pub(crate) fn outgoing(&mut self, cmid: Cmid, state: &SendState) {
        let outcome = match state {
            SendState::Sent(seq) => Ok(*seq),
            SendState::Failed(failure) => Err(failure.clone()),
            _ => return,
        };
        for waiting in self.sending.remove(&cmid).unwrap_or_default() {
            let outcome: Result<Seq, Failure> = outcome.clone();
            let _ = waiting.send(outcome.map_err(Error::NotSent));
        }
    }
}

/// The time by the system's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// A key under which a device is registered.
pub(crate) fn register_key() -> String {
    random::<16>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
