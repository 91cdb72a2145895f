//! After the server's store was restored from a backup (RES-3).
//!
//! ```text
//!   reset{epoch} ──► every conversation is stale: nothing joins it, nothing of it is acked
//!   conversation{kept} ──► Load{above kept} ──► one transaction: entries above `kept` go, own ones are in the outbox again
//!   caught_up, and nothing is stale any more ──► Settled{since, epoch}
//! ```

use crate::id::{ConversationId, Epoch, Seq};
use crate::model::Entry;
use crate::time::Timestamp;

use super::super::change::{Change, OutgoingRecord};
use super::super::event::Event;
use super::super::outbox::Failure;
use super::super::request::Request;
use super::place::Pull;
use super::{Inbox, InboxOutput};

impl Inbox {
    /// The server's store has another epoch than this storage (RES-3).
    pub fn reset(&mut self, epoch: Epoch) {
        if self.resetting == Some(epoch) {
            return;
        }
        self.resetting = Some(epoch);
        for place in self.places.values_mut().filter(|place| place.placed) {
            place.stale = true;
        }
        self.acks.clear();
        self.event(Event::Reset { epoch });
    }

    /// What [`InboxOutput::Load`] asked for.
    pub fn loaded(&mut self, now: Timestamp, conversation: &ConversationId, entries: &[Entry]) {
        let me = self.me.clone();
        let Some(place) = self.places.get_mut(conversation) else {
            return;
        };
        let Some((kept, frame)) = place.loading.take() else {
            return;
        };
        place.truncate(kept);
        for storing in &mut self.storing {
            // What was on its way is stored by now, and was of the log that is gone.
            storing.cursors.retain(|(stored, _)| stored != conversation);
        }
        let mut changes = vec![Change::Truncate(conversation.clone(), kept)];
        let own = entries.iter().filter(|e| Some(&e.sender) == me.as_ref());
        let mut again = Vec::new();
        for entry in own.filter(|entry| entry.seq > kept) {
            let Some(request) = Request::again(&entry.content, kept) else {
                continue;
            };
            let lost = request.target().is_some_and(|target| target > kept);
            again.push(OutgoingRecord {
                cmid: entry.cmid,
                conversation: conversation.clone(),
                request,
                queued_at: now,
                order: entry.seq.0,
                failure: lost.then_some(Failure::TargetLost),
                maybe_sent: true,
            });
        }
        changes.extend(again.iter().cloned().map(Change::Outgoing));
        place.changes(&mut changes);
        let cursor = place.track.cursor;
        self.store(
            changes,
            vec![(conversation.clone(), cursor)],
            vec![Event::Dropped {
                conversation: conversation.clone(),
                kept,
            }],
        );
        for record in again {
            self.output.push_back(InboxOutput::Requeue { record, kept });
        }
        if let Some(frame) = frame {
            self.conversation(now, &frame);
        }
        self.settle();
    }

    pub(super) fn load(&mut self, conversation: ConversationId, above: Seq) {
        self.flush();
        self.output.push_back(InboxOutput::Load {
            conversation,
            above,
        });
    }

    /// After a reset the whole inbox was listed: of what was not, the log is gone as a whole.
    pub(super) fn drop_what_the_server_no_longer_has(&mut self) {
        if self.resetting.is_none() {
            return;
        }
        let gone: Vec<ConversationId> = self
            .places
            .iter_mut()
            .filter(|(_, place)| place.stale && place.loading.is_none())
            .filter_map(|(id, place)| {
                if place.record.member {
                    place.loading = Some((Seq::ZERO, None));
                    return Some(id.clone());
                }
                // A group that the user has left: what is here stays, nothing more is to come.
                place.stale = false;
                place.pull = Pull::Refused;
                None
            })
            .collect();
        for id in gone {
            self.load(id, Seq::ZERO);
        }
    }
}
