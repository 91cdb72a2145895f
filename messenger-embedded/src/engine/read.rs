//! Reading entries from the log.

use std::sync::Arc;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::{Content, Stored};
use messenger_core::store::{LogHead, ReadLimit};

use super::Engine;
use crate::bytes::Malformed;
use crate::fault::Fault;
use crate::file::read_exact_at;
use crate::log::{Located, Stream, decode_record};
use crate::logs::Place;
use crate::record::{BodyState, EntriesRecord, EntryHead};

impl Engine {
    /// Reads the entries of these places, as many as the limit allows, in seq order.
    pub(crate) fn read(
        &self,
        conversation: &ConversationId,
        places: &[Place],
        limit: ReadLimit,
    ) -> Result<Vec<Arc<Stored>>, Fault> {
        let mut page = Vec::with_capacity(places.len());
        let mut bytes = 0;
        let mut take = |place: &Place| -> Result<bool, Fault> {
            let stored = self.stored(conversation, place)?;
            bytes += body_bytes(&stored.entry.content);
            let fits = bytes <= limit.bytes || page.is_empty();
            if fits {
                page.push(Arc::new(stored));
            }
            Ok(fits)
        };
        if limit.newest_first {
            for place in places.iter().rev() {
                if !take(place)? {
                    break;
                }
            }
            page.reverse();
        } else {
            for place in places {
                if !take(place)? {
                    break;
                }
            }
        }
        Ok(page)
    }

    /// One entry, also below the base as long as its record is there.
    pub(crate) fn entry(
        &self,
        conversation: &ConversationId,
        seq: Seq,
    ) -> Result<(LogHead, Stored), Fault> {
        let places = self.logs.locate_one(conversation, seq)?;
        let place = places
            .found
            .first()
            .ok_or(Malformed("claim without an entry"))?;
        Ok((places.end, self.stored(conversation, place)?))
    }

    /// Reads one entry; one whose body was erased as its tombstone.
    pub(crate) fn stored(
        &self,
        conversation: &ConversationId,
        place: &Place,
    ) -> Result<Stored, Fault> {
        let mut bytes = Vec::new();
        if let BodyState::Erased(reason) = place.body {
            return Ok(self
                .head(conversation, place, &mut bytes)?
                .0
                .into_stored(Err(reason))?);
        }
        let (head, body) = self.head(conversation, place, &mut bytes)?;
        if let Some(body) = body {
            return Ok(head.into_stored(Ok(body))?);
        }
        // It may have been erased since its place was looked up.
        match self
            .logs
            .locate_one(conversation, place.seq)?
            .found
            .first()
            .map(|place| place.body)
        {
            Some(BodyState::Erased(reason)) => Ok(head.into_stored(Err(reason))?),
            _ => Err(Fault::Corrupt(format!(
                "{conversation}: the body of entry {} is damaged",
                place.seq
            ))),
        }
    }

    /// The head of an entry, and its body if that is whole.
    fn head<'b>(
        &self,
        conversation: &ConversationId,
        place: &Place,
        bytes: &'b mut Vec<u8>,
    ) -> Result<(EntryHead, Option<&'b [u8]>), Fault> {
        self.raw(place.at, bytes)?;
        let salt = self.log.stream(Stream::Entries).salt();
        let wrong =
            |what: &str| Fault::Corrupt(format!("{conversation}: entry {} is {what}", place.seq));
        let (head, body) = decode_record(salt, bytes).ok_or_else(|| wrong("damaged"))?;
        match EntriesRecord::parse(head)? {
            EntriesRecord::Entry(head)
                if head.seq == place.seq && head.conversation == *conversation =>
            {
                Ok((head, body))
            }
            _ => Err(wrong("not where the index says")),
        }
    }

    /// The bytes of a record in the log of entries.
    fn raw(&self, at: Located, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        let stream = self.log.stream(Stream::Entries);
        let (segment, offset) = stream.place(at.at);
        bytes.resize(at.bytes(), 0);
        Ok(read_exact_at(&*stream.file(segment)?, offset, bytes)?)
    }
}

/// The bytes of a content that count against a read limit.
pub(crate) fn body_bytes(content: &Content) -> usize {
    match content {
        Content::Message(message) => message.body_bytes(),
        Content::Edit(edit) => edit.message.body_bytes(),
        _ => 0,
    }
}
