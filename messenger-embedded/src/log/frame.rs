//! The bytes of groups and records.
//!
//! ```text
//!   group header   magic 4 | bytes 4 | position 8 | records 4 | crc 4
//!   record header  head bytes 4 | body bytes 4 | crc of body 4 | crc of the rest 4
//! ```
//!
//! Integers are little-endian. Checksums are CRC-32C, begun with the store's salt: a client that writes bytes which look
//! like a group into a body cannot know it, so no body is ever taken for a part of the log.

use super::Lsn;

pub(super) const GROUP_HEADER: usize = 24;
pub(crate) const RECORD_HEADER: usize = 16;

/// The largest batch that one submission may carry.
pub(crate) const MAX_BATCH_BYTES: usize = 8 << 20;

const MAGIC: u32 = 0x5047_534D;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) at: Lsn,
    pub(crate) head: u32,
    pub(crate) body: u32,
}

impl Located {
    /// The bytes of the whole record.
    pub(crate) fn bytes(self) -> usize {
        RECORD_HEADER + self.head as usize + self.body as usize
    }

    /// Where its body begins.
    pub(crate) fn body_at(self) -> Lsn {
        self.at + (RECORD_HEADER + self.head as usize) as u64
    }
}

/// Framed records that become durable together, ready to be copied into a group.
#[derive(Debug)]
pub(crate) struct Batch {
    salt: u32,
    bytes: Vec<u8>,
    records: u32,
}

impl Batch {
    pub(super) fn new(salt: u32, capacity: usize) -> Batch {
        Batch {
            salt,
            bytes: Vec::with_capacity(capacity),
            records: 0,
        }
    }

    /// Adds a record; `head` and `body` write themselves. Answers where it lies, counted from the start of the batch.
    pub(crate) fn record(
        &mut self,
        head: impl FnOnce(&mut Vec<u8>),
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Located {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; RECORD_HEADER]);
        head(&mut self.bytes);
        let head_end = self.bytes.len();
        body(&mut self.bytes);
        let body_bytes = (self.bytes.len() - head_end) as u32;
        let head_bytes = (head_end - start - RECORD_HEADER) as u32;
        let body_crc = crc32c::crc32c_append(self.salt, &self.bytes[head_end..]);
        let header = &mut self.bytes[start..start + RECORD_HEADER];
        header[0..4].copy_from_slice(&head_bytes.to_le_bytes());
        header[4..8].copy_from_slice(&body_bytes.to_le_bytes());
        header[8..12].copy_from_slice(&body_crc.to_le_bytes());
        let crc = head_crc(self.salt, &self.bytes[start..head_end]);
        self.bytes[start + 12..start + RECORD_HEADER].copy_from_slice(&crc.to_le_bytes());
        self.records += 1;
        Located {
            at: start as u64,
            head: head_bytes,
            body: body_bytes,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn records(&self) -> u32 {
        self.records
    }
}

/// The header of a record whose checksum was right.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordHeader {
    pub(super) head: u32,
    pub(super) body: u32,
    pub(super) body_crc: u32,
}

/// Reads the record at the start of `bytes`, which need not hold the body. `None` if it is damaged or incomplete.
pub(super) fn parse_record(salt: u32, bytes: &[u8]) -> Option<RecordHeader> {
    let header = bytes.get(..RECORD_HEADER)?;
    let head = le32(header, 0);
    let with_head = bytes.get(..RECORD_HEADER.checked_add(head as usize)?)?;
    let parsed = RecordHeader {
        head,
        body: le32(header, 4),
        body_crc: le32(header, 8),
    };
    (head_crc(salt, with_head) == le32(header, 12)).then_some(parsed)
}

/// Splits the bytes of a whole record into head and body. The body is `None` if it is not what was written: erased, or
/// damaged.
pub(crate) fn decode_record(salt: u32, bytes: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let header = parse_record(salt, bytes)?;
    let (head, rest) = bytes[RECORD_HEADER..].split_at(header.head as usize);
    let body = rest.get(..header.body as usize)?;
    Some((
        head,
        body_is_whole(salt, body, header.body_crc).then_some(body),
    ))
}

/// Tells whether a body is what was written.
pub(super) fn body_is_whole(salt: u32, body: &[u8], crc: u32) -> bool {
    crc32c::crc32c_append(salt, body) == crc
}

/// The header of a group whose checksum and position were right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupHeader {
    /// The bytes of the records that follow.
    pub(super) bytes: u32,
    pub(super) records: u32,
}

impl GroupHeader {
    pub(super) fn write(self, salt: u32, at: Lsn, into: &mut [u8]) {
        into[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        into[4..8].copy_from_slice(&self.bytes.to_le_bytes());
        into[8..16].copy_from_slice(&at.to_le_bytes());
        into[16..20].copy_from_slice(&self.records.to_le_bytes());
        let crc = crc32c::crc32c_append(salt, &into[..20]);
        into[20..GROUP_HEADER].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads a header that must stand at `at`.
    pub(super) fn parse(salt: u32, at: Lsn, bytes: &[u8]) -> Option<GroupHeader> {
        let header = bytes.get(..GROUP_HEADER)?;
        let position = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
        if le32(header, 0) != MAGIC || position != at {
            return None;
        }
        let right = crc32c::crc32c_append(salt, &header[..20]) == le32(header, 20);
        right.then(|| GroupHeader {
            bytes: le32(header, 4),
            records: le32(header, 16),
        })
    }
}

fn head_crc(salt: u32, with_head: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(salt, &with_head[..12]);
    crc32c::crc32c_append(crc, &with_head[RECORD_HEADER..])
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_checksum_when_its_body_is_erased() {
        let mut batch = Batch::new(7, 64);
        let at = batch.record(
            |head| head.extend_from_slice(b"head"),
            |body| body.extend_from_slice(b"body"),
        );
        let mut bytes = batch.bytes().to_vec();
        assert!(parse_record(7, &bytes).is_some());
        bytes[at.body_at() as usize..].fill(0);
        let header = parse_record(7, &bytes).expect("the head does not depend on the body");
        assert!(!body_is_whole(
            7,
            &bytes[at.body_at() as usize..],
            header.body_crc
        ));
    }

    #[test]
    fn every_flipped_bit_of_a_head_is_noticed() {
        let mut batch = Batch::new(7, 64);
        batch.record(|head| head.extend_from_slice(b"head"), |_| ());
        for bit in 0..batch.bytes().len() * 8 {
            let mut bytes = batch.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(parse_record(7, &bytes).is_none(), "bit {bit}");
        }
        assert!(parse_record(8, batch.bytes()).is_none(), "another salt");
    }

    #[test]
    fn a_group_is_valid_only_at_its_own_position() {
        let mut bytes = [0; GROUP_HEADER];
        GroupHeader {
            bytes: 9,
            records: 1,
        }
        .write(7, 64, &mut bytes);
        assert!(GroupHeader::parse(7, 64, &bytes).is_some());
        assert!(GroupHeader::parse(7, 65, &bytes).is_none());
        assert!(GroupHeader::parse(6, 64, &bytes).is_none());
    }
}
