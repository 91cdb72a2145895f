//! The store's own encodings: little-endian integers, varints, short strings.
//!
//! Heads of records and values of the index are read far more often than they change, so they are plain sequences
//! without tags. What may grow (contents, snapshots, settings) is CBOR inside them.

use messenger_core::id::{Cmid, ConversationId, UserId};
use minicbor::{Decode, Encode};
use uuid::Uuid;

/// Writes values to the end of a buffer.
pub(crate) trait Put {
    fn put_u8(&mut self, value: u8);
    fn put_u64(&mut self, value: u64);
    fn put_varint(&mut self, value: u64);
    fn put_bytes(&mut self, value: &[u8]);
    fn put_text(&mut self, value: &str);
    fn put_cmid(&mut self, value: &Cmid);
    fn put_cbor<T: Encode<()>>(&mut self, value: &T);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_bytes(&mut self, value: &[u8]) {
        self.put_varint(value.len() as u64);
        self.extend_from_slice(value);
    }

    fn put_text(&mut self, value: &str) {
        self.put_bytes(value.as_bytes());
    }

    fn put_cmid(&mut self, value: &Cmid) {
        self.extend_from_slice(value.as_bytes());
    }

    fn put_cbor<T: Encode<()>>(&mut self, value: &T) {
        minicbor::encode(value, self).expect("writing to a Vec cannot fail");
    }
}

/// The bytes end early or break a rule: the name of what was being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads values from the front of a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'a> {
    bytes: &'a [u8],
}

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Take<'a> {
        Take { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>("byte")?[0])
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array("integer")?))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed("varint"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.varint()?;
        self.slice(usize::try_from(length).map_err(|_| Malformed("length"))?)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("text"))
    }

    pub(crate) fn user(&mut self) -> Result<UserId, Malformed> {
        UserId::parse(self.text()?).map_err(|_| Malformed("user id"))
    }

    pub(crate) fn conversation(&mut self) -> Result<ConversationId, Malformed> {
        Take::conversation_from(self.text()?)
    }

    /// A conversation's id from text that was found in a key.
    pub(crate) fn conversation_from(text: &str) -> Result<ConversationId, Malformed> {
        ConversationId::parse(text).map_err(|_| Malformed("conversation id"))
    }

    pub(crate) fn cmid(&mut self) -> Result<Cmid, Malformed> {
        Cmid::from_uuid(Uuid::from_bytes(self.array("cmid")?)).map_err(|_| Malformed("cmid"))
    }

    /// The rest, as CBOR.
    pub(crate) fn cbor<T: Decode<'a, ()>>(self, what: &'static str) -> Result<T, Malformed> {
        minicbor::decode(self.bytes).map_err(|_| Malformed(what))
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Malformed(what))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(Malformed("length"))?;
        self.bytes = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_again() {
        let mut bytes = Vec::new();
        let cmid = Cmid::from_parts(messenger_core::time::Timestamp(77), [3; 10]);
        for value in [0, 127, 128, 300, u64::MAX] {
            bytes.put_varint(value);
        }
        bytes.put_text("anna/ben");
        bytes.put_cmid(&cmid);
        let mut take = Take::new(&bytes);
        for value in [0, 127, 128, 300, u64::MAX] {
            assert_eq!(take.varint(), Ok(value));
        }
        assert_eq!(take.conversation().unwrap().as_str(), "anna/ben");
        assert_eq!(take.cmid(), Ok(cmid));
        assert!(take.is_empty());
        assert_eq!(take.u8(), Err(Malformed("byte")));
    }
}
