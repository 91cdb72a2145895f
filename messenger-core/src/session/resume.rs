//! Catching up: the inbox is walked, each conversation pulled, in numbered pages of which at most two are unconfirmed.
//!
//! ```text
//!   walk: inbox page ─► conversations ─► pulls (a few at once) ─► frames … page{n} ─► confirm{n}
//!                                                                 └─ all done ─► caught_up{since}
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::conversation::{Asker, Input as ConversationInput, Pulled, PulledFrame, Question};
use crate::id::{ConversationId, Seq};
use crate::limits::PAGES_UNCONFIRMED;
use crate::model::{InboxCursor, InboxPage, Since};
use crate::time::Timestamp;
use crate::wire::{CaughtUp, Code, Page};

use super::Session;
use super::hello::Resume;
use super::io::Output;

/// What the store did not answer is asked again after this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Pulls under way at once.
const PULLS_MAX: usize = 4;
/// Conversations and entries of a page, about.
const PAGE_WEIGHT: usize = 100;

/// The pages of a session, and the pulls that fill them.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// The `hello`, until the session is open.
    pub(super) resume: Option<Resume>,
    /// What the next walk begins from.
    pub(super) since: Option<Since>,
    queue: VecDeque<ConversationId>,
    under_way: usize,
    weight: usize,
    sent: u64,
    confirmed: u64,
    failed: Vec<ConversationId>,
    walk_failed: bool,
    /// When what the store did not answer is asked again.
    retry_at: Option<Timestamp>,
    /// Pages of an earlier walk that are still to come: they are passed over.
    overtaken: bool,
}

/// A walk through the inbox.
#[derive(Debug)]
pub(super) struct Walk {
    since: Option<Since>,
    next_since: Option<Since>,
    cursor: Option<InboxCursor>,
    asking: bool,
    listed: bool,
    /// Conversations that were told in this session are pulled again.
    again: bool,
}

impl Pages {
    pub(super) fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    fn retry_later(&mut self, now: Timestamp) {
        self.retry_at.get_or_insert(now.plus(RETRY_AFTER));
    }

    /// Asks again what the store did not answer, once it is time.
    pub(super) fn retry(&mut self, now: Timestamp) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.queue.extend(self.failed.drain(..));
            self.walk_failed = false;
        }
    }

    /// Nothing is being pulled any more.
    pub(super) fn forget_pulls(&mut self) {
        self.queue.clear();
        self.failed.clear();
        self.under_way = 0;
    }

    pub(super) fn confirm(&mut self, page: u64) -> bool {
        if page > self.sent {
            return false;
        }
        self.confirmed = self.confirmed.max(page);
        true
    }
}

impl Session {
    pub(super) fn begin_walk(&mut self, since: Option<Since>, again: bool) {
        self.pages.overtaken |= self.walk.as_ref().is_some_and(|walk| walk.asking);
        self.walk = Some(Box::new(Walk {
            since,
            next_since: None,
            cursor: None,
            asking: false,
            listed: false,
            again,
        }));
    }

    pub(super) fn inbox(&mut self, now: Timestamp, page: Option<InboxPage>) {
        if std::mem::take(&mut self.pages.overtaken) {
            return;
        }
        let Some(walk) = &mut self.walk else { return };
        if !walk.asking {
            return;
        }
        walk.asking = false;
        let Some(page) = page else {
            self.pages.walk_failed = true;
            self.pages.retry_later(now);
            return;
        };
        walk.next_since.get_or_insert(page.since);
        walk.listed = page.cursor.is_none();
        walk.cursor = page.cursor;
        let again = walk.again;
        for row in page.rows {
            let place = self.places.entry(row.conversation.clone()).or_default();
            if again {
                place.told = false;
            }
            if !place.told {
                self.want_pull(&row.conversation);
            }
        }
    }

    /// Queues a pull of a conversation, unless one is queued.
    pub(super) fn want_pull(&mut self, conversation: &ConversationId) {
        let place = self.places.entry(conversation.clone()).or_default();
        if place.pulling {
            place.again = true;
        } else {
            place.pulling = true;
            self.pages.queue.push_back(conversation.clone());
        }
    }

    /// Sends on what the window allows: pulls, the next page of the inbox, `page`, `caught_up`.
    pub(super) fn pump(&mut self) {
        let Some(who) = &self.who else { return };
        let asker = Asker {
            session: self.id,
            user: who.user.clone(),
            device: who.device,
        };
        while self.pages.under_way < PULLS_MAX
            && self.pages.sent - self.pages.confirmed < PAGES_UNCONFIRMED
        {
            let Some(conversation) = self.pages.queue.pop_front() else {
                break;
            };
            let place = self.places.entry(conversation.clone()).or_default();
            place.again = false;
            self.pages.under_way += 1;
            let question = Question::Pull {
                after: place.sent,
                summary: !place.told,
            };
            self.outputs.push_back(Output::Conversation(
                conversation,
                Box::new(ConversationInput::Ask {
                    asker: asker.clone(),
                    re: None,
                    question,
                }),
            ));
        }
        if !self.pages.queue.is_empty() || self.pages.under_way > 0 {
            return;
        }
        if let Some(walk) = &mut self.walk
            && !walk.listed
        {
            if !walk.asking && !self.pages.walk_failed && !self.pages.overtaken {
                walk.asking = true;
                self.outputs.push_back(Output::Inbox {
                    user: asker.user,
                    since: walk.since.clone(),
                    cursor: walk.cursor.clone(),
                });
            }
            return;
        }
        self.end_page();
        if self.pages.failed.is_empty()
            && let Some(walk) = self.walk.take()
        {
            let since = walk.next_since.unwrap_or(Since(String::new()));
            self.pages.since = Some(since.clone());
            self.send(CaughtUp { since: since.0 });
        }
    }

    fn end_page(&mut self) {
        if self.pages.weight > 0 {
            self.pages.weight = 0;
            self.pages.sent += 1;
            self.send(Page {
                page: self.pages.sent,
            });
        }
    }

    pub(super) fn pulled(&mut self, now: Timestamp, pulled: Pulled) {
        self.pages.under_way = self.pages.under_way.saturating_sub(1);
        let conversation = pulled.conversation;
        let Some(place) = self.places.get_mut(&conversation) else {
            return;
        };
        match pulled.refused {
            None => {}
            Some(Code::Unavailable) => {
                // Stays marked as being pulled, so that it is queued once.
                self.pages.failed.push(conversation);
                self.pages.retry_later(now);
                return;
            }
            Some(_) => {
                place.pulling = false;
                place.live = false;
                place.told = true;
                place.sent = Some(place.sent.unwrap_or(Seq::ZERO));
                return;
            }
        }
        place.told = true;
        place.sent = Some(place.sent.map_or(pulled.upto, |sent| sent.max(pulled.upto)));
        place.live = !pulled.more && !place.again;
        place.pulling = !place.live;
        if place.pulling {
            self.pages.queue.push_front(conversation.clone());
        }
        for frame in pulled.frames {
            match frame {
                PulledFrame::Frame(frame) => {
                    self.pages.weight += 1;
                    self.outputs.push_back(Output::Send(*frame));
                }
                PulledFrame::Entries(entries) => {
                    self.pages.weight += entries.len();
                    self.outputs.push_back(Output::SendPulled {
                        conversation: conversation.clone(),
                        entries,
                    });
                }
            }
        }
        if self.pages.weight >= PAGE_WEIGHT {
            self.end_page();
        }
    }
}
