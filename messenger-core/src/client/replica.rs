//! One device's copy of its user's conversations: session, inbox and outbox together.
//!
//! ```text
//!   begin ──► Store{generation + 1} ──stored──► Hello ──► link ──welcome──► catching up ──caught_up──► live
//!     ▲                                                    │
//!     └──────────────── link lost, backoff ────────────────┘
//! ```
//!
//! Drive it with one call, then [`Replica::poll`] until it gives nothing. It reads no clock and does no I/O.

use std::collections::VecDeque;

use crate::id::{Cmid, ConversationId, Generation, Seq, UserId};
use crate::model::Entry;
use crate::time::Timestamp;
use crate::wire::{Accepted, ClientFrame, Hello, PROTOCOL_VERSION, ServerFrame, Welcome};

use super::change::{Change, OutgoingRecord, Saved, SessionRecord};
use super::event::Event;
use super::inbox::{Inbox, InboxOutput};
use super::outbox::{Outbox, OutboxOutput};
use super::request::Request;

/// What a replica wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ReplicaOutput {
    /// Make the changes durable, all or none, after those before; answered by [`Replica::stored`].
    Store {
        /// Names it in the answer.
        ticket: u64,
        /// What changes.
        changes: Vec<Change>,
    },
    /// Read the stored entries above a seq, with all stores before; answered by [`Replica::loaded`].
    Load {
        /// Of which conversation.
        conversation: ConversationId,
        /// Above this seq.
        above: Seq,
    },
    /// The first frame of the next link, still without a token: its generation is durable, so it may be sent.
    Hello(Box<Hello>),
    /// Send it over the link.
    Transmit(ClientFrame),
    /// Tell the program.
    Event(Event),
}

/// The storage belongs to another user than the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this storage belongs to {stored}, and the server takes the token for one of {told}")]
pub struct OtherUser {
    /// Whose storage it is.
    pub stored: UserId,
    /// Whose token it is.
    pub told: UserId,
}

/// One device's copy of its user's conversations.
#[derive(Debug)]
pub struct Replica {
    session: SessionRecord,
    transient: bool,
    inbox: Inbox,
    outbox: Outbox,
    pending: VecDeque<(u64, Then)>,
    last_ticket: u64,
    drops: Vec<Change>,
    output: VecDeque<ReplicaOutput>,
}

/// What follows when a transaction is durable.
#[derive(Debug)]
enum Then {
    Nothing,
    Hello,
    Inbox { ticket: u64, sent: Vec<Cmid> },
    Outgoing(Cmid),
}

impl Replica {
    /// A replica of what was stored. `key` registers the device if the storage has no key yet: random, 8 to 64 characters.
    pub fn new(saved: Saved, key: &str) -> Self {
        let inbox = Inbox::new(&saved, false);
        let mut session = saved.session;
        session.register.get_or_insert_with(|| key.to_owned());
        Self::assemble(session, false, inbox, Outbox::new(saved.outgoing))
    }

    /// A replica without durable storage: not registered, never acking, starting at the heads (MARK-4).
    pub fn transient() -> Self {
        let inbox = Inbox::new(&Saved::default(), true);
        Self::assemble(SessionRecord::default(), true, inbox, Outbox::default())
    }

    fn assemble(session: SessionRecord, transient: bool, inbox: Inbox, outbox: Outbox) -> Self {
        Self {
            session,
            transient,
            inbox,
            outbox,
            pending: VecDeque::new(),
            last_ticket: 0,
            drops: Vec::new(),
            output: VecDeque::new(),
        }
    }

    /// Prepares the next link: raises the generation, and gives the `hello` when that is durable.
    pub fn begin(&mut self) {
        if !self.transient {
            self.session.generation = Generation(self.session.generation.0 + 1);
        }
        self.store_session(Then::Hello);
    }

    /// A frame came over the link.
    ///
    /// # Errors
    /// [`OtherUser`] when the token is not of the user to whom this storage belongs: the link must end.
    pub fn frame(&mut self, now: Timestamp, frame: &ServerFrame) -> Result<(), OtherUser> {
        match frame {
            ServerFrame::Welcome(welcome) => self.welcome(now, welcome)?,
            ServerFrame::Conversation(frame) => self.inbox.conversation(now, frame),
            ServerFrame::Entries(frame) => self.inbox.entries(now, frame),
            ServerFrame::Gap(frame) => self.inbox.gap(now, frame),
            ServerFrame::Page(frame) => self.inbox.page(frame.page),
            ServerFrame::CaughtUp(frame) => self.inbox.caught_up(now, frame.since.clone()),
            ServerFrame::Accepted(accepted) => self.accepted(now, accepted),
            ServerFrame::Rejected(rejected) => self.outbox.rejected(now, rejected),
            ServerFrame::Error(error) => {
                if !self.outbox.error(now, error) {
                    self.inbox.error(now, error);
                }
            }
            ServerFrame::Marks(frame) => self.inbox.marks(now, frame),
            ServerFrame::Settings(frame) => self.inbox.settings(now, frame),
            ServerFrame::Lag(_) => self.inbox.lag(),
            ServerFrame::Reset(reset) => self.inbox.reset(reset.epoch),
            ServerFrame::Presence(presence) => self.event(Event::Presence {
                user: presence.user.clone(),
                state: presence.state,
                last_seen: presence.last_seen,
            }),
            ServerFrame::Typing(typing) => self.event(Event::Typing {
                conversation: typing.conversation.clone(),
                user: typing.user.clone(),
                stopped: typing.stopped,
            }),
            ServerFrame::Pong(_)
            | ServerFrame::Goaway(_)
            | ServerFrame::Members(_)
            | ServerFrame::Reactions(_) => {}
        }
        self.collect(now);
        Ok(())
    }

    /// The link is gone.
    pub fn disconnected(&mut self, now: Timestamp) {
        self.inbox.disconnected();
        self.outbox.disconnected();
        self.collect(now);
    }

    /// Sends something; it goes out once it is stored.
    pub fn send(
        &mut self,
        now: Timestamp,
        cmid: Cmid,
        conversation: ConversationId,
        request: Request,
    ) {
        let record = OutgoingRecord {
            cmid,
            conversation,
            request,
            queued_at: now,
            order: 0,
            failure: None,
            maybe_sent: false,
        };
        self.outbox.send(now, record);
        self.collect(now);
    }

    /// Takes a failed message off the list; true when there was one.
    pub fn discard(&mut self, now: Timestamp, cmid: Cmid) -> bool {
        let failed = self
            .outbox
            .record(cmid)
            .is_some_and(|record| record.failure.is_some());
        if failed {
            self.outbox.forget(cmid);
            self.store(vec![Change::Sent(cmid)], Then::Nothing);
        }
        self.collect(now);
        failed
    }

    /// The user has read up to a seq; `private`: only the own devices learn it.
    pub fn read(&mut self, now: Timestamp, conversation: &ConversationId, seq: Seq, private: bool) {
        self.inbox.read(now, conversation, seq, private);
        self.collect(now);
    }

    /// Cuts a conversation off from the front, on all devices of the user.
    pub fn clear(&mut self, now: Timestamp, conversation: &ConversationId, seq: Seq) {
        self.inbox.clear(now, conversation, seq);
        self.collect(now);
    }

    /// A transaction is durable, with all before it.
    pub fn stored(&mut self, now: Timestamp, ticket: u64) {
        while let Some((_, then)) = self.pending.pop_front_if(|(first, _)| *first <= ticket) {
            match then {
                Then::Nothing => {}
                Then::Hello => {
                    let hello = self.hello();
                    self.output.push_back(ReplicaOutput::Hello(Box::new(hello)));
                }
                Then::Inbox { ticket, sent } => {
                    self.inbox.stored(ticket);
                    for cmid in sent {
                        self.outbox.forget(cmid);
                    }
                }
                Then::Outgoing(cmid) => self.outbox.stored(now, cmid),
            }
        }
        self.collect(now);
    }

    /// What [`ReplicaOutput::Load`] asked for.
    pub fn loaded(&mut self, now: Timestamp, conversation: &ConversationId, entries: &[Entry]) {
        self.inbox.loaded(now, conversation, entries);
        self.collect(now);
    }

    /// `device_unknown`: the next `hello` registers anew, under this random key; the storage stays.
    pub fn device_unknown(&mut self, key: &str) {
        self.session.device = None;
        self.session.since = None;
        self.session.register = Some(key.to_owned());
        self.session.generation = Generation(0);
        self.store_session(Then::Nothing);
    }

    /// `generation_stale`: the next `hello` goes above `current`.
    pub fn generation_stale(&mut self, current: u64) {
        self.session.generation = self.session.generation.max(Generation(current));
        self.store_session(Then::Nothing);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.inbox.tick(now);
        self.outbox.tick(now);
        self.collect(now);
    }

    /// When [`Replica::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.inbox
            .next_tick()
            .into_iter()
            .chain(self.outbox.next_tick())
            .min()
    }

    /// What it wants done next.
    pub fn poll(&mut self) -> Option<ReplicaOutput> {
        self.output.pop_front()
    }

    /// Who this replica belongs to, once a server has said it.
    pub fn user(&self) -> Option<&UserId> {
        self.session.user.as_ref()
    }

    /// Who, which device, generation, epoch, cursor.
    pub fn session(&self) -> &SessionRecord {
        &self.session
    }

    /// What came.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What goes.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn hello(&self) -> Hello {
        let device = self.session.device.filter(|_| !self.transient);
        Hello {
            protocol: PROTOCOL_VERSION,
            device,
            register: match device {
                Some(_) => None,
                None => self.session.register.clone(),
            },
            generation: self.session.generation,
            epoch: self.session.epoch,
            since: self.session.since.clone(),
            positions: match self.transient {
                true => self.inbox.positions(),
                false => Vec::new(),
            },
            ..Hello::default()
        }
    }

    fn welcome(&mut self, now: Timestamp, welcome: &Welcome) -> Result<(), OtherUser> {
        if let Some(stored) = &self.session.user
            && *stored != welcome.user
        {
            return Err(OtherUser {
                stored: stored.clone(),
                told: welcome.user.clone(),
            });
        }
        let epoch = self.session.epoch;
        self.session.user = Some(welcome.user.clone());
        self.session.device = welcome.device;
        self.session.epoch.get_or_insert(welcome.epoch);
        self.store_session(Then::Nothing);
        self.inbox.connected(welcome, epoch);
        self.outbox
            .connected(now, &welcome.limits, welcome.server_time);
        Ok(())
    }

    fn accepted(&mut self, now: Timestamp, accepted: &Accepted) {
        let entry = self
            .outbox
            .record(accepted.cmid)
            .filter(|record| record.conversation == accepted.conversation)
            .zip(self.session.user.clone())
            .map(|(record, sender)| Entry {
                seq: accepted.seq,
                sender,
                cmid: accepted.cmid,
                time: accepted.time,
                ordinal: accepted.ordinal,
                content: record.request.content(),
            });
        self.outbox.accepted(now, accepted);
        if let Some(entry) = entry {
            self.inbox.accepted(now, &accepted.conversation, entry);
        }
    }

    /// Carries what one machine gives to the other, until both are quiet.
    fn collect(&mut self, now: Timestamp) {
        loop {
            if let Some(output) = self.outbox.poll() {
                self.take_from_outbox(output);
            } else if let Some(output) = self.inbox.poll() {
                self.take_from_inbox(now, output);
            } else {
                return;
            }
        }
    }

    fn take_from_outbox(&mut self, output: OutboxOutput) {
        match output {
            OutboxOutput::Store(record) => {
                let mut changes = std::mem::take(&mut self.drops);
                let cmid = record.cmid;
                changes.push(Change::Outgoing(record));
                self.store(changes, Then::Outgoing(cmid));
            }
            OutboxOutput::Drop(cmid) => self.drops.push(Change::Sent(cmid)),
            OutboxOutput::Transmit(frame) => self.output.push_back(ReplicaOutput::Transmit(frame)),
            OutboxOutput::Changed {
                conversation,
                cmid,
                state,
            } => self.event(Event::Outgoing {
                conversation,
                cmid,
                state,
            }),
            OutboxOutput::Renamed {
                conversation,
                old,
                new,
            } => self.event(Event::Renamed {
                conversation,
                old,
                new,
            }),
        }
    }

    fn take_from_inbox(&mut self, now: Timestamp, output: InboxOutput) {
        match output {
            InboxOutput::Store {
                ticket,
                mut changes,
            } => {
                let sent = self.sent_with(&changes);
                changes.extend(sent.iter().copied().map(Change::Sent));
                self.store(changes, Then::Inbox { ticket, sent });
            }
            InboxOutput::Load {
                conversation,
                above,
            } => self.output.push_back(ReplicaOutput::Load {
                conversation,
                above,
            }),
            InboxOutput::Settled { since, epoch } => {
                self.session.since = Some(since);
                if epoch.is_some() {
                    self.session.epoch = epoch;
                }
                self.store_session(Then::Nothing);
            }
            InboxOutput::Transmit(frame) => self.output.push_back(ReplicaOutput::Transmit(frame)),
            InboxOutput::Seen { cmid, seq } => self.outbox.seen(now, cmid, seq),
            InboxOutput::Requeue { record, .. } => {
                self.outbox.restore(record);
                self.outbox.tick(now);
            }
            InboxOutput::Event(event) => {
                if let Event::Dropped { conversation, kept } = &event {
                    self.outbox.reset(now, conversation, *kept);
                }
                self.event(event);
            }
        }
    }

    /// The messages of the outbox whose entries these changes store: they leave it in the same transaction.
    fn sent_with(&self, changes: &[Change]) -> Vec<Cmid> {
        changes
            .iter()
            .filter_map(|change| match change {
                Change::Entries(_, entries) => Some(entries),
                _ => None,
            })
            .flatten()
            .filter(|entry| Some(&entry.sender) == self.session.user.as_ref())
            .map(|entry| entry.cmid)
            .filter(|cmid| self.outbox.record(*cmid).is_some())
            .collect()
    }

    fn store_session(&mut self, then: Then) {
        self.store(vec![Change::Session(self.session.clone())], then);
    }

    fn store(&mut self, changes: Vec<Change>, then: Then) {
        self.last_ticket += 1;
        self.pending.push_back((self.last_ticket, then));
        self.output.push_back(ReplicaOutput::Store {
            ticket: self.last_ticket,
            changes,
        });
    }

    fn event(&mut self, event: Event) {
        self.output.push_back(ReplicaOutput::Event(event));
    }
}
