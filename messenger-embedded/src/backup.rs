//! Backup while running, and restore under a new epoch.
//!
//! ```text
//!   backup:    copy entries [start, p1) ──► standstill: copy entries [p1, p2), all state ──► FORMAT role backup
//!                  everything goes on           nothing is erased in place or reclaimed; messages go on
//!   restore:   copy the logs ──► open under a new epoch ──► record "restored" ──► FORMAT role store
//! ```
//!
//! The end of the backup is taken last. A body that was overwritten while its segment was copied was so after its erase
//! record was durable, hence the record is in the backup too. The index is not copied: it is rebuilt.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use messenger_core::id::Epoch;

use crate::engine::{self, Engine, Parts};
use crate::fault::Fault;
use crate::file::{FileLayer, RealFiles, StoreFile};
use crate::folder::{self, Format, OpenError, Role, epoch_from, io_error};
use crate::log::{Drive, Lsn, SEGMENT_HEADER, Segments, Stream};
use crate::options::Options;
use crate::record::put_restored;
use crate::store::{Store, damaged, open_index, random};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// The names of the folders of both streams.
const STREAMS: [(Stream, &str); 2] = [(Stream::Entries, "entries"), (Stream::State, "state")];

impl Store {
    /// Copies the store into `target`, an absent or empty folder, while everything goes on. The copy is consistent: it is
    /// the store at one moment during the call.
    ///
    /// # Errors
    /// [`OpenError::NotEmpty`], or what the operating system refused.
    pub fn backup(&self, target: impl AsRef<Path>) -> Result<(), OpenError> {
        self.engine.backup(target.as_ref())
    }

    /// Makes a store in `target`, an absent or empty folder, from a backup. It opens under a new epoch, never the old one:
    /// what was acknowledged after the backup is lost, and clients are told so.
    ///
    /// # Errors
    /// [`OpenError::NotABackup`], [`OpenError::NotEmpty`], [`OpenError::Damaged`], or what the operating system refused.
    pub fn restore(backup: impl AsRef<Path>, target: impl AsRef<Path>) -> Result<(), OpenError> {
        restore(backup.as_ref(), target.as_ref())
    }
}

impl Engine {
    fn backup(&self, target: &Path) -> Result<(), OpenError> {
        let files = RealFiles;
        let failed = io_error(target);
        let _lock = folder::lock(&files, target)?;
        if !folder::is_empty(&files, target)? {
            return Err(OpenError::NotEmpty(target.into()));
        }
        for (_, name) in STREAMS {
            files.create_dir(&target.join(name)).map_err(&failed)?;
        }
        let entries = Copy::new(self.log.stream(Stream::Entries), target.join("entries"));
        let start = entries.first().map_err(&failed)?;
        let most = self.log.positions().entries;
        entries.range(start, most).map_err(&failed)?;
        let standstill = self
            .standstill
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let end = self.log.positions();
        entries.range(most, end.entries).map_err(&failed)?;
        let state = Copy::new(self.log.stream(Stream::State), target.join("state"));
        state
            .range(state.first().map_err(&failed)?, end.state)
            .map_err(&failed)?;
        drop(standstill);
        Format {
            role: Role::Backup,
            ..self.format
        }
        .write(&files, target)
    }
}

fn restore(backup: &Path, target: &Path) -> Result<(), OpenError> {
    let files = Arc::new(RealFiles);
    let format = match Format::read(&*files, backup)? {
        Some(format) if format.role == Role::Backup => format,
        _ => return Err(OpenError::NotABackup(backup.into())),
    };
    let _lock = folder::lock(&*files, target)?;
    if !folder::is_empty(&*files, target)? {
        return Err(OpenError::NotEmpty(target.into()));
    }
    let random = random(target)?;
    let epoch = epoch_from(*random.first_chunk().expect("twelve bytes"));
    let format = Format {
        epoch,
        role: Role::Restoring,
        ..format
    };
    format.write(&*files, target)?;
    copy_streams(&files, backup, target).map_err(io_error(target))?;
    let parts = Parts {
        files: files.clone(),
        index: open_index(target)?,
        folder: target.into(),
        format,
        options: Options::default(),
        drive: Drive::Thread,
    };
    let engine = Arc::new(engine::open(parts).map_err(|fault| damaged(target, fault))?);
    let log = engine.log.clone();
    let writer = std::thread::spawn(move || log.run());
    let recorded = engine.record_restore(epoch);
    engine.log.stop();
    let _panicked = writer.join();
    recorded.map_err(|fault| damaged(target, fault))?;
    Format {
        role: Role::Store,
        ..format
    }
    .write(&*files, target)
}

impl Engine {
    /// Records that everything in the log so far is what a restore has kept.
    pub(crate) fn record_restore(&self, epoch: Epoch) -> Result<(), Fault> {
        let mut batch = self.log.batch(Stream::Entries, 64);
        let located = batch.record(|out| put_restored(out, epoch), |_| ());
        let submitted = self.log.submit(Stream::Entries, &batch)?;
        self.log.wait(submitted.cycle)?;
        self.logs.restored(submitted.at + located.at);
        self.checkpoint(&|| ())
    }
}

/// Copies a stream of a running store.
struct Copy<'a> {
    stream: &'a Segments,
    folder: std::path::PathBuf,
}

impl Copy<'_> {
    fn new(stream: &Segments, folder: std::path::PathBuf) -> Copy<'_> {
        Copy { stream, folder }
    }

    /// The beginning of the oldest segment.
    fn first(&self) -> io::Result<Lsn> {
        Ok(self.stream.numbers()?.first().copied().unwrap_or(0) * self.stream.shape().bytes)
    }

    /// Copies the bytes of a range, as far as there are any.
    fn range(&self, from: Lsn, to: Lsn) -> io::Result<()> {
        let mut at = from;
        if self.stream.place(from).1 <= SEGMENT_HEADER {
            // Nothing was there to be copied before: the header goes first.
            at -= self.stream.place(from).1;
        }
        while at < to {
            let (segment, offset) = self.stream.place(at);
            let end = to.min((segment + 1) * self.stream.shape().bytes);
            match self.stream.file(segment) {
                Ok(file) => {
                    let target = self.target(segment)?;
                    copy_range(&*file, &*target, offset, end - at)?;
                    target.sync()?;
                }
                // The position lies in a segment that nothing was written to yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            at = end;
        }
        Ok(())
    }

    fn target(&self, segment: u64) -> io::Result<Arc<dyn StoreFile>> {
        let path = self.folder.join(crate::log::file_name(segment));
        match RealFiles.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => RealFiles.create(&path),
            answer => answer,
        }
    }
}

fn copy_streams(files: &RealFiles, from: &Path, to: &Path) -> io::Result<()> {
    for (_, name) in STREAMS {
        let (from, to) = (from.join(name), to.join(name));
        files.create_dir(&to)?;
        for file in files.list(&from)? {
            let (source, target) = (
                files.open(&from.join(&file))?,
                files.create(&to.join(&file))?,
            );
            copy_range(&*source, &*target, 0, source.size()?)?;
            target.sync()?;
        }
    }
    Ok(())
}

fn copy_range(from: &dyn StoreFile, to: &dyn StoreFile, offset: u64, bytes: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK.min(bytes as usize)];
    let (mut at, end) = (offset, offset + bytes);
    while at < end {
        let want = chunk.len().min((end - at) as usize);
        let read = from.read_at(at, &mut chunk[..want])?;
        if read == 0 {
            return Ok(());
        }
        to.write_at(at, &chunk[..read])?;
        at += read as u64;
    }
    Ok(())
}
