//! Real files: `std` for everything it can do, `rustix` for preallocating and punching.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};

use super::{FileLayer, FolderLock, StoreFile};

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct RealFiles;

impl FileLayer for RealFiles {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
            _ => Ok(()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        file.sync_all()?;
        sync_parent(path)?;
        Ok(Arc::new(RealFile { file }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(RealFile { file }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_parent(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        sync_parent(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FolderLock>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
}

impl StoreFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match self.file.read_at(&mut into[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let size = self.size()?;
        if size >= bytes {
            return Ok(());
        }
        match fallocate(&self.file, FallocateFlags::empty(), size, bytes - size) {
            // A file system without preallocation: a sparse file is as right, only slower to sync.
            Err(rustix::io::Errno::OPNOTSUPP) => self.file.set_len(bytes),
            answer => Ok(answer?),
        }
    }

    fn punch(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&self.file, flags, offset, bytes) {
            // The bytes were overwritten before: punching only saves space.
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            answer => Ok(answer?),
        }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// The lock lives as long as the open file does; the kernel drops it even after `kill -9`.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl FolderLock for RealLock {}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Makes the names in a folder durable.
fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_of_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("LOCK");
        let held = RealFiles.lock(&path).unwrap();
        assert_eq!(
            RealFiles.lock(&path).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        drop(held);
        RealFiles.lock(&path).unwrap();
    }

    #[test]
    fn an_allocated_file_is_zeros_and_a_punched_range_reads_as_zeros() {
        let folder = tempfile::tempdir().unwrap();
        let file = RealFiles.create(&folder.path().join("a")).unwrap();
        file.allocate(64 << 10).unwrap();
        assert_eq!(file.size().unwrap(), 64 << 10);
        file.write_at(0, &[7; 16 << 10]).unwrap();
        file.sync().unwrap();
        file.punch(4096, 4096).unwrap();
        let mut bytes = [1; 12 << 10];
        super::super::read_exact_at(&*file, 0, &mut bytes).unwrap();
        assert_eq!(bytes[4095], 7);
        assert!(bytes[4096..8192].iter().all(|byte| *byte == 0));
        assert_eq!(bytes[8192], 7);
    }
}
