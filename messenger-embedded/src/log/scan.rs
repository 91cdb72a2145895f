//! Reading a stream forward: recovery, reclaiming, checking.
//!
//! ```text
//!   group valid? ─no─► first group of the next segment valid? ─no─► a valid group further on? ─no─► the end
//!        │ yes                    │ yes: go on there                        │ yes: damaged, not torn
//!        ▼
//!   next group valid? ─no─► bodies whole? ─no─► torn: the end lies before it
//!        │ yes: it was synced     │ yes
//!        └────────► visit ◄───────┘
//! ```
//!
//! A group is followed by another only if it was synced, so the bodies of all but the last are not read: those that were
//! erased in place are none of recovery's business.

use std::io;
use std::sync::Arc;

use super::Lsn;
use super::frame::{
    GROUP_HEADER, GroupHeader, Located, RECORD_HEADER, body_is_whole, parse_record,
};
use super::segment::{SEGMENT_HEADER, Segments};
use crate::fault::Fault;
use crate::file::{StoreFile, read_exact_at};

/// Bytes read at a time when a damaged group is looked for behind the end.
const SEARCH_BYTES: usize = 1 << 20;

/// Why a stream cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes that were durable are not what was written.
    #[error("{file}: damaged at byte {offset}, with data after it")]
    Damaged {
        /// The segment's file.
        file: String,
        /// Where in it.
        offset: u64,
    },
}

/// A record as the scan shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) at: Located,
    pub(crate) head: &'a [u8],
}

/// What a scan calls for each record.
pub(crate) type Visit<'a> = dyn FnMut(Record<'_>) -> Result<(), Fault> + 'a;

/// Visits every record from the group that begins at `from`. Answers the end of the stream.
pub(crate) fn scan(segments: &Segments, from: Lsn, visit: &mut Visit<'_>) -> Result<Lsn, Fault> {
    scan_until(segments, from, Lsn::MAX, visit)
}

/// Visits every record of a segment that is followed by another.
pub(crate) fn scan_segment(
    segments: &Segments,
    segment: u64,
    visit: &mut Visit<'_>,
) -> Result<(), Fault> {
    scan_until(
        segments,
        segments.first_group(segment),
        segments.first_group(segment + 1),
        visit,
    )?;
    Ok(())
}

fn scan_until(
    segments: &Segments,
    from: Lsn,
    until: Lsn,
    visit: &mut Visit<'_>,
) -> Result<Lsn, Fault> {
    let mut cursor = Cursor {
        segments,
        file: None,
        group: Vec::new(),
    };
    let mut at = from;
    loop {
        let Some((start, header)) = cursor.group_at_or_after(at)? else {
            cursor.nothing_follows(at)?;
            return Ok(at);
        };
        if start >= until {
            return Ok(at);
        }
        let end = start + GROUP_HEADER as u64 + u64::from(header.bytes);
        let whole = cursor.load(start, header)?;
        let synced = cursor.group_at_or_after(end)?.is_some();
        if whole && (synced || cursor.bodies_are_whole(header)) {
            cursor.visit(start, header, visit)?;
            at = end;
        } else if synced {
            return Err(cursor.damaged(start).into());
        } else {
            // The torn last group: nobody was told that it lasts.
            cursor.nothing_follows(end)?;
            return Ok(start);
        }
    }
}

/// Clears what a torn group left behind `end`, so that it is never met again, and makes the stream up to it durable.
pub(crate) fn settle_end(segments: &Segments, end: Lsn) -> io::Result<()> {
    let (segment, offset) = segments.place(end);
    if !segments.numbers()?.contains(&segment) {
        return Ok(());
    }
    let file = segments.file(segment)?;
    let size = file.size()?;
    let mut at = offset;
    let mut bytes = vec![0; SEARCH_BYTES];
    while at < size {
        let read = file.read_at(at, &mut bytes)?;
        if read == 0 {
            break;
        }
        if bytes[..read].iter().any(|byte| *byte != 0) {
            file.write_at(at, &vec![0; read])?;
        }
        at += read as u64;
    }
    file.sync()
}

struct Cursor<'a> {
    segments: &'a Segments,
    file: Option<(u64, Option<Arc<dyn StoreFile>>)>,
    /// The records of the group that was loaded last.
    group: Vec<u8>,
}

impl Cursor<'_> {
    /// The valid group at `at`, or the first one of the next segment if `at` is the end of its own.
    fn group_at_or_after(&mut self, at: Lsn) -> io::Result<Option<(Lsn, GroupHeader)>> {
        if let Some(header) = self.header(at)? {
            return Ok(Some((at, header)));
        }
        let next = self.segments.first_group(self.segments.place(at).0 + 1);
        Ok(self.header(next)?.map(|header| (next, header)))
    }

    fn header(&mut self, at: Lsn) -> io::Result<Option<GroupHeader>> {
        let (segment, offset) = self.segments.place(at);
        if offset < SEGMENT_HEADER || offset + GROUP_HEADER as u64 > self.segments.shape().bytes {
            return Ok(None);
        }
        let Some(file) = self.file(segment)? else {
            return Ok(None);
        };
        let mut header = [0; GROUP_HEADER];
        let read = file.read_at(offset, &mut header)?;
        Ok(GroupHeader::parse(
            self.segments.salt(),
            at,
            &header[..read],
        ))
    }

    /// Reads the records of a group; false if they are cut short or a head is damaged.
    fn load(&mut self, start: Lsn, header: GroupHeader) -> io::Result<bool> {
        let (segment, offset) = self.segments.place(start);
        let Some(file) = self.file(segment)? else {
            return Ok(false);
        };
        self.group.resize(header.bytes as usize, 0);
        match read_exact_at(&*file, offset + GROUP_HEADER as u64, &mut self.group) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut at = 0;
        for _ in 0..header.records {
            match self.record(at) {
                Some((located, _)) => at += located.bytes(),
                None => return Ok(false),
            }
        }
        Ok(at == self.group.len())
    }

    /// The record at `at` in the loaded group, with the checksum of its body.
    fn record(&self, at: usize) -> Option<(Located, u32)> {
        let header = parse_record(self.segments.salt(), self.group.get(at..)?)?;
        let located = Located {
            at: at as u64,
            head: header.head,
            body: header.body,
        };
        (at + located.bytes() <= self.group.len()).then_some((located, header.body_crc))
    }

    fn bodies_are_whole(&self, header: GroupHeader) -> bool {
        let mut at = 0;
        (0..header.records).all(|_| {
            let Some((located, crc)) = self.record(at) else {
                return false;
            };
            at += located.bytes();
            body_is_whole(
                self.segments.salt(),
                &self.group[at - located.body as usize..at],
                crc,
            )
        })
    }

    fn visit(&self, start: Lsn, header: GroupHeader, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let mut at = 0;
        for _ in 0..header.records {
            let Some((located, _)) = self.record(at) else {
                break;
            };
            let head_end = at + RECORD_HEADER + located.head as usize;
            let end = at + located.bytes();
            visit(Record {
                at: Located {
                    at: start + (GROUP_HEADER + at) as u64,
                    ..located
                },
                head: &self.group[at + RECORD_HEADER..head_end],
            })?;
            at = end;
        }
        Ok(())
    }

    /// Looks for a valid group behind what seems to be the end: then bytes in between were damaged.
    fn nothing_follows(&mut self, end: Lsn) -> Result<(), ScanError> {
        let (segment, offset) = self.segments.place(end);
        if let Some(last) = self.segments.numbers()?.last()
            && *last > segment + 1
        {
            return Err(self.damaged(end));
        }
        let Some(file) = self.file(segment)? else {
            return Ok(());
        };
        let mut at = offset;
        let mut bytes = vec![0; SEARCH_BYTES + GROUP_HEADER];
        loop {
            let read = file.read_at(at, &mut bytes)?;
            if read < GROUP_HEADER {
                return Ok(());
            }
            let base = segment * self.segments.shape().bytes + at;
            // Zeros, the usual case, are passed over by whole words.
            let found = !bytes[..read].iter().all(|byte| *byte == 0)
                && (0..=read - GROUP_HEADER).any(|i| {
                    bytes[i] != 0
                        && GroupHeader::parse(
                            self.segments.salt(),
                            base + i as u64,
                            &bytes[i..read],
                        )
                        .is_some()
                });
            if found {
                return Err(self.damaged(end));
            }
            if read < bytes.len() {
                return Ok(());
            }
            at += SEARCH_BYTES as u64;
        }
    }

    fn damaged(&self, at: Lsn) -> ScanError {
        let (segment, offset) = self.segments.place(at);
        ScanError::Damaged {
            file: self.segments.path(segment).display().to_string(),
            offset,
        }
    }

    /// The file of a segment, if it exists.
    fn file(&mut self, segment: u64) -> io::Result<Option<Arc<dyn StoreFile>>> {
        if let Some((number, file)) = &self.file
            && *number == segment
        {
            return Ok(file.clone());
        }
        let file = match self.segments.file(segment) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // A missing segment may be created later, but not while it is scanned.
        self.file = Some((segment, file.clone()));
        Ok(file)
    }
}
