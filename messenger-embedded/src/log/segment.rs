//! The files of one stream.
//!
//! ```text
//!   folder/00000000.log   [0 × size, 1 × size)      header | groups …
//!   folder/00000001.log   [1 × size, 2 × size)
//! ```
//!
//! A segment grows by reserved steps up to its size, so that a young store is small and a sync seldom has metadata to
//! write. At most [`MAX_OPEN_SEGMENTS`] files are open at a time.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Lsn;
use crate::file::{FileLayer, StoreFile};
use crate::folder::FORMAT_VERSION;

/// The bytes before the first group of a segment.
pub(crate) const SEGMENT_HEADER: u64 = 64;

/// Open files per stream; the least recently opened is closed first.
pub(crate) const MAX_OPEN_SEGMENTS: usize = 64;

const MAGIC: [u8; 8] = *b"MSGRLOG\0";

/// The sizes of a stream's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentShape {
    /// The size of a full segment. Positions are counted by it: it never changes in the life of a store.
    pub(crate) bytes: u64,
    /// The step by which a segment is reserved ahead of the writer.
    pub(crate) step: u64,
}

/// The segments of one stream.
#[derive(Debug)]
pub(crate) struct Segments {
    files: Arc<dyn FileLayer>,
    folder: PathBuf,
    shape: SegmentShape,
    salt: u32,
    open: Mutex<VecDeque<(u64, Arc<dyn StoreFile>)>>,
}

impl Segments {
    pub(crate) fn new(
        files: Arc<dyn FileLayer>,
        folder: PathBuf,
        shape: SegmentShape,
        salt: u32,
    ) -> Segments {
        Segments {
            files,
            folder,
            shape,
            salt,
            open: Mutex::default(),
        }
    }

    pub(crate) fn shape(&self) -> SegmentShape {
        self.shape
    }

    pub(crate) fn salt(&self) -> u32 {
        self.salt
    }

    /// The segment and the offset in it of a position.
    pub(crate) fn place(&self, at: Lsn) -> (u64, u64) {
        (at / self.shape.bytes, at % self.shape.bytes)
    }

    /// The position of the first group of a segment.
    pub(crate) fn first_group(&self, segment: u64) -> Lsn {
        segment * self.shape.bytes + SEGMENT_HEADER
    }

    /// Makes the folder, and makes durable what a process that was killed may have left in the kernel's hands.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        self.files.create_dir(&self.folder)?;
        match self.numbers()?.last() {
            Some(last) => self.file(*last)?.sync(),
            None => Ok(()),
        }
    }

    /// The numbers of the segments that exist, rising.
    pub(crate) fn numbers(&self) -> io::Result<Vec<u64>> {
        let names = self.files.list(&self.folder)?;
        let mut numbers: Vec<u64> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The path of a segment's file.
    pub(crate) fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(file_name(segment))
    }

    /// Creates a segment with its header; the header is durable with the first sync.
    pub(crate) fn create(&self, segment: u64) -> io::Result<Arc<dyn StoreFile>> {
        let file = match self.files.create(&self.path(segment)) {
            // A crash came between the creation and the first group.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.files.open(&self.path(segment))?
            }
            answer => answer?,
        };
        file.allocate(self.shape.step.min(self.shape.bytes))?;
        file.write_at(0, &self.header(segment))?;
        self.keep(segment, &file);
        Ok(file)
    }

    /// The file of a segment that exists.
    pub(crate) fn file(&self, segment: u64) -> io::Result<Arc<dyn StoreFile>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(number, _)| *number == segment) {
            return Ok(file.clone());
        }
        drop(open);
        let file = self.files.open(&self.path(segment))?;
        self.keep(segment, &file);
        Ok(file)
    }

    /// Removes a segment for good.
    pub(crate) fn remove(&self, segment: u64) -> io::Result<()> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(number, _)| *number != segment);
        self.files.remove(&self.path(segment))
    }

    fn keep(&self, segment: u64, file: &Arc<dyn StoreFile>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(number, _)| *number != segment);
        if open.len() == MAX_OPEN_SEGMENTS {
            open.pop_front();
        }
        open.push_back((segment, file.clone()));
    }

    fn header(&self, segment: u64) -> [u8; SEGMENT_HEADER as usize] {
        let mut header = [0; SEGMENT_HEADER as usize];
        header[0..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        header[12..20].copy_from_slice(&segment.to_le_bytes());
        header[20..28].copy_from_slice(&self.shape.bytes.to_le_bytes());
        let crc = crc32c::crc32c_append(self.salt, &header[..28]);
        header[28..32].copy_from_slice(&crc.to_le_bytes());
        header
    }
}

/// The name of a segment's file.
pub(crate) fn file_name(segment: u64) -> String {
    format!("{segment:08}.log")
}
