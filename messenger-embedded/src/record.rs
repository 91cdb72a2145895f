//! What the heads of records say: every kind of record in one table.
//!
//! ```text
//!   entries   1 entry      conversation, change, seq, sender, cmid, times, ordinal, …   body: digest, content
//!             2 erase      conversation, change, reason, seqs
//!             3 cut        conversation, change, base
//!             4 restored   epoch
//!   state    16 changes    bumps (conversation, change), puts (key, value or none)
//!            17 moved      puts alone: a copy of what still counted in a segment that goes
//! ```
//!
//! A *change* is a number that rises over the whole store. It orders the inboxes, and survives with the record.

use messenger_core::id::{Cmid, ConversationId, Epoch, Ordinal, Seq, UserId};
use messenger_core::model::{
    Content, ContentDigest, Entry, EraseReason, Expiry, Kind, Stored, Tombstone,
};
use messenger_core::time::Timestamp;

use crate::bytes::{Malformed, Put, Take};

const ENTRY: u8 = 1;
const ERASE: u8 = 2;
const CUT: u8 = 3;
const RESTORED: u8 = 4;
const CHANGES: u8 = 16;
const MOVED: u8 = 17;

/// What became of the body of an entry; one byte in tails and runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// There is none that could be erased.
    Fixed,
    /// It is there.
    Kept,
    /// It was erased.
    Erased(EraseReason),
}

impl BodyState {
    pub(crate) fn of(content: &Content) -> BodyState {
        if content.has_body() {
            BodyState::Kept
        } else {
            BodyState::Fixed
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        match self {
            BodyState::Fixed => 0,
            BodyState::Kept => 1,
            BodyState::Erased(reason) => 2 + reason.number() as u8,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Result<BodyState, Malformed> {
        Ok(match byte {
            0 => BodyState::Fixed,
            1 => BodyState::Kept,
            reason => BodyState::Erased(reason_of(reason - 2)?),
        })
    }
}

/// A record of the stream of entries.
#[derive(Debug)]
pub(crate) enum EntriesRecord {
    Entry(EntryHead),
    Erase {
        conversation: ConversationId,
        change: u64,
        reason: EraseReason,
        seqs: Vec<Seq>,
    },
    Cut {
        conversation: ConversationId,
        change: u64,
        base: Seq,
    },
    Restored,
}

/// The head of an entry: everything but its content.
#[derive(Debug, Clone)]
pub(crate) struct EntryHead {
    pub(crate) conversation: ConversationId,
    pub(crate) change: u64,
    pub(crate) seq: Seq,
    pub(crate) sender: UserId,
    pub(crate) cmid: Cmid,
    pub(crate) time: Timestamp,
    pub(crate) ordinal: Ordinal,
    pub(crate) accepted_at: Timestamp,
    pub(crate) hidden_from: Option<UserId>,
    pub(crate) kind: Kind,
    pub(crate) expiry: Option<Expiry>,
    pub(crate) body: BodyState,
}

/// A record of the stream of state.
#[derive(Debug)]
pub(crate) struct StateRecord<'a> {
    pub(crate) bumps: Vec<(ConversationId, u64)>,
    pub(crate) puts: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

pub(crate) fn put_entry_head(
    out: &mut Vec<u8>,
    conversation: &ConversationId,
    change: u64,
    stored: &Stored,
) {
    let entry = &stored.entry;
    out.put_u8(ENTRY);
    out.put_text(conversation.as_str());
    out.put_u64(change);
    out.put_varint(entry.seq.get());
    out.put_text(entry.sender.as_str());
    out.put_cmid(&entry.cmid);
    out.put_u64(entry.time.get());
    out.put_varint(entry.ordinal.get());
    out.put_u64(stored.accepted_at.get());
    out.put_text(stored.hidden_from.as_ref().map_or("", UserId::as_str));
    out.put_u64(stored.expiry.map_or(0, |expiry| expiry.at.get()));
    out.put_u8(u8::from(stored.expiry.is_some_and(|expiry| expiry.relay)));
    out.put_u8(entry.content.kind().number() as u8);
    out.put_u8(BodyState::of(&entry.content).to_byte());
}

/// The part of an entry that can be erased: the digest of the content and the content.
pub(crate) fn put_entry_body(out: &mut Vec<u8>, stored: &Stored) {
    match &stored.digest {
        None => out.put_u8(0),
        Some(digest) => {
            out.put_u8(1);
            out.extend_from_slice(digest.as_bytes());
        }
    }
    out.put_cbor(&stored.entry.content);
}

pub(crate) fn put_erase(
    out: &mut Vec<u8>,
    conversation: &ConversationId,
    change: u64,
    reason: EraseReason,
    seqs: &[Seq],
) {
    out.put_u8(ERASE);
    out.put_text(conversation.as_str());
    out.put_u64(change);
    out.put_u8(reason.number() as u8);
    out.put_varint(seqs.len() as u64);
    for seq in seqs {
        out.put_varint(seq.get());
    }
}

pub(crate) fn put_cut(out: &mut Vec<u8>, conversation: &ConversationId, change: u64, base: Seq) {
    out.put_u8(CUT);
    out.put_text(conversation.as_str());
    out.put_u64(change);
    out.put_varint(base.get());
}

pub(crate) fn put_restored(out: &mut Vec<u8>, epoch: Epoch) {
    out.put_u8(RESTORED);
    out.put_u64(epoch.get());
}

pub(crate) fn put_changes<'a>(
    out: &mut Vec<u8>,
    bumps: &[(ConversationId, u64)],
    puts: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) {
    out.put_u8(CHANGES);
    out.put_varint(bumps.len() as u64);
    for (conversation, change) in bumps {
        out.put_text(conversation.as_str());
        out.put_u64(*change);
    }
    put_puts(out, puts);
}

pub(crate) fn put_moved<'a>(
    out: &mut Vec<u8>,
    puts: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) {
    out.put_u8(MOVED);
    put_puts(out, puts);
}

fn put_puts<'a>(
    out: &mut Vec<u8>,
    puts: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) {
    out.put_varint(puts.len() as u64);
    for (key, value) in puts {
        out.put_bytes(key);
        match value {
            None => out.put_u8(0),
            Some(value) => {
                out.put_u8(1);
                out.put_bytes(value);
            }
        }
    }
}

impl EntriesRecord {
    pub(crate) fn parse(head: &[u8]) -> Result<EntriesRecord, Malformed> {
        let mut take = Take::new(head);
        Ok(match take.u8()? {
            ENTRY => EntriesRecord::Entry(EntryHead::parse(take)?),
            ERASE => {
                let conversation = take.conversation()?;
                let change = take.u64()?;
                let reason = reason_of(take.u8()?)?;
                let count = take.varint()?;
                let seqs = (0..count)
                    .map(|_| Ok(Seq(take.varint()?)))
                    .collect::<Result<_, _>>()?;
                EntriesRecord::Erase {
                    conversation,
                    change,
                    reason,
                    seqs,
                }
            }
            CUT => EntriesRecord::Cut {
                conversation: take.conversation()?,
                change: take.u64()?,
                base: Seq(take.varint()?),
            },
            RESTORED => EntriesRecord::Restored,
            _ => return Err(Malformed("kind of record")),
        })
    }
}

impl EntryHead {
    fn parse(mut take: Take<'_>) -> Result<EntryHead, Malformed> {
        Ok(EntryHead {
            conversation: take.conversation()?,
            change: take.u64()?,
            seq: Seq(take.varint()?),
            sender: take.user()?,
            cmid: take.cmid()?,
            time: Timestamp(take.u64()?),
            ordinal: Ordinal(take.varint()?),
            accepted_at: Timestamp(take.u64()?),
            hidden_from: match take.text()? {
                "" => None,
                user => Some(UserId::parse(user).map_err(|_| Malformed("user id"))?),
            },
            expiry: match (take.u64()?, take.u8()?) {
                (0, _) => None,
                (at, relay) => Some(Expiry {
                    at: Timestamp(at),
                    relay: relay == 1,
                }),
            },
            kind: kind_of(take.u8()?)?,
            body: BodyState::from_byte(take.u8()?)?,
        })
    }

    /// The entry with its body, or the tombstone that is left of it.
    pub(crate) fn into_stored(self, body: Result<&[u8], EraseReason>) -> Result<Stored, Malformed> {
        let (digest, content) = match body {
            Err(reason) => (
                None,
                Content::Tombstone(Tombstone {
                    kind: self.kind,
                    reason,
                }),
            ),
            Ok(body) => {
                let mut take = Take::new(body);
                let digest = match take.u8()? {
                    0 => None,
                    _ => Some(ContentDigest::from_bytes(take.array("digest")?)),
                };
                (digest, take.cbor("content")?)
            }
        };
        Ok(Stored {
            entry: Entry {
                seq: self.seq,
                sender: self.sender,
                cmid: self.cmid,
                time: self.time,
                ordinal: self.ordinal,
                content,
            },
            accepted_at: self.accepted_at,
            hidden_from: self.hidden_from,
            digest,
            expiry: self.expiry,
        })
    }
}

impl<'a> StateRecord<'a> {
    pub(crate) fn parse(head: &'a [u8]) -> Result<StateRecord<'a>, Malformed> {
        let mut take = Take::new(head);
        let bumps = match take.u8()? {
            CHANGES => {
                let count = take.varint()?;
                (0..count)
                    .map(|_| Ok((take.conversation()?, take.u64()?)))
                    .collect::<Result<_, _>>()?
            }
            MOVED => Vec::new(),
            _ => return Err(Malformed("kind of record")),
        };
        let count = take.varint()?;
        let puts = (0..count)
            .map(|_| {
                let key = take.bytes()?;
                let value = match take.u8()? {
                    0 => None,
                    _ => Some(take.bytes()?),
                };
                Ok((key, value))
            })
            .collect::<Result<_, _>>()?;
        Ok(StateRecord { bumps, puts })
    }
}

fn reason_of(number: u8) -> Result<EraseReason, Malformed> {
    let found = EraseReason::ALL
        .iter()
        .find(|reason| reason.number() == u16::from(number));
    found.copied().ok_or(Malformed("reason"))
}

fn kind_of(number: u8) -> Result<Kind, Malformed> {
    let found = Kind::ALL
        .iter()
        .find(|kind| kind.number() == u16::from(number));
    found.copied().ok_or(Malformed("kind of entry"))
}
