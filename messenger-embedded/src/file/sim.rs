//! A disk in memory that can be crashed.
//!
//! ```text
//!   write_at ─► now ──────────── what the process sees
//!                │ sync
//!                ▼
//!             synced ─────────── what a power failure leaves, plus a seeded choice of unsynced sectors
//! ```
//!
//! Every call that changes something counts as one *operation*. A test runs a workload once to count the operations and
//! then once more for each of them with a fault planted there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{FileLayer, FolderLock, StoreFile};

/// A disk writes whole sectors; a torn write ends at the edge of one.
const SECTOR: usize = 512;

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// The machine stops: this operation and all after it fail.
    Crash,
    /// This operation alone fails with an input/output error and does nothing.
    Error,
    /// This operation and all later ones that need room fail: the disk is full.
    Full,
}

/// The simulated disk. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SimFiles {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<PathBuf, Content>,
    locked: BTreeMap<PathBuf, u64>,
    operations: u64,
    fault: Option<(u64, Plant)>,
    skip_every_sync: bool,
    /// Counts the crashes: handles from before one are dead.
    life: u64,
    capacity: Option<u64>,
}

#[derive(Debug, Default, Clone)]
struct Content {
    synced: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl SimFiles {
    pub(crate) fn new() -> SimFiles {
        SimFiles {
            disk: Arc::default(),
        }
    }

    /// Plants a fault at the operation with this number, counted from 1.
    pub(crate) fn plant(&self, operation: u64, plant: Plant) {
        self.disk().fault = Some((operation, plant));
    }

    /// Makes every sync a lie.
    pub(crate) fn skip_every_sync(&self) {
        self.disk().skip_every_sync = true;
    }

    /// Limits the bytes of all files together.
    pub(crate) fn limit(&self, bytes: u64) {
        self.disk().capacity = Some(bytes);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// The power fails. What was synced stays; of the rest, a choice of sectors made by `seed`.
    pub(crate) fn crash(&self, seed: u64) {
        let mut random = SplitMix(seed);
        let mut disk = self.disk();
        disk.life += 1;
        disk.fault = None;
        disk.locked.clear();
        for content in disk.files.values_mut() {
            content.lose(&mut random);
        }
    }

    /// Everything on the disk as the process sees it, for searching.
    pub(crate) fn dump(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let disk = self.disk();
        disk.files
            .iter()
            .map(|(path, content)| (path.clone(), content.now.clone()))
            .collect()
    }

    /// Overwrites bytes behind the store's back.
    pub(crate) fn damage(&self, path: &Path, offset: usize, bytes: &[u8]) {
        let mut disk = self.disk();
        let content = disk
            .files
            .get_mut(path)
            .expect("the test names a file that exists");
        content.now[offset..offset + bytes.len()].copy_from_slice(bytes);
        content.synced = content.now.clone();
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no test panics inside the disk")
    }
}

impl FileLayer for SimFiles {
    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let mut disk = self.disk();
        disk.operate()?;
        disk.make_room(0)?;
        if disk.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(path.into(), Content::default());
        Ok(self.handle(path, disk.life))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoreFile>> {
        let disk = self.disk();
        if !disk.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(self.handle(path, disk.life))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let disk = self.disk();
        let content = disk.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.now.clone())
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operate()?;
        disk.files.insert(
            path.into(),
            Content {
                synced: content.to_vec(),
                now: content.to_vec(),
                unsynced: Vec::new(),
            },
        );
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operate()?;
        disk.files.remove(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let disk = self.disk();
        let inside = disk.files.keys().filter(|file| file.parent() == Some(path));
        Ok(inside
            .filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FolderLock>> {
        let mut disk = self.disk();
        let life = disk.life;
        if disk.locked.contains_key(path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        disk.locked.insert(path.into(), life);
        Ok(Box::new(SimLock {
            disk: self.clone(),
            path: path.into(),
            life,
        }))
    }
}

impl SimFiles {
    fn handle(&self, path: &Path, life: u64) -> Arc<dyn StoreFile> {
        Arc::new(SimFile {
            disk: self.clone(),
            path: path.into(),
            life,
        })
    }
}

impl Disk {
    /// Counts an operation and carries out the fault planted at it. `true`: a sync must do nothing.
    fn operate(&mut self) -> io::Result<bool> {
        self.operations += 1;
        match self.fault {
            Some((at, Plant::Crash)) if self.operations >= at => {
                Err(io::Error::other("the machine stopped"))
            }
            Some((at, Plant::Error)) if self.operations == at => {
                Err(io::Error::other("input/output error"))
            }
            _ => Ok(self.skip_every_sync),
        }
    }

    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let used: usize = self.files.values().map(|content| content.now.len()).sum();
        let over = self
            .capacity
            .is_some_and(|capacity| used as u64 + bytes > capacity);
        let full = matches!(self.fault, Some((at, Plant::Full)) if self.operations >= at);
        if over || full {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

impl Content {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[offset..end].copy_from_slice(bytes);
        self.unsynced.push((offset, bytes.to_vec()));
    }

    fn sync(&mut self) {
        self.unsynced.clear();
        self.synced.clone_from(&self.now);
    }

    /// Keeps what was synced and a seeded choice of the sectors that were not.
    fn lose(&mut self, random: &mut SplitMix) {
        // One crash in four loses all, one keeps a prefix, two keep a scattered choice.
        let style = random.next() % 4;
        let written: usize = self.unsynced.iter().map(|(_, bytes)| bytes.len()).sum();
        let keep_bytes = random.next() as usize % (written + 1);
        let mut seen = 0;
        let mut left = self.synced.clone();
        for (offset, bytes) in std::mem::take(&mut self.unsynced) {
            let mut at = 0;
            while at < bytes.len() {
                let sector_end = (offset + at) / SECTOR * SECTOR + SECTOR - offset;
                let end = sector_end.min(bytes.len());
                let kept = match style {
                    0 => false,
                    1 => seen < keep_bytes,
                    _ => random.next().is_multiple_of(2),
                };
                if kept {
                    if left.len() < offset + end {
                        left.resize(offset + end, 0);
                    }
                    left[offset + at..offset + end].copy_from_slice(&bytes[at..end]);
                }
                seen += end - at;
                at = end;
            }
        }
        self.synced.clone_from(&left);
        self.now = left;
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimFiles,
    path: PathBuf,
    life: u64,
}

impl SimFile {
    /// Runs `act` on the content if this handle is of the present life.
    fn content<T>(&self, disk: &mut Disk, act: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        if disk.life != self.life {
            return Err(io::Error::other("a handle from before the crash"));
        }
        Ok(act(disk
            .files
            .get_mut(&self.path)
            .ok_or(io::ErrorKind::NotFound)?))
    }
}

impl StoreFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.disk();
        match disk.operate() {
            Ok(_) => {}
            // A crash in the middle of a write: the kernel had already taken the bytes.
            Err(error) => {
                if matches!(disk.fault, Some((at, Plant::Crash)) if at == disk.operations) {
                    self.content(&mut disk, |content| content.write(offset as usize, bytes))?;
                }
                return Err(error);
            }
        }
        disk.make_room(0)?;
        self.content(&mut disk, |content| content.write(offset as usize, bytes))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        self.content(&mut disk, |content| {
            let from = content.now.get(offset as usize..).unwrap_or_default();
            let read = from.len().min(into.len());
            into[..read].copy_from_slice(&from[..read]);
            read
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        let skip = disk.operate()?;
        self.content(&mut disk, |content| {
            if !skip {
                content.sync()
            }
        })
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.operate()?;
        let size = self.content(&mut disk, |content| content.now.len() as u64)?;
        disk.make_room(bytes.saturating_sub(size))?;
        self.content(&mut disk, |content| {
            let bytes = content.now.len().max(bytes as usize);
            content.now.resize(bytes, 0);
            // A reservation that is lost leaves a shorter file: the log ends there all the same.
            content.synced.resize(bytes, 0);
        })
    }

    fn punch(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.operate()?;
        self.content(&mut disk, |content| {
            content.write(offset as usize, &vec![0; bytes as usize])
        })
    }

    fn size(&self) -> io::Result<u64> {
        let mut disk = self.disk.disk();
        self.content(&mut disk, |content| content.now.len() as u64)
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimFiles,
    path: PathBuf,
    life: u64,
}

impl FolderLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.locked.get(&self.path) == Some(&self.life) {
            disk.locked.remove(&self.path);
        }
    }
}

/// Steele, Lea and Flood's SplitMix64: enough for choosing sectors.
#[derive(Debug)]
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_seeded_choice_of_the_rest() {
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let files = SimFiles::new();
            let file = files.create(Path::new("/a")).unwrap();
            file.allocate(4096).unwrap();
            file.write_at(0, &[1; 1024]).unwrap();
            file.sync().unwrap();
            file.write_at(1024, &[2; 1024]).unwrap();
            files.crash(seed);
            let left = files.read(Path::new("/a")).unwrap();
            assert!(left[..1024].iter().all(|byte| *byte == 1));
            outcomes.insert((left[1024], left[1536]));
            assert!(
                file.sync().is_err(),
                "a handle from before the crash is dead"
            );
        }
        assert_eq!(outcomes.len(), 4, "both sectors kept, either, none");
    }

    #[test]
    fn a_full_disk_refuses_writes_and_a_planted_error_hits_once() {
        let files = SimFiles::new();
        let file = files.create(Path::new("/a")).unwrap();
        file.allocate(4096).unwrap();
        files.plant(3, Plant::Error);
        assert!(file.write_at(0, b"x").is_err());
        file.write_at(0, b"x").unwrap();
        files.plant(5, Plant::Full);
        assert_eq!(
            file.write_at(0, b"x").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        files.limit(5000);
        assert!(file.allocate(8192).is_err());
    }
}
