//! A storage on disk: one folder with an append-only log of changes, replaced by a snapshot when it has grown.
//!
//! ```text
//!   folder/lock           held while in use
//!   folder/log.7          header, then records: length u32, crc32c u32, CBOR of one transaction's changes
//!   folder/log.8.new      a snapshot on its way; synced, renamed to log.8, then log.7 goes
//! ```
//!
//! A transaction is one record: after a crash it is there whole, or its checksum fails and the log ends before it. What the
//! log says is also held in memory. A retracted body leaves the disk with the next snapshot.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use messenger_core::client::{Change, Image, Saved};
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::Entry;

use super::{ClientStorage, StorageError};

/// The first bytes of each log: a name and a version.
const MAGIC: &[u8; 8] = b"msgcli\x00\x01";
/// Bytes before each record: its length and its checksum.
const HEAD_BYTES: usize = 8;
/// A log is not replaced by a snapshot while it is smaller than this.
const SNAPSHOT_MIN_BYTES: u64 = 1024 * 1024;
/// A log is replaced when it is this many times the size of its snapshot.
const SNAPSHOT_FACTOR: u64 = 4;
/// A snapshot is written in records of about this many changes.
const SNAPSHOT_RECORD_CHANGES: usize = 64;

/// A storage in one folder on disk.
#[derive(Debug)]
pub struct DiskStorage {
    folder: PathBuf,
    image: Image,
    log: File,
    number: u64,
    bytes: u64,
    snapshot_bytes: u64,
    failed: bool,
    _lock: File,
}

impl DiskStorage {
    /// Opens the storage in this folder, or makes it.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another program uses it, [`StorageError::Format`] when it is of a newer version.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        let lock = lock(&folder)?;
        let logs = numbered(&folder)?;
        let number = logs.last().copied().unwrap_or(1);
        for old in logs.iter().filter(|&&old| old != number) {
            let path = log_path(&folder, *old);
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        let path = log_path(&folder, number);
        let (log, image, bytes) = open_log(&path)?;
        sync_folder(&folder)?;
        Ok(Self {
            folder,
            image,
            log,
            number,
            bytes,
            snapshot_bytes: 0,
            failed: false,
            _lock: lock,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn append(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let record = record(changes);
        let path = log_path(&self.folder, self.number);
        self.log
            .write_all(&record)
            .map_err(io_error("write", &path))?;
        self.log.sync_data().map_err(io_error("sync", &path))?;
        self.bytes += record.len() as u64;
        Ok(())
    }

    fn wants_snapshot(&self) -> bool {
        self.bytes >= SNAPSHOT_MIN_BYTES && self.bytes >= SNAPSHOT_FACTOR * self.snapshot_bytes
    }

    /// Writes everything into a new log, and takes it for the old one once it is durable.
    fn snapshot(&mut self) -> Result<(), StorageError> {
        let number = self.number + 1;
        let path = log_path(&self.folder, number);
        let new = path.with_extension(format!("{number}.new"));
        let mut file = File::create(&new).map_err(io_error("make", &new))?;
        let mut bytes = MAGIC.to_vec();
        let changes: Vec<Change> = self.image.changes().collect();
        for part in changes.chunks(SNAPSHOT_RECORD_CHANGES) {
            bytes.extend(record(part));
        }
        file.write_all(&bytes).map_err(io_error("write", &new))?;
        file.sync_all().map_err(io_error("sync", &new))?;
        fs::rename(&new, &path).map_err(io_error("rename", &new))?;
        sync_folder(&self.folder)?;
        let old = log_path(&self.folder, self.number);
        fs::remove_file(&old).map_err(io_error("remove", &old))?;
        self.log = file;
        self.number = number;
        self.bytes = bytes.len() as u64;
        self.snapshot_bytes = self.bytes;
        Ok(())
    }
}

impl ClientStorage for DiskStorage {
    fn load(&mut self) -> Result<Saved, StorageError> {
        Ok(self.image.saved())
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::Closed);
        }
        // Whether a failed write is on disk is unknown, so nothing may follow it.
        self.failed = true;
        self.append(changes)?;
        for change in changes {
            self.image.apply(change);
        }
        if self.wants_snapshot() {
            self.snapshot()?;
        }
        self.failed = false;
        Ok(())
    }

    fn entries(
        &mut self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        Ok(self.image.entries(conversation, range, limit))
    }
}

/// One transaction as bytes.
fn record(changes: &[Change]) -> Vec<u8> {
    let body = minicbor::to_vec(changes).expect("writing to a Vec cannot fail");
    let length = u32::try_from(body.len()).expect("a transaction is far below 4 GiB");
    let mut record = Vec::with_capacity(HEAD_BYTES + body.len());
    record.extend(length.to_le_bytes());
    record.extend(crc32c::crc32c(&body).to_le_bytes());
    record.extend(body);
    record
}

/// The first whole record, and what follows it; `None` at the end, torn or not.
fn first_record(bytes: &[u8]) -> Option<(Vec<Change>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (length, checksum) = head.split_at(4);
    let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
    let checksum = u32::from_le_bytes(checksum.try_into().expect("four bytes"));
    let (body, rest) = rest.split_at_checked(length)?;
    if length == 0 || crc32c::crc32c(body) != checksum {
        return None;
    }
    Some((minicbor::decode(body).ok()?, rest))
}

/// Opens or makes a log, applies its records, and cuts off what a crash left half written.
fn open_log(path: &Path) -> Result<(File, Image, u64), StorageError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io_error("open", path))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(io_error("read", path))?;
    let mut image = Image::default();
    let whole = if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
        // New, or it crashed before its first bytes were whole.
        file.set_len(0).map_err(io_error("cut", path))?;
        file.rewind().map_err(io_error("rewind", path))?;
        file.write_all(MAGIC).map_err(io_error("write", path))?;
        MAGIC.len() as u64
    } else {
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return Err(StorageError::Format {
                path: path.display().to_string(),
                reason: "it begins with other bytes".into(),
            });
        };
        while let Some((changes, after)) = first_record(rest) {
            for change in &changes {
                image.apply(change);
            }
            rest = after;
        }
        (bytes.len() - rest.len()) as u64
    };
    file.set_len(whole).map_err(io_error("cut", path))?;
    file.seek(io::SeekFrom::Start(whole))
        .map_err(io_error("seek", path))?;
    file.sync_all().map_err(io_error("sync", path))?;
    Ok((file, image, whole))
}

fn lock(folder: &Path) -> Result<File, StorageError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(io_error("make", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked {
            path: folder.display().to_string(),
        }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// The numbers of the logs in a folder, in order; snapshots that were not finished go.
fn numbered(folder: &Path) -> Result<Vec<u64>, StorageError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let path = entry.map_err(io_error("list", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let Some(number) = name.strip_prefix("log.") else {
            continue;
        };
        if number.ends_with(".new") {
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        } else if let Ok(number) = number.parse() {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn log_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("log.{number}"))
}

/// Makes names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    if cfg!(unix) {
        let opened = File::open(folder).map_err(io_error("open", folder))?;
        opened.sync_all().map_err(io_error("sync", folder))?;
    }
    Ok(())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError {
    let path = path.display().to_string();
    move |source| StorageError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use messenger_core::client::{ConversationRecord, SessionRecord};
    use messenger_core::id::{Cmid, Generation, Ordinal, UserId};
    use messenger_core::model::{Content, Message};
    use messenger_core::time::Timestamp;

    use super::*;

    fn talk() -> ConversationId {
        ConversationId::parse("anna/ben").expect("it is one")
    }

    fn entry(seq: u64, text: &str) -> Entry {
        Entry {
            seq: Seq(seq),
            sender: UserId::parse("ben").expect("it is one"),
            cmid: Cmid::from_parts(Timestamp(seq), [7; 10]),
            time: Timestamp(seq),
            ordinal: Ordinal(seq),
            content: Content::Message(Message::text(text)),
        }
    }

    /// What one transaction of a client looks like: an entry and the cursor that covers it.
    fn transaction(seq: u64, text: &str) -> Vec<Change> {
        let mut record = ConversationRecord::new(talk());
        record.cursor = Seq(seq);
        vec![
            Change::Entries(talk(), vec![entry(seq, text)]),
            Change::Conversation(Box::new(record)),
        ]
    }

    fn seqs(storage: &mut DiskStorage) -> Vec<u64> {
        let all = Seq(1)..=Seq(u64::MAX);
        let entries = storage.entries(&talk(), all, usize::MAX).expect("readable");
        entries.iter().map(|entry| entry.seq.0).collect()
    }

    #[test]
    fn what_was_applied_is_there_when_the_folder_is_opened_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        let session = SessionRecord {
            generation: Generation(3),
            ..SessionRecord::default()
        };
        storage
            .apply(&[Change::Session(session)])
            .expect("it is written");
        storage
            .apply(&transaction(1, "שלום 👩‍👩‍👧"))
            .expect("it is written");
        drop(storage);
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        let saved = storage.load().expect("it is read");
        assert_eq!(saved.session.generation, Generation(3));
        assert_eq!(saved.conversations[&talk()].cursor, Seq(1));
        assert_eq!(saved.recent[&talk()], [entry(1, "שלום 👩‍👩‍👧")]);
    }

    #[test]
    fn a_log_cut_anywhere_keeps_whole_transactions_and_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        let mut ends = vec![MAGIC.len() as u64];
        for seq in 1..=3 {
            storage
                .apply(&transaction(seq, "text"))
                .expect("it is written");
            ends.push(storage.bytes);
        }
        drop(storage);
        let path = log_path(folder.path(), 1);
        let whole = fs::read(&path).expect("it is there");
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).expect("it is written");
            let mut storage = DiskStorage::open(folder.path()).expect("it opens");
            let kept = ends.iter().filter(|&&end| end <= cut as u64).count() as u64;
            let kept = kept.saturating_sub(1);
            assert_eq!(seqs(&mut storage), (1..=kept).collect::<Vec<_>>(), "{cut}");
            let saved = storage.load().expect("it is read");
            let cursor = saved.conversations.get(&talk()).map_or(0, |r| r.cursor.0);
            assert_eq!(cursor, kept, "the cursor and the entries go together");
            storage
                .apply(&transaction(kept + 1, "again"))
                .expect("it is written");
            drop(storage);
            let mut storage = DiskStorage::open(folder.path()).expect("it opens");
            assert_eq!(seqs(&mut storage).len() as u64, kept + 1, "{cut}");
        }
    }

    #[test]
    fn a_changed_byte_ends_the_log_before_its_transaction() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        for seq in 1..=2 {
            storage
                .apply(&transaction(seq, "text"))
                .expect("it is written");
        }
        let last = usize::try_from(storage.bytes).expect("it is small") - 1;
        drop(storage);
        let path = log_path(folder.path(), 1);
        let mut bytes = fs::read(&path).expect("it is there");
        bytes[last] ^= 1;
        fs::write(&path, bytes).expect("it is written");
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        assert_eq!(seqs(&mut storage), [1]);
    }

    #[test]
    fn a_log_that_has_grown_becomes_a_snapshot_and_keeps_everything() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        let text = "x".repeat(64 * 1024);
        for seq in 1..=40 {
            storage
                .apply(&transaction(seq % 4 + 1, &text))
                .expect("it is written");
        }
        assert!(storage.number > 1, "no snapshot was made");
        assert!(storage.bytes < 2 * SNAPSHOT_MIN_BYTES);
        fs::write(folder.path().join("log.99.new"), b"half a snap").expect("it is written");
        drop(storage);
        let mut storage = DiskStorage::open(folder.path()).expect("it opens");
        assert_eq!(seqs(&mut storage), [1, 2, 3, 4]);
        assert!(!folder.path().join("log.99.new").exists());
    }

    #[test]
    fn a_folder_in_use_and_a_foreign_file_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = DiskStorage::open(folder.path()).expect("it opens");
        assert!(matches!(
            DiskStorage::open(folder.path()),
            Err(StorageError::Locked { .. })
        ));
        drop(storage);
        fs::write(log_path(folder.path(), 1), b"something else").expect("it is written");
        assert!(matches!(
            DiskStorage::open(folder.path()),
            Err(StorageError::Format { .. })
        ));
    }
}
