//! One task that owns the machines of its conversations.
//!
//! ```text
//!   inbox ──drained whole──► machine.handle, machine.poll … ──► mailboxes, then one wake-up per link
//!                                                           └─► perform, each in a task of its own ──► inbox
//! ```

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use messenger_core::conversation::{Answer, Input, Machine, Output, Ticket};
use messenger_core::id::{ConversationId, SessionId, UserId};
use messenger_core::perform::perform;
use messenger_core::session;
use messenger_core::time::Timestamp;

use crate::clock;
use crate::hub::Shared;
use crate::inbox::Inbox;
use crate::mailbox::Mailbox;
use crate::node;

/// A machine without work for this long is dropped.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How often idle machines are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(10);

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum ShardInput {
    /// For one conversation.
    Tell(ConversationId, Input),
    /// For one conversation, if it is loaded.
    TellIfLoaded(ConversationId, Input),
    /// A store's answer, for the machine that asked.
    Answer {
        conversation: ConversationId,
        life: u64,
        ticket: Ticket,
        answer: Answer,
    },
    /// A timer that a machine asked for.
    Timer {
        conversation: ConversationId,
        life: u64,
    },
    /// Drop machines that were idle for long.
    Tidy,
}

/// The queue of one shard.
pub(crate) type ShardInbox = Inbox<ShardInput>;

/// The machines of one shard.
pub(crate) struct Shard {
    shared: Arc<Shared>,
    inbox: Arc<ShardInbox>,
    slots: HashMap<ConversationId, Slot>,
    lives: u64,
    woken: BTreeMap<SessionId, Arc<Mailbox>>,
}

struct Slot {
    machine: Machine,
    /// Tells this machine from an earlier one of the same conversation, whose answers come too late.
    life: u64,
    used: Timestamp,
}

impl Shard {
    pub(crate) fn new(shared: Arc<Shared>, inbox: Arc<ShardInbox>) -> Self {
        Self {
            shared,
            inbox,
            slots: HashMap::new(),
            lives: 0,
            woken: BTreeMap::new(),
        }
    }

    /// Runs until the hub stops.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::new();
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                () = self.inbox.take_late(&mut batch) => {}
                _ = tidy.tick() => batch.push(ShardInput::Tidy),
                () = self.shared.stop.cancelled() => return,
            }
            let now = clock::now();
            for input in batch.drain(..) {
                self.take(now, input);
            }
            for mailbox in std::mem::take(&mut self.woken).into_values() {
                mailbox.wake();
            }
        }
    }

    fn take(&mut self, now: Timestamp, input: ShardInput) {
        match input {
            ShardInput::Tell(conversation, input) => self.tell(now, conversation, input),
            ShardInput::TellIfLoaded(conversation, input) => {
                if self.slots.contains_key(&conversation) {
                    self.tell(now, conversation, input);
                }
            }
            ShardInput::Answer {
                conversation,
                life,
                ticket,
                answer,
            } => {
                if self.is_alive(&conversation, life) {
                    self.tell(now, conversation, Input::Answer(ticket, answer));
                }
            }
            ShardInput::Timer { conversation, life } => {
                if self.is_alive(&conversation, life) {
                    self.tell(now, conversation, Input::Timer);
                }
            }
            ShardInput::Tidy => {
                self.slots
                    .retain(|_, slot| !slot.machine.is_idle() || now.since(slot.used) < IDLE_MAX);
                metrics::gauge!("messenger_conversations_loaded").set(self.slots.len() as f64);
            }
        }
    }

    fn is_alive(&self, conversation: &ConversationId, life: u64) -> bool {
        self.slots
            .get(conversation)
            .is_some_and(|slot| slot.life == life)
    }

    fn tell(&mut self, now: Timestamp, conversation: ConversationId, input: Input) {
        let lives = &mut self.lives;
        let config = &self.shared.conversations;
        let slot = self.slots.entry(conversation.clone()).or_insert_with(|| {
            *lives += 1;
            Slot {
                machine: Machine::new(conversation.clone(), Arc::clone(config)),
                life: *lives,
                used: now,
            }
        });
        slot.used = now;
        let life = slot.life;
        let handled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            slot.machine.handle(now, input);
            std::iter::from_fn(|| slot.machine.poll()).collect::<Vec<Output>>()
        }));
        match handled {
            Ok(outputs) => {
                for output in outputs {
                    self.carry_out(now, &conversation, life, output);
                }
            }
            Err(_) => self.bury(&conversation),
        }
    }

    /// A machine panicked: it is dropped and will be loaded again; whoever it served catches up.
    fn bury(&mut self, conversation: &ConversationId) {
        tracing::error!(%conversation, "a conversation panicked and is loaded again");
        metrics::counter!("messenger_panics_total").increment(1);
        let Some(slot) = self.slots.remove(conversation) else {
            return;
        };
        let users: Vec<UserId> = match slot.machine.members() {
            Some(members) => members.to_vec(),
            None => conversation
                .pair()
                .map(|(a, b)| vec![a, b])
                .unwrap_or_default(),
        };
        self.shared.registry.for_users(&users, |entry| {
            entry.mailbox.post(session::Input::Lagged);
        });
    }

    fn carry_out(
        &mut self,
        now: Timestamp,
        conversation: &ConversationId,
        life: u64,
        output: Output,
    ) {
        match output {
            Output::Store(ticket, request) => {
                let shared = Arc::clone(&self.shared);
                let inbox = Arc::clone(&self.inbox);
                let conversation = conversation.clone();
                tokio::spawn(async move {
                    let policy = shared.policy.as_ref();
                    let answer =
                        perform(&shared.backend, policy, &conversation, request, now).await;
                    if let Answer::Failed { retriable, unknown } = &answer {
                        tracing::warn!(%conversation, retriable, unknown, "a store call failed");
                    }
                    inbox.push(ShardInput::Answer {
                        conversation,
                        life,
                        ticket,
                        answer,
                    });
                });
            }
            Output::Frame(session, frame) => self.post(session, session::Input::Frame(frame)),
            Output::Pulled(session, pulled) => self.post(session, session::Input::Pulled(pulled)),
            Output::Push { users, batch } => {
                let woken = &mut self.woken;
                self.shared.registry.for_users(&users, |entry| {
                    if entry.mailbox.put(session::Input::Push(Arc::clone(&batch))) {
                        woken.insert(entry.mailbox.id(), Arc::clone(&entry.mailbox));
                    }
                });
            }
            Output::Tell { users, frame } => {
                let woken = &mut self.woken;
                self.shared.registry.for_users(&users, |entry| {
                    if entry.mailbox.put(session::Input::Tell(Arc::clone(&frame))) {
                        woken.insert(entry.mailbox.id(), Arc::clone(&entry.mailbox));
                    }
                });
            }
            Output::Publish { users, hint } => {
                if self.shared.has_peers() {
                    self.shared.node.push(node::NodeInput::Publish {
                        conversation: conversation.clone(),
                        users,
                        hint,
                    });
                }
            }
            Output::Wake { after_ms } => {
                let inbox = Arc::clone(&self.inbox);
                let conversation = conversation.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    inbox.push(ShardInput::Timer { conversation, life });
                });
            }
        }
    }

    fn post(&mut self, session: SessionId, input: session::Input) {
        if let Some(mailbox) = self.shared.registry.link(session)
            && mailbox.put(input)
        {
            self.woken.insert(session, mailbox);
        }
    }
}
