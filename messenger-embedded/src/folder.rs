//! The folder of a store: its lock, its format, its epoch.
//!
//! ```text
//!   FORMAT       what this folder is, in lines of text; written last when a store is made, replaced as a whole
//!   LOCK         held while the store is open
//!   entries/     the log of entries       00000000.log …
//!   state/       the log of state         00000000.log …
//!   index/       can be rebuilt from both logs
//! ```

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use messenger_core::id::Epoch;

use crate::file::{FileLayer, FolderLock};
use crate::log::SegmentShape;
use crate::options::Shapes;

/// The version of the format that this build reads and writes.
pub(crate) const FORMAT_VERSION: u32 = 1;

const FORMAT_FILE: &str = "FORMAT";
const LOCK_FILE: &str = "LOCK";
const TITLE: &str = "messenger embedded store";

/// Why a folder cannot be opened, backed up or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the store open.
    #[error("the store in {0} is in use: another process holds {0}/LOCK")]
    InUse(PathBuf),
    /// The folder holds something else.
    #[error("{0} is not empty and holds no store: {0}/FORMAT is missing")]
    NotAStore(PathBuf),
    /// The folder was written by another version of the format.
    #[error("the store in {folder} has format {found}, this build reads format {FORMAT_VERSION}")]
    Version {
        /// The store's folder.
        folder: PathBuf,
        /// The version found there.
        found: String,
    },
    /// The FORMAT file cannot be understood.
    #[error("{folder}/FORMAT: {why}")]
    Format {
        /// The store's folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder is a backup, which is never opened itself: it would go on under the old epoch.
    #[error("{0} is a backup: restore it into an empty folder and open that")]
    Backup(PathBuf),
    /// The folder holds a restore that did not end.
    #[error("{0} holds a restore that was interrupted: remove it and restore again")]
    Interrupted(PathBuf),
    /// The folder has to be empty or absent.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// The folder is no backup.
    #[error("{0} is no backup of a store")]
    NotABackup(PathBuf),
    /// The stored data contradict each other.
    #[error("the store in {folder} is damaged: {why}")]
    Damaged {
        /// The store's folder.
        folder: PathBuf,
        /// What was found.
        why: String,
    },
    /// The operating system refused something.
    #[error("{folder}: {source}")]
    Io {
        /// The store's folder.
        folder: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A store.
    Store,
    /// A backup, to be restored.
    Backup,
    /// A restore under way.
    Restoring,
}

/// The content of the FORMAT file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) role: Role,
    pub(crate) epoch: Epoch,
    /// Begins every checksum, so that no client can write bytes that pass for a record.
    pub(crate) salt: u32,
    /// Keys the walks and digests of this store alone.
    pub(crate) shapes: Shapes,
}

impl Format {
    /// The format of a new store.
    pub(crate) fn fresh(shapes: Shapes, random: [u8; 12]) -> Format {
        let (epoch, salt) = random.split_at(8);
        Format {
            role: Role::Store,
            epoch: epoch_from(epoch.try_into().expect("eight bytes")),
            salt: u32::from_le_bytes(salt.try_into().expect("four bytes")),
            shapes,
        }
    }

    /// Reads the FORMAT file; `None` when there is none.
    pub(crate) fn read(files: &dyn FileLayer, folder: &Path) -> Result<Option<Format>, OpenError> {
        match files.read(&folder.join(FORMAT_FILE)) {
            Ok(bytes) => Format::parse(folder, &String::from_utf8_lossy(&bytes)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error(folder)(source)),
        }
    }

    /// Writes the FORMAT file, as a whole.
    pub(crate) fn write(self, files: &dyn FileLayer, folder: &Path) -> Result<(), OpenError> {
        files
            .replace(&folder.join(FORMAT_FILE), self.to_text().as_bytes())
            .map_err(io_error(folder))
    }

    fn to_text(self) -> String {
        let role = match self.role {
            Role::Store => "store",
            Role::Backup => "backup",
            Role::Restoring => "restoring",
        };
        let mut text = format!("{TITLE}\nformat {FORMAT_VERSION}\nrole {role}\n");
        let _infallible = writeln!(text, "epoch {}\nsalt {}", self.epoch, self.salt);
        for (name, shape) in [
            ("entries", self.shapes.entries),
            ("state", self.shapes.state),
        ] {
            let _infallible = writeln!(text, "{name} {} {}", shape.bytes, shape.step);
        }
        text
    }

    fn parse(folder: &Path, text: &str) -> Result<Format, OpenError> {
        let wrong = |why: String| OpenError::Format {
            folder: folder.into(),
            why,
        };
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(wrong(format!("does not begin with \"{TITLE}\"")));
        }
        let fields: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
        let field = |name: &str| {
            let found = fields
                .iter()
                .find(|words| words[0] == name)
                .map(|words| &words[1..]);
            found.ok_or_else(|| wrong(format!("has no line \"{name}\"")))
        };
        let number = |words: &[&str], at: usize| {
            words
                .get(at)
                .and_then(|word| word.parse::<u64>().ok())
                .ok_or_else(|| wrong("has a bad number".into()))
        };
        let version = field("format")?.concat();
        if version != FORMAT_VERSION.to_string() {
            return Err(OpenError::Version {
                folder: folder.into(),
                found: version,
            });
        }
        let shape = |name| -> Result<SegmentShape, OpenError> {
            let words = field(name)?;
            Ok(SegmentShape {
                bytes: number(words, 0)?,
                step: number(words, 1)?,
            })
        };
        Ok(Format {
            role: match field("role")? {
                ["store"] => Role::Store,
                ["backup"] => Role::Backup,
                ["restoring"] => Role::Restoring,
                _ => return Err(wrong("has an unknown role".into())),
            },
            epoch: Epoch(number(field("epoch")?, 0)?),
            salt: number(field("salt")?, 0)? as u32,
            shapes: Shapes {
                entries: shape("entries")?,
                state: shape("state")?,
            },
        })
    }
}

/// Takes the lock of a folder, which is created if absent.
pub(crate) fn lock(files: &dyn FileLayer, folder: &Path) -> Result<Box<dyn FolderLock>, OpenError> {
    files.create_dir(folder).map_err(io_error(folder))?;
    files
        .lock(&folder.join(LOCK_FILE))
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse(folder.into()),
            _ => io_error(folder)(error),
        })
}

/// Tells whether a folder is absent, or holds nothing but its lock.
pub(crate) fn is_empty(files: &dyn FileLayer, folder: &Path) -> Result<bool, OpenError> {
    match files.list(folder) {
        Ok(names) => Ok(names.iter().all(|name| name == LOCK_FILE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(io_error(folder)(source)),
    }
}

/// A random epoch that every wire codec can carry.
pub(crate) fn epoch_from(random: [u8; 8]) -> Epoch {
    Epoch(u64::from_le_bytes(random) & messenger_core::codec::MAX_INTEGER)
}

pub(crate) fn io_error(folder: &Path) -> impl Fn(io::Error) -> OpenError {
    let folder = folder.to_path_buf();
    move |source| OpenError::Io {
        folder: folder.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_as_it_was_written() {
        let format = Format::fresh(Shapes::default(), [0xFE; 12]);
        assert_eq!(
            Format::parse(Path::new("x"), &format.to_text()).unwrap(),
            format
        );
        assert!(format.epoch.get() <= messenger_core::codec::MAX_INTEGER);
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let text = Format::fresh(Shapes::default(), [1; 12])
            .to_text()
            .replace("format 1", "format 2");
        let error = Format::parse(Path::new("data"), &text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store in data has format 2, this build reads format 1"
        );
    }
}
