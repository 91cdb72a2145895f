//! One conversation of an inbox: its record, its coverage, and what is not stored yet.

use std::time::Duration;

use crate::id::{ConversationId, Seq, UserId};
use crate::limits::UNREAD_EXACT_MAX;
use crate::model::{Content, Entry};
use crate::time::Timestamp;
use crate::wire::ConversationFrame;

use super::super::change::{Change, ConversationRecord, UnreadRecord};
use super::super::track::{Joined, Track};
use super::super::unread::UnreadCount;

/// A hole below what has come is asked for after this long: what is only out of order gets the time to come.
const HOLE_PATIENCE: Duration = Duration::from_millis(100);
/// What is known to exist and has not come while live is asked for after this long.
const TAIL_PATIENCE: Duration = Duration::from_secs(2);

/// One conversation.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) record: ConversationRecord,
    pub(super) track: Track,
    pub(super) unread: UnreadCount,
    /// The position to start from is known.
    pub(super) placed: bool,
    /// Everything up to it is stored.
    pub(super) stored: Seq,
    /// It is of an epoch that the server no longer has, until `kept` is known and applied (RES-3).
    pub(super) stale: bool,
    /// What is above this seq is being loaded, before it is dropped; then comes what the server said last.
    pub(super) loading: Option<(Seq, Option<Box<ConversationFrame>>)>,
    /// `open` was asked for.
    pub(super) opening: bool,
    pub(super) pull: Pull,
    pub(super) unsaved: Unsaved,
    /// The storage has dropped everything up to it.
    cut: Seq,
}

/// The request for what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    /// Nothing is missing, as far as one knows.
    Idle,
    /// Something may be missing; asked for at that time, unless it comes by itself.
    Due { at: Timestamp, attempts: u32 },
    /// Asked for, with what the cursor was.
    Asked { id: u64, cursor: Seq, attempts: u32 },
    /// The server refused: nothing to be had until it describes the conversation again.
    Refused,
}

/// What the storage does not have yet.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) newer: Vec<Entry>,
    pub(super) older: Vec<Entry>,
    pub(super) erased: Vec<Entry>,
    /// The record changed.
    pub(super) record: bool,
    /// Only marks changed: it may wait a moment, for there will be more.
    pub(super) marks: bool,
}

impl Unsaved {
    pub(super) fn is_urgent(&self) -> bool {
        self.record || !self.newer.is_empty() || !self.older.is_empty() || !self.erased.is_empty()
    }
}

impl Place {
    /// A conversation that nothing is known of.
    pub(super) fn new(id: ConversationId) -> Self {
        Self {
            record: ConversationRecord::new(id),
            track: Track::new(Seq(1), Seq::ZERO),
            unread: UnreadCount::new(Seq::ZERO),
            placed: false,
            stored: Seq::ZERO,
            stale: false,
            loading: None,
            opening: false,
            pull: Pull::Idle,
            unsaved: Unsaved::default(),
            cut: Seq::ZERO,
        }
    }

    /// A conversation as it was stored.
    pub(super) fn saved(record: ConversationRecord, recent: &[Entry], me: Option<&UserId>) -> Self {
        let since = match recent.first() {
            Some(first) if recent.len() as u64 >= UNREAD_EXACT_MAX => first.seq.previous(),
            _ => record.unread_from(),
        };
        let mut unread = UnreadCount::new(since.max(record.start.previous()));
        for entry in recent {
            unread.entry(entry, me);
        }
        Self {
            track: Track::new(record.start, record.cursor),
            unread,
            placed: true,
            stored: record.cursor,
            stale: false,
            loading: None,
            opening: false,
            pull: Pull::Idle,
            unsaved: Unsaved::default(),
            cut: Seq::ZERO,
            record,
        }
    }

    /// Starts at a position: what comes above it is new.
    pub(super) fn put_at(&mut self, position: Seq) {
        self.placed = true;
        self.track.start = position.next();
        self.track.cursor = position;
        self.record.start = self.track.start;
        self.record.cursor = self.track.cursor;
        self.stored = position;
        self.unread = UnreadCount::new(position);
    }

    /// Takes what the server says of it.
    pub(super) fn describe(&mut self, frame: &ConversationFrame) {
        self.opening = false;
        self.record.describe(frame);
        self.unread.read(self.record.unread_from());
        self.unsaved.record = true;
        if self.pull == Pull::Refused {
            self.pull = Pull::Idle;
        }
        // Nothing below the right, the base or what was cleared is ever sent.
        let below = frame.from.max(frame.base).previous();
        self.track.gap(Seq(1), below.max(self.record.cleared()));
    }

    /// Moves what fits into the range.
    pub(super) fn join(&mut self, mut joined: Joined, me: Option<&UserId>) {
        if !self.placed || self.stale {
            return;
        }
        self.track.join(&mut joined);
        for entry in &joined.newer {
            self.record.apply(entry, me);
            self.unread.entry(entry, me);
        }
        for entry in &joined.erased {
            self.unread.erased(entry.seq);
        }
        if joined.moved {
            self.record.start = self.track.start;
            self.record.cursor = self.track.cursor;
            self.record.head = self.record.head.max(self.track.cursor);
            self.unsaved.record = true;
        }
        self.unsaved.newer.append(&mut joined.newer);
        joined.older.append(&mut self.unsaved.older);
        self.unsaved.older = joined.older;
        self.unsaved.erased.append(&mut joined.erased);
    }

    /// True when something is missing between the cursor and what is known to exist.
    pub(super) fn has_hole(&self) -> bool {
        self.pull != Pull::Refused
            && (!self.placed
                || self.stale
                || self.track.is_behind()
                || self.track.cursor < self.record.head)
    }

    /// Looks for holes: what waits above one is asked for at once, what may still be on its way after a moment.
    pub(super) fn look_for_holes(&mut self, now: Timestamp, catching_up: bool) {
        if !self.placed || self.stale {
            return;
        }
        let acked = self.record.own.acked.unwrap_or(Seq::ZERO);
        let hole = self.track.is_behind() || acked > self.track.cursor;
        let tail = !catching_up && self.track.cursor < self.record.head;
        let due = match (hole, tail) {
            (true, _) => Some(now.plus(HOLE_PATIENCE)),
            (false, true) => Some(now.plus(TAIL_PATIENCE)),
            (false, false) => None,
        };
        self.pull = match (self.pull, due) {
            (Pull::Idle, Some(at)) => Pull::Due { at, attempts: 0 },
            (
                Pull::Due {
                    at: before,
                    attempts,
                },
                Some(at),
            ) => Pull::Due {
                at: at.min(before),
                attempts,
            },
            (Pull::Due { .. }, None) => Pull::Idle,
            (other, _) => other,
        };
    }

    /// What is unread now.
    pub(super) fn unread(&self) -> crate::wire::Unread {
        self.unread
            .count(self.record.unread_from(), &self.record.told)
    }

    /// The changes that bring the storage up to date.
    pub(super) fn changes(&mut self, changes: &mut Vec<Change>) {
        let unsaved = std::mem::take(&mut self.unsaved);
        let id = self.record.id.clone();
        let cleared = self.record.cleared();
        if cleared > self.cut {
            self.cut = cleared;
            changes.push(Change::Cut(id.clone(), cleared));
        }
        let mut entries = unsaved.older;
        entries.extend(unsaved.newer);
        entries.extend(unsaved.erased);
        entries.retain(|entry| entry.seq > cleared);
        let retracted: Vec<Seq> = entries
            .iter()
            .filter_map(|entry| match &entry.content {
                Content::Retraction(retraction) => Some(retraction.target),
                _ => None,
            })
            .collect();
        if !entries.is_empty() {
            changes.push(Change::Entries(id.clone(), entries));
        }
        changes.extend(
            retracted
                .into_iter()
                .map(|target| Change::Erase(id.clone(), target)),
        );
        let unread = self.unread();
        self.record.told = UnreadRecord {
            count: unread.count,
            exact: unread.exact,
            from: self.record.unread_from(),
            upto: self.track.cursor,
        };
        changes.push(Change::Conversation(Box::new(self.record.clone())));
    }

    /// Drops what is above `kept`, and lowers the marks to it.
    pub(super) fn truncate(&mut self, kept: Seq) {
        self.track.truncate(kept);
        self.unread.truncate(kept);
        self.stale = false;
        self.stored = self.stored.min(kept);
        self.pull = Pull::Idle;
        self.unsaved = Unsaved {
            record: true,
            ..Unsaved::default()
        };
        let record = &mut self.record;
        record.start = self.track.start;
        record.cursor = self.track.cursor;
        record.shown_delivered.truncate(kept);
        record.shown_read.truncate(kept);
        for marks in [&mut record.own, &mut record.wanted] {
            marks.acked = marks.acked.map(|acked| acked.min(kept));
            marks.delivered = marks.delivered.min(kept);
            marks.read = marks.read.min(kept);
            marks.read_private = marks.read_private.min(kept);
            marks.cleared = marks.cleared.min(kept);
        }
        for mark in record.others.values_mut() {
            mark.delivered = mark.delivered.min(kept);
            mark.read = mark.read.min(kept);
        }
        record.head = kept.max(self.track.cursor);
        record.described = record.described.min(kept);
    }
}
