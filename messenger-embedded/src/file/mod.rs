//! The one place that touches the operating system's files.
//!
//! ```text
//!   log · erase · backup
//!        │  write_at  read_at  sync  allocate  punch
//!        ▼
//!   FileLayer ──┬── RealFiles   std + fallocate
//!               └── SimFiles    tests: synced and unsynced bytes apart, crashes,
//!                               torn writes, full disks and errors from one seed
//! ```
//!
//! The layer is small so that a test can stand in for the disk. What a process loses when the power fails cannot be
//! seen by killing it: the kernel still holds what was never synced. The simulated layer loses it.

mod real;
#[cfg(test)]
pub(crate) mod sim;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use real::RealFiles;

/// A folder's files, as the store needs them.
pub(crate) trait FileLayer: Debug + Send + Sync + 'static {
    /// Creates a folder and its parents, durably.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Creates an empty file and makes its name durable. Fails if it exists.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>>;

    /// Opens a file that exists for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>>;

    /// Reads a whole small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Replaces a small file as a whole: after a crash it holds either the old or the new content.
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()>;

    /// Removes a file, durably.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Lists the names of the files in a folder, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Takes the lock file at `path`, held until the answer is dropped. [`io::ErrorKind::WouldBlock`] if another holds
    /// it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FolderLock>>;
}

/// One open file. Methods take `&self`: the kernel's positional calls need no cursor.
pub(crate) trait StoreFile: Debug + Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`. Durable only after [`StoreFile::sync`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads up to `into.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;

    /// Makes the file at least `bytes` long and reserves its blocks; what is new reads as zeros. With blocks reserved a
    /// sync has no metadata to write, and a full disk is noticed here rather than in the middle of a record.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Gives the blocks of a range back to the file system; the range then reads as zeros.
    fn punch(&self, offset: u64, bytes: u64) -> io::Result<()>;

    /// The size of the file in bytes.
    fn size(&self) -> io::Result<u64>;
}

/// A lock that is held while this value lives.
pub(crate) trait FolderLock: Debug + Send + Sync {}

/// Fills `into` from `offset`, or says that the file ended.
pub(crate) fn read_exact_at(file: &dyn StoreFile, offset: u64, into: &mut [u8]) -> io::Result<()> {
    if file.read_at(offset, into)? < into.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
