//! The relay's journal: group commit without a timer.
//!
//! ```text
//!   server thread   append append append │ append append …      │ drain(durable group)
//!                   └──── group 1 ───────┘└──── group 2 ────────┘
//!   sync thread            write, fdatasync  1 ──► wake    write, fdatasync  2 ──► wake
//! ```
//!
//! The next group is whatever was appended while the last one was synced. The file is written full of zeros beforehand
//! and used as a ring, so that a sync writes data only and never the file's size.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::event::EventfdFlags;

/// The size of the ring.
const RING_BYTES: u64 = 128 * 1024 * 1024;

/// Zeros are written in pieces of this size.
const ZEROS: usize = 4 * 1024 * 1024;

/// Bytes in front of each record: its length.
const LENGTH: usize = 4;

/// Appends records and says when a group of them is on disk.
pub(crate) struct Journal {
    pending: Vec<u8>,
    spare: Vec<u8>,
    syncing: bool,
    groups: Sender<Vec<u8>>,
    durable: Receiver<io::Result<Vec<u8>>>,
    wakes: OwnedFd,
}

impl Journal {
    /// Makes the ring in `folder`, and starts the thread that syncs it.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        Self::with_ring(folder, RING_BYTES)
    }

    fn with_ring(folder: &Path, ring_bytes: u64) -> io::Result<Self> {
        let file = preallocate(&folder.join("relay.journal"), ring_bytes)?;
        let wakes = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let wake = wakes.try_clone()?;
        let (groups, queued) = channel::<Vec<u8>>();
        let (done, durable) = channel();
        thread::Builder::new()
            .name("relay-sync".into())
            .spawn(move || {
                let mut at = 0;
                for group in queued {
                    let synced = write_group(&file, &mut at, ring_bytes, &group).map(|()| group);
                    if done.send(synced).is_err()
                        || rustix::io::write(&wake, &1_u64.to_ne_bytes()).is_err()
                    {
                        return;
                    }
                }
            })?;
        Ok(Self {
            pending: Vec::new(),
            spare: Vec::new(),
            syncing: false,
            groups,
            durable,
            wakes,
        })
    }

    /// Readable when a group became durable.
    pub(crate) fn wakes(&self) -> BorrowedFd<'_> {
        self.wakes.as_fd()
    }

    /// Appends a record of two parts; it is durable once [`Journal::durable`] gives it back.
    pub(crate) fn append(&mut self, head: &[u8], body: &[u8]) {
        let length = u32::try_from(head.len() + body.len()).expect("a record is at most one frame");
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.extend_from_slice(head);
        self.pending.extend_from_slice(body);
    }

    /// Hands what is pending to the sync thread if that is idle; call it at the end of each round.
    pub(crate) fn start_sync(&mut self) -> io::Result<()> {
        if self.syncing || self.pending.is_empty() {
            return Ok(());
        }
        let group = std::mem::replace(&mut self.pending, std::mem::take(&mut self.spare));
        self.syncing = true;
        self.groups
            .send(group)
            .map_err(|_| io::Error::other("the sync thread is gone"))
    }

    /// Takes the group that became durable, if one did.
    pub(crate) fn durable(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Ok(group) = self.durable.try_recv() else {
            return Ok(None);
        };
        let mut count = [0; 8];
        match rustix::io::read(&self.wakes, &mut count) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        self.syncing = false;
        group.map(Some)
    }

    /// Takes back the buffer of a group, for the next one.
    pub(crate) fn recycle(&mut self, mut group: Vec<u8>) {
        group.clear();
        self.spare = group;
    }
}

/// The records of a group, in the order in which they were appended.
pub(crate) fn records(group: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = group;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<LENGTH>()?;
        let (record, next) =
            after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        rest = next;
        Some(record)
    })
}

fn preallocate(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = File::create(path)?;
    let zeros = vec![0; ZEROS];
    let mut left = bytes;
    while left > 0 {
        let piece = usize::try_from(left).unwrap_or(ZEROS).min(ZEROS);
        file.write_all(&zeros[..piece])?;
        left -= piece as u64;
    }
    file.sync_all()?;
    Ok(file)
}

fn write_group(file: &File, at: &mut u64, ring_bytes: u64, group: &[u8]) -> io::Result<()> {
    let length = group.len() as u64;
    if *at + length > ring_bytes {
        *at = 0;
    }
    file.write_all_at(group, *at)?;
    *at += length;
    rustix::fs::fdatasync(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_in_order_after_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut journal = Journal::with_ring(folder.path(), 4096).expect("a journal");

        for round in 0..20_u8 {
            journal.append(&[round; 16], b"first");
            journal.append(&[round; 16], &[round; 300]);
            journal.start_sync().expect("a sync thread");
            journal.append(b"the next group", b"");
            let group = loop {
                if let Some(group) = journal.durable().expect("a sync") {
                    break group;
                }
                thread::yield_now();
            };

            let found: Vec<&[u8]> = records(&group).collect();
            let own = if round == 0 { 0 } else { 1 };
            assert_eq!(found.len(), 2 + own);
            assert_eq!(found[own], [&[round; 16][..], b"first"].concat());
            assert_eq!(found[own + 1], [&[round; 16][..], &[round; 300]].concat());
            let file = std::fs::read(folder.path().join("relay.journal")).expect("the ring");
            assert_eq!(file.len(), 4096, "the ring keeps its size");
            assert!(
                file.windows(group.len()).any(|bytes| bytes == group),
                "the group is in the file"
            );
            journal.recycle(group);
        }
    }
}
