//! Asking for what is missing.
//!
//! ```text
//!   idle ──hole──► due(at) ──► asked ──answer──► idle, or due again: at once if it was of use, else with backoff
//!                                 └──refused──► refused, until the server describes the conversation again
//! ```

use crate::id::{ConversationId, Seq};
use crate::time::Timestamp;
use crate::wire::{ClientFrame, HistoryRequest, Open};

use super::super::backoff::Backoff;
use super::place::Pull;
use super::{INBOX_ID_BASE, Inbox, Link};

impl Inbox {
    pub(super) fn look_for_holes(&mut self, now: Timestamp, conversation: &ConversationId) {
        let catching_up = self.link != Link::Live;
        if let Some(place) = self.places.get_mut(conversation) {
            place.look_for_holes(now, catching_up);
        }
        self.pull_one(now, conversation);
    }

    pub(super) fn pull(&mut self, now: Timestamp) {
        let ids: Vec<ConversationId> = self.places.keys().cloned().collect();
        for id in &ids {
            self.pull_one(now, id);
        }
    }

    pub(super) fn pull_one(&mut self, now: Timestamp, conversation: &ConversationId) {
        if self.link == Link::Down {
            return;
        }
        let Some(place) = self.places.get_mut(conversation) else {
            return;
        };
        let Pull::Due { at, attempts } = place.pull else {
            return;
        };
        if at > now {
            return;
        }
        if !place.has_hole() && place.record.own.acked.unwrap_or(Seq::ZERO) <= place.track.cursor {
            place.pull = Pull::Idle;
            return;
        }
        let cursor = place.track.cursor;
        let id = self.own_request(conversation);
        let place = self.place(conversation);
        place.pull = Pull::Asked {
            id,
            cursor,
            attempts,
        };
        self.transmit(ClientFrame::History(HistoryRequest {
            id: Some(id),
            conversation: conversation.clone(),
            before: None,
            after: Some(cursor),
            limit: None,
        }));
    }

    /// The answer to a pull is here: go on if there is still a hole, and slower if it was of no use.
    pub(super) fn pulled(&mut self, now: Timestamp, conversation: &ConversationId) {
        let place = self.place(conversation);
        if let Pull::Asked {
            cursor, attempts, ..
        } = place.pull
        {
            let useful = place.track.cursor > cursor;
            place.pull = match place.has_hole() {
                false => Pull::Idle,
                true if useful => Pull::Due {
                    at: now,
                    attempts: 0,
                },
                true => Pull::Due {
                    at: now.plus(Backoff::CONNECTING.bound(attempts)),
                    attempts: attempts + 1,
                },
            };
        }
        self.pull_one(now, conversation);
        self.settle();
    }

    pub(super) fn open(&mut self, conversation: &ConversationId) {
        if self.link == Link::Down {
            return;
        }
        let place = self.place(conversation);
        if place.opening {
            return;
        }
        place.opening = true;
        let id = self.own_request(conversation);
        self.transmit(ClientFrame::Open(Open {
            id: Some(id),
            conversation: conversation.clone(),
        }));
    }

    /// An id for a request of this inbox about a conversation.
    pub(super) fn own_request(&mut self, conversation: &ConversationId) -> u64 {
        let id = INBOX_ID_BASE + self.next_id;
        self.next_id += 1;
        self.ids.insert(id, conversation.clone());
        id
    }
}
