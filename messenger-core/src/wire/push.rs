//! Entries encoded once for all their readers: a push is put together from finished pieces.
//!
//! ```text
//!   Entry ──once per codec──► bytes ─┬─► entries frame of reader A
//!                                    ├─► entries frame of reader B
//!                                    └─► entries frame of reader C, together with the next entry
//! ```

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::id::ConversationId;
use crate::model::Stored;

use super::{Codec, ServerFrame};

/// An entry with its encoded forms, each made when it is first asked for.
#[derive(Debug)]
pub struct EncodedEntry {
    stored: Arc<Stored>,
    #[cfg(feature = "json")]
    json: OnceLock<Bytes>,
    cbor: OnceLock<Bytes>,
}

impl EncodedEntry {
    /// Wraps an entry.
    pub fn new(stored: Arc<Stored>) -> Self {
        Self {
            stored,
            #[cfg(feature = "json")]
            json: OnceLock::new(),
            cbor: OnceLock::new(),
        }
    }

    /// The entry.
    pub fn stored(&self) -> &Arc<Stored> {
        &self.stored
    }

    /// The entry in this codec.
    pub fn bytes(&self, codec: Codec) -> &Bytes {
        match codec {
            #[cfg(feature = "json")]
            Codec::Json => self.json.get_or_init(|| {
                serde_json::to_vec(&self.stored.entry)
                    .expect("entries have string keys and no failing parts")
                    .into()
            }),
            Codec::Cbor => self
                .cbor
                .get_or_init(|| super::cbor::write(&self.stored.entry).into()),
        }
    }
}

impl ServerFrame {
    /// Writes the frame in this codec at the end of `out`.
    pub fn encode(&self, codec: Codec, out: &mut Vec<u8>) {
        match codec {
            #[cfg(feature = "json")]
            Codec::Json => serde_json::to_writer(out, self)
                .expect("frames have string keys and no failing parts"),
            Codec::Cbor => minicbor::encode(self, out).expect("writing to a Vec cannot fail"),
        }
    }
}

/// Puts an `entries` frame together from encoded entries, at the end of `out`.
pub fn encode_entries<'a>(
    codec: Codec,
    conversation: &ConversationId,
    entries: impl ExactSizeIterator<Item = &'a EncodedEntry>,
    out: &mut Vec<u8>,
) {
    match codec {
        #[cfg(feature = "json")]
        Codec::Json => {
            out.extend_from_slice(b"{\"entries\":{\"conversation\":");
            serde_json::to_writer(&mut *out, conversation).expect("writing to a Vec cannot fail");
            out.extend_from_slice(b",\"entries\":[");
            for (i, entry) in entries.enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(entry.bytes(codec));
            }
            out.extend_from_slice(b"]}}");
        }
        Codec::Cbor => {
            let mut encoder = minicbor::Encoder::new(&mut *out);
            encoder
                .array(2)
                .and_then(|e| e.u16(3))
                .and_then(|e| e.map(2))
                .and_then(|e| e.u8(0))
                .and_then(|e| e.str(conversation.as_str()))
                .and_then(|e| e.u8(1))
                .and_then(|e| e.array(entries.len() as u64))
                .expect("writing to a Vec cannot fail");
            for entry in entries {
                out.extend_from_slice(entry.bytes(codec));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Cmid, Ordinal, Seq, UserId};
    use crate::model::{Content, Entry, Message};
    use crate::time::Timestamp;
    use crate::wire::Entries;

    #[test]
    fn a_push_of_pieces_is_the_frame_encoded_whole() {
        let conversation = ConversationId::parse("anna/ben").unwrap();
        let entries: Vec<Entry> = (1..=3)
            .map(|seq| Entry {
                seq: Seq(seq),
                sender: UserId::parse("anna").unwrap(),
                cmid: Cmid::from_parts(Timestamp(1_790_000_000_000 + seq), [seq as u8; 10]),
                time: Timestamp(1_790_000_000_000 + seq),
                ordinal: Ordinal(seq),
                content: Content::Message(Message::text("fünf \"Zeichen\" 👩‍👩‍👧")),
            })
            .collect();
        let pieces: Vec<EncodedEntry> = entries
            .iter()
            .map(|entry| {
                EncodedEntry::new(Arc::new(Stored {
                    entry: entry.clone(),
                    accepted_at: entry.time,
                    hidden_from: None,
                    digest: None,
                    expiry: None,
                }))
            })
            .collect();
        let whole = ServerFrame::Entries(Entries {
            conversation: conversation.clone(),
            entries,
            re: None,
            overlays: Vec::new(),
            more: false,
        });
        let encoded = |codec| {
            let mut out = Vec::new();
            encode_entries(codec, &conversation, pieces.iter(), &mut out);
            out
        };
        assert_eq!(encoded(Codec::Json), whole.to_json().into_bytes());
        assert_eq!(ServerFrame::from_cbor(&encoded(Codec::Cbor)), Ok(whole));
    }
}
