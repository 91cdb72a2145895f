//! What a client's storage holds, as a value in memory: the meaning of every [`Change`].
//!
//! ```text
//!   changes, in order ──apply──► Image { session, conversations, entries, outgoing } ──► Saved, pages
//! ```
//!
//! A storage in memory is an image; one on disk is a log of changes and the image that they make.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::id::{Cmid, ConversationId, Seq};
use crate::limits::UNREAD_EXACT_MAX;
use crate::model::{Content, Entry, EraseReason, Tombstone};

use super::change::{Change, ConversationRecord, OutgoingRecord, Saved, SessionRecord};

/// What a client's storage holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    session: SessionRecord,
    conversations: BTreeMap<ConversationId, ConversationRecord>,
    entries: BTreeMap<ConversationId, BTreeMap<Seq, Entry>>,
    outgoing: BTreeMap<Cmid, OutgoingRecord>,
}

impl Image {
    /// Makes one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Session(session) => self.session = session.clone(),
            Change::Conversation(record) => {
                self.conversations
                    .insert(record.id.clone(), (**record).clone());
            }
            Change::Entries(conversation, entries) => {
                self.of(conversation)
                    .extend(entries.iter().map(|entry| (entry.seq, entry.clone())));
            }
            Change::Truncate(conversation, seq) => {
                self.of(conversation).split_off(&seq.next());
            }
            Change::Cut(conversation, seq) => {
                let entries = self.of(conversation);
                *entries = entries.split_off(&seq.next());
            }
            Change::Erase(conversation, seq) => {
                if let Some(entry) = self.of(conversation).get_mut(seq) {
                    erase(entry);
                }
            }
            Change::Outgoing(record) => {
                self.outgoing.insert(record.cmid, record.clone());
            }
            Change::Sent(cmid) => {
                self.outgoing.remove(cmid);
            }
        }
    }

    /// What a client starts from.
    pub fn saved(&self) -> Saved {
        let recent = self.conversations.values().map(|record| {
            let unread = record.unread_from().next();
            let entries = self.entries.get(&record.id).into_iter();
            let mut newest: Vec<Entry> = entries
                .flat_map(|entries| entries.range(unread..).rev())
                .take(usize::try_from(UNREAD_EXACT_MAX).unwrap_or(usize::MAX))
                .map(|(_, entry)| entry.clone())
                .collect();
            newest.reverse();
            (record.id.clone(), newest)
        });
        Saved {
            session: self.session.clone(),
            recent: recent.collect(),
            conversations: self.conversations.clone(),
            outgoing: self.outgoing.values().cloned().collect(),
        }
    }

    /// The entries of a range: the newest ones of it, at most `limit`, in order.
    pub fn entries(
        &self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: usize,
    ) -> Vec<Entry> {
        if range.is_empty() {
            return Vec::new();
        }
        let mut newest: Vec<Entry> = self
            .entries
            .get(conversation)
            .into_iter()
            .flat_map(|entries| entries.range(range.clone()).rev())
            .take(limit)
            .map(|(_, entry)| entry.clone())
            .collect();
        newest.reverse();
        newest
    }

    /// The changes that make this image out of nothing.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        let session = std::iter::once(Change::Session(self.session.clone()));
        let conversations = self.conversations.values().cloned();
        let entries = self.entries.iter().map(|(conversation, entries)| {
            Change::Entries(conversation.clone(), entries.values().cloned().collect())
        });
        let outgoing = self.outgoing.values().cloned();
        session
            .chain(conversations.map(|record| Change::Conversation(Box::new(record))))
            .chain(entries)
            .chain(outgoing.map(Change::Outgoing))
    }

    fn of(&mut self, conversation: &ConversationId) -> &mut BTreeMap<Seq, Entry> {
        self.entries.entry(conversation.clone()).or_default()
    }
}

/// Takes the body of a retracted message, and leaves the rest.
fn erase(entry: &mut Entry) {
    let kind = entry.content.kind();
    if entry.content.has_body() {
        entry.content = Content::Tombstone(Tombstone {
            kind,
            reason: EraseReason::Retracted,
        });
    }
}
