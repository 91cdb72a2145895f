//! The storage's side: what is handed to it, and what may be said only when it has it (MARK-4, RES-1).
//!
//! ```text
//!   dirty conversations ──flush──► Store{ticket} ──stored──► acks, events
//!   caught_up{since} ──no hole anywhere──► flush, Settled{since}
//! ```

use crate::id::{ConversationId, Seq};
use crate::wire::{Ack, AckMark, Clear, ClientFrame, Read};

use super::super::change::Change;
use super::super::event::Event;
use super::place::Place;
use super::{ACK_MAX, Inbox, InboxOutput, Link, Storing};

impl Inbox {
    /// A transaction is durable.
    pub fn stored(&mut self, ticket: u64) {
        while let Some(storing) = self.storing.pop_front_if(|first| first.ticket <= ticket) {
            for (conversation, cursor) in storing.cursors {
                if let Some(place) = self.places.get_mut(&conversation)
                    && !place.stale
                    && cursor <= place.track.cursor
                {
                    place.stored = place.stored.max(cursor);
                    self.acks.insert(conversation, place.stored);
                }
            }
            for event in storing.events {
                self.event(event);
            }
        }
        self.settle();
    }

    /// Says again what the server has not confirmed (MARK-2).
    pub(super) fn repeat_marks(&mut self, conversation: &ConversationId) {
        if self.link == Link::Down {
            return;
        }
        let Some(place) = self.places.get(conversation) else {
            return;
        };
        if place.stale || !place.placed {
            return;
        }
        let (own, wanted) = (place.record.own, place.record.wanted);
        if place.stored > own.acked.unwrap_or(Seq::ZERO) {
            self.acks.insert(conversation.clone(), place.stored);
        }
        if wanted.cleared > own.cleared {
            let id = self.own_request(conversation);
            self.transmit(ClientFrame::Clear(Clear {
                id: Some(id),
                conversation: conversation.clone(),
                seq: wanted.cleared,
            }));
        }
        let reads = [
            (wanted.read, own.read, false),
            (wanted.read_private, own.read_private, true),
        ];
        for (seq, confirmed, private) in reads {
            if seq > confirmed {
                let id = self.own_request(conversation);
                self.transmit(ClientFrame::Read(Read {
                    id: Some(id),
                    conversation: conversation.clone(),
                    seq,
                    private,
                }));
            }
        }
    }

    /// Hands the cursor of the server over once nothing before it is missing.
    pub(super) fn settle(&mut self) {
        if self.link != Link::Live || self.since.is_none() {
            return;
        }
        if self.places.values().any(Place::has_hole) {
            return;
        }
        let marked = self
            .places
            .iter_mut()
            .filter(|(_, place)| place.unsaved.marks);
        for (id, place) in marked {
            place.unsaved.record = true;
            self.dirty.insert(id.clone());
        }
        self.flush();
        if let Some(since) = self.since.take() {
            let epoch = self.resetting.take();
            self.output.push_back(InboxOutput::Settled { since, epoch });
        }
    }

    /// Hands everything unsaved to the storage, as one transaction.
    pub(super) fn flush(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let mut changes = Vec::new();
        let mut cursors = Vec::new();
        let mut events = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let Some(place) = self.places.get_mut(&id) else {
                continue;
            };
            events.extend(place.unsaved.newer.iter().map(|entry| Event::Entry {
                conversation: id.clone(),
                entry: entry.clone(),
            }));
            if !place.unsaved.older.is_empty() {
                events.push(Event::Earlier {
                    conversation: id.clone(),
                    start: place.track.start,
                });
            }
            place.changes(&mut changes);
            cursors.push((id, place.track.cursor));
        }
        self.store(changes, cursors, events);
    }

    pub(super) fn store(
        &mut self,
        changes: Vec<Change>,
        cursors: Vec<(ConversationId, Seq)>,
        events: Vec<Event>,
    ) {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.storing.push_back(Storing {
            ticket,
            cursors,
            events,
        });
        self.output
            .push_back(InboxOutput::Store { ticket, changes });
    }

    pub(super) fn send_acks(&mut self) {
        if self.link == Link::Down || self.transient {
            self.acks.clear();
            return;
        }
        while !self.acks.is_empty() {
            let mut marks = Vec::new();
            while marks.len() < ACK_MAX
                && let Some((conversation, seq)) = self.acks.pop_first()
            {
                let known = self
                    .record(&conversation)
                    .and_then(|record| record.own.acked);
                if known.is_none_or(|acked| acked < seq) {
                    marks.push(AckMark { conversation, seq });
                }
            }
            if !marks.is_empty() {
                self.transmit(ClientFrame::Ack(Ack { marks }));
            }
        }
    }
}
