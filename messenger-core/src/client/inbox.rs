//! The recipient's half: every conversation in order, without holes, each entry once (LOG-5).
//!
//! ```text
//!   entries, gap ──► held back until they join the range ──► Store{entries, cursor} ──stored──► Ack, events
//!                       └─ a hole → history{after: cursor}
//!   page ──► confirm at once         caught_up{since} ──► Settled{since} once everything before is handed to the storage
//!   reset ──► stale ──conversation{kept}──► Load{above kept} ──► dropped; own entries queued again (RES-3)
//! ```
//!
//! Stores are carried out in the order in which they are given, so a later one is never durable without the earlier ones.

mod keep;
mod place;
mod pull;
mod reset;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::{Cmid, ConversationId, Epoch, Seq, UserId};
use crate::model::Entry;
use crate::time::Timestamp;
use crate::wire::{
    AckMark, ClientFrame, Confirm, ConversationFrame, Entries, ErrorFrame, Gap, MarksFrame,
    SettingsFrame, Unread, Welcome,
};

use super::backoff::Backoff;
use super::change::{Change, ConversationRecord, OutgoingRecord, Saved, UnreadRecord};
use super::event::Event;
use super::track::Joined;
use place::{Place, Pull};

/// The ids of an inbox's requests begin here.
pub(super) const INBOX_ID_BASE: u64 = 1 << 50;
/// Positions in one `ack` (BP-4).
const ACK_MAX: usize = 100;
/// Positions that a transient client names in `hello` (BP-4).
const POSITIONS_MAX: usize = 500;
/// Marks alone are stored together with what comes in this time.
const MARKS_PATIENCE: Duration = Duration::from_secs(1);

/// What the inbox wants done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InboxOutput {
    /// Make the changes durable, all or none; answered by [`Inbox::stored`].
    Store {
        /// Names it in the answer.
        ticket: u64,
        /// What changes.
        changes: Vec<Change>,
    },
    /// Read the stored entries above a seq; answered by [`Inbox::loaded`].
    Load {
        /// Of which conversation.
        conversation: ConversationId,
        /// Above this seq.
        above: Seq,
    },
    /// Everything before this cursor is handed to the storage: put it into the session's record.
    Settled {
        /// The cursor.
        since: String,
        /// The epoch that the whole storage is of now.
        epoch: Option<Epoch>,
    },
    /// Send it over the link.
    Transmit(ClientFrame),
    /// An own entry was seen in the log, stored or not.
    Seen {
        /// Which.
        cmid: Cmid,
        /// Where it is.
        seq: Seq,
    },
    /// An own entry that a restored store lost; its record is in the changes before.
    Requeue {
        /// What to send again.
        record: OutgoingRecord,
        /// The last entry that the store kept.
        kept: Seq,
    },
    /// Tell the program.
    Event(Event),
}

/// All conversations of one user on one device.
#[derive(Debug, Default)]
pub struct Inbox {
    me: Option<UserId>,
    transient: bool,
    places: BTreeMap<ConversationId, Place>,
    link: Link,
    /// The epoch of the storage is not the server's.
    resetting: Option<Epoch>,
    since: Option<String>,
    storing: VecDeque<Storing>,
    last_ticket: u64,
    acks: BTreeMap<ConversationId, Seq>,
    ids: BTreeMap<u64, ConversationId>,
    next_id: u64,
    marks_due: Option<Timestamp>,
    dirty: BTreeSet<ConversationId>,
    touched: BTreeSet<ConversationId>,
    output: VecDeque<InboxOutput>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Down,
    CatchingUp,
    Live,
}

/// What follows when a transaction is durable.
#[derive(Debug)]
struct Storing {
    ticket: u64,
    cursors: Vec<(ConversationId, Seq)>,
    events: Vec<Event>,
}

impl Inbox {
    /// An inbox with what was stored before. A `transient` one never acks (MARK-4).
    pub fn new(saved: &Saved, transient: bool) -> Self {
        let me = saved.session.user.clone();
        let places = saved
            .conversations
            .iter()
            .map(|(id, record)| {
                let recent = saved.recent.get(id).map_or(&[][..], Vec::as_slice);
                (
                    id.clone(),
                    Place::saved(record.clone(), recent, me.as_ref()),
                )
            })
            .collect();
        Self {
            me,
            transient,
            places,
            ..Self::default()
        }
    }

    /// A session begins. `epoch` is that of the storage, if it has one.
    pub fn connected(&mut self, welcome: &Welcome, epoch: Option<Epoch>) {
        self.me = Some(welcome.user.clone());
        self.link = Link::CatchingUp;
        if epoch.is_some_and(|epoch| epoch != welcome.epoch) {
            self.reset(welcome.epoch);
        }
        let ids: Vec<ConversationId> = self.places.keys().cloned().collect();
        for id in &ids {
            self.repeat_marks(id);
        }
        self.settle();
    }

    /// The link is gone; what was held back will come again.
    pub fn disconnected(&mut self) {
        self.link = Link::Down;
        self.since = None;
        self.ids.clear();
        for place in self.places.values_mut() {
            place.track.release();
            place.opening = false;
            if place.pull != Pull::Refused {
                place.pull = Pull::Idle;
            }
        }
        self.places.retain(|_, place| place.placed);
    }

    /// The server describes a conversation.
    pub fn conversation(&mut self, now: Timestamp, frame: &ConversationFrame) {
        let id = frame.conversation.clone();
        let (me, transient) = (self.me.clone(), self.transient);
        let place = self.place(&id);
        if place.stale {
            // Without `kept` nothing of it was there when the store was restored.
            let kept = frame.kept.unwrap_or(Seq::ZERO);
            let again = Some(Box::new(frame.clone()));
            match &mut place.loading {
                Some((_, waiting)) => *waiting = again,
                None => {
                    place.loading = Some((kept, again));
                    self.load(id, kept);
                }
            }
            return;
        }
        if !place.placed {
            let begin = match frame.own.acked {
                Some(acked) => acked,
                None if transient => frame.head,
                None => frame.from.previous(),
            };
            place.put_at(begin);
        }
        place.describe(frame);
        place.join(Joined::default(), me.as_ref());
        self.changed(now, &id);
        self.repeat_marks(&id);
    }

    /// Entries came: pushed, pulled, or a page of history.
    pub fn entries(&mut self, now: Timestamp, frame: &Entries) {
        let pulled = frame.re.and_then(|id| self.ids.remove(&id)).is_some();
        for entry in &frame.entries {
            self.seen(entry);
        }
        self.take(now, &frame.conversation, frame.entries.iter().cloned());
        if pulled {
            self.pulled(now, &frame.conversation);
        }
    }

    /// An own draft was accepted: to this session that stands for the entry.
    pub fn accepted(&mut self, now: Timestamp, conversation: &ConversationId, entry: Entry) {
        self.take(now, conversation, std::iter::once(entry));
    }

    /// A range is not sent.
    pub fn gap(&mut self, now: Timestamp, gap: &Gap) {
        let me = self.me.clone();
        let place = self.place(&gap.conversation);
        place.track.gap(gap.from, gap.to);
        place.join(Joined::default(), me.as_ref());
        self.changed(now, &gap.conversation);
    }

    /// A page of catching up is here.
    pub fn page(&mut self, page: u64) {
        self.transmit(ClientFrame::Confirm(Confirm { page }));
    }

    /// Everything that had changed was sent.
    pub fn caught_up(&mut self, now: Timestamp, since: String) {
        self.link = Link::Live;
        self.since = Some(since);
        self.drop_what_the_server_no_longer_has();
        let ids: Vec<ConversationId> = self.places.keys().cloned().collect();
        for id in ids {
            self.look_for_holes(now, &id);
        }
        self.event(Event::CaughtUp);
        self.settle();
    }

    /// The session fell behind: what is above the acked marks comes again.
    pub fn lag(&mut self) {
        self.link = Link::CatchingUp;
        self.event(Event::Lag);
    }

    /// Marks rose.
    pub fn marks(&mut self, now: Timestamp, frame: &MarksFrame) {
        let Some(place) = self.places.get_mut(&frame.conversation) else {
            return;
        };
        if place.stale {
            return;
        }
        let mut rose = false;
        for mark in &frame.marks {
            rose |= place
                .record
                .raise_other(&mark.user, mark.delivered, mark.read);
        }
        if let Some(own) = &frame.own {
            rose |= place.record.raise_own(own);
            place.unread.read(place.record.unread_from());
            let cleared = place.record.cleared();
            place.track.gap(Seq(1), cleared);
        }
        if let (Some(_), Some(unread)) = (&frame.own, &frame.unread) {
            place.record.told = UnreadRecord {
                count: unread.count,
                exact: unread.exact,
                from: place.record.unread_from(),
                upto: place.record.head,
            };
        }
        if rose {
            let me = self.me.clone();
            let place = self.place(&frame.conversation);
            place.unsaved.marks = true;
            place.join(Joined::default(), me.as_ref());
            self.marks_due.get_or_insert(now.plus(MARKS_PATIENCE));
            self.changed(now, &frame.conversation);
        }
    }

    /// A setting changed.
    pub fn settings(&mut self, now: Timestamp, frame: &SettingsFrame) {
        let place = self.place(&frame.conversation);
        if place.placed && !place.stale && place.record.take_setting(&frame.setting) {
            place.unsaved.record = true;
            self.changed(now, &frame.conversation);
        }
    }

    /// A request failed; true when it was one of this inbox.
    pub fn error(&mut self, now: Timestamp, error: &ErrorFrame) -> bool {
        let Some(conversation) = error.re.and_then(|id| self.ids.remove(&id)) else {
            return false;
        };
        let place = self.place(&conversation);
        place.opening = false;
        match place.pull {
            Pull::Asked { id, attempts, .. } if error.re == Some(id) => {
                let wait = Backoff::CONNECTING
                    .bound(attempts)
                    .max(Duration::from_millis(error.retry_after_ms.unwrap_or(0)));
                place.pull = if error.retriable {
                    Pull::Due {
                        at: now.plus(wait),
                        attempts: attempts + 1,
                    }
                } else {
                    Pull::Refused
                };
            }
            _ if !place.placed => place.pull = Pull::Refused,
            _ if !error.retriable => {
                // A mark that the server does not take: stop repeating it.
                place.record.wanted = place.record.own;
                place.unsaved.record = true;
            }
            _ => {}
        }
        self.changed(now, &conversation);
        true
    }

    /// Cuts a conversation off from the front: what is stored up to the seq goes, on all devices of the user.
    pub fn clear(&mut self, now: Timestamp, conversation: &ConversationId, seq: Seq) {
        let Some(place) = self.places.get_mut(conversation) else {
            return;
        };
        let seq = seq.min(place.track.cursor);
        if place.record.wanted.cleared >= seq {
            return;
        }
        place.record.wanted.cleared = seq;
        place.unread.read(place.record.unread_from());
        place.unsaved.record = true;
        self.changed(now, conversation);
        self.repeat_marks(conversation);
    }

    /// The user has read up to a seq.
    pub fn read(&mut self, now: Timestamp, conversation: &ConversationId, seq: Seq, private: bool) {
        let Some(place) = self.places.get_mut(conversation) else {
            return;
        };
        let seq = seq.min(place.track.cursor);
        let marks = &mut place.record.wanted;
        let mark = if private {
            &mut marks.read_private
        } else {
            &mut marks.read
        };
        if *mark >= seq {
            return;
        }
        *mark = seq;
        place.unread.read(place.record.unread_from());
        place.unsaved.record = true;
        self.changed(now, conversation);
        self.repeat_marks(conversation);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Timestamp) {
        if self.marks_due.is_some_and(|due| due <= now) {
            self.marks_due = None;
            let marked = self
                .places
                .iter_mut()
                .filter(|(_, place)| place.unsaved.marks);
            for (id, place) in marked {
                place.unsaved.record = true;
                self.dirty.insert(id.clone());
            }
        }
        self.pull(now);
        self.settle();
    }

    /// When [`Inbox::tick`] has something to do.
    pub fn next_tick(&self) -> Option<Timestamp> {
        let pulls = self.places.values().filter_map(|place| match place.pull {
            Pull::Due { at, .. } if self.link != Link::Down => Some(at),
            Pull::Due { .. } | Pull::Idle | Pull::Asked { .. } | Pull::Refused => None,
        });
        pulls.chain(self.marks_due).min()
    }

    /// What it wants done next.
    pub fn poll(&mut self) -> Option<InboxOutput> {
        if let Some(output) = self.output.pop_front() {
            return Some(output);
        }
        self.flush();
        if self.output.is_empty() {
            self.send_acks();
        }
        if self.output.is_empty() {
            let touched = std::mem::take(&mut self.touched).into_iter();
            self.output.extend(
                touched
                    .map(|conversation| InboxOutput::Event(Event::Conversation { conversation })),
            );
        }
        self.output.pop_front()
    }

    /// The record of a conversation.
    pub fn record(&self, conversation: &ConversationId) -> Option<&ConversationRecord> {
        let place = self.places.get(conversation)?;
        place.placed.then_some(&place.record)
    }

    /// All conversations, by id.
    pub fn records(&self) -> impl Iterator<Item = &ConversationRecord> {
        self.places
            .values()
            .filter(|place| place.placed)
            .map(|place| &place.record)
    }

    /// How much of a conversation is unread (MARK-6).
    pub fn unread(&self, conversation: &ConversationId) -> Unread {
        self.places
            .get(conversation)
            .map_or_else(Unread::default, Place::unread)
    }

    /// True when everything that had changed is here.
    pub fn is_live(&self) -> bool {
        self.link == Link::Live
    }

    /// What a transient client names in `hello`, the newest conversations first.
    pub fn positions(&self) -> Vec<AckMark> {
        let mut records: Vec<&ConversationRecord> = self.records().collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.time));
        records.truncate(POSITIONS_MAX);
        records
            .into_iter()
            .map(|record| AckMark {
                conversation: record.id.clone(),
                seq: record.cursor,
            })
            .collect()
    }

    fn place(&mut self, id: &ConversationId) -> &mut Place {
        self.places
            .entry(id.clone())
            .or_insert_with(|| Place::new(id.clone()))
    }

    fn take(
        &mut self,
        now: Timestamp,
        conversation: &ConversationId,
        entries: impl Iterator<Item = Entry>,
    ) {
        let me = self.me.clone();
        let place = self.place(conversation);
        let mut joined = Joined::default();
        for entry in entries {
            if !place.placed && entry.seq == Seq(1) {
                place.put_at(Seq::ZERO);
            }
            place.track.entry(entry, &mut joined);
        }
        place.join(joined, me.as_ref());
        if !place.record.known {
            self.open(conversation);
        }
        self.changed(now, conversation);
    }

    /// What comes after something changed in a conversation.
    fn changed(&mut self, now: Timestamp, conversation: &ConversationId) {
        let me = self.me.clone();
        let place = self.place(conversation);
        if let Some(me) = &me {
            place.record.note_shown(me);
        }
        if place.unsaved.is_urgent() && place.placed && !place.stale {
            self.dirty.insert(conversation.clone());
        }
        self.look_for_holes(now, conversation);
        self.touched.insert(conversation.clone());
        self.settle();
    }

    fn seen(&mut self, entry: &Entry) {
        if self.me.as_ref() == Some(&entry.sender) {
            self.output.push_back(InboxOutput::Seen {
                cmid: entry.cmid,
                seq: entry.seq,
            });
        }
    }

    fn transmit(&mut self, frame: ClientFrame) {
        self.output.push_back(InboxOutput::Transmit(frame));
    }

    fn event(&mut self, event: Event) {
        self.output.push_back(InboxOutput::Event(event));
    }
}
