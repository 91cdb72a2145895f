//! The data folder: everything that one server keeps, in one place with access for its owner alone.
//!
//! ```text
//! messenger-data/        0700
//! ├── store/             messages, marks, accounts; locked by the process that has it open
//! ├── admin.sock   0600  the running server listens here for `user`, `backup`, `inspect` …
//! ├── digest.key  0600  makes the digests of contents; a backup has it, too
//! └── demo.json    0600  the demo log-ins, while there are any
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// The longest path that a Unix socket may have: `sun_path` of Linux without the closing zero.
const SOCKET_PATH_MAX_BYTES: usize = 107;

/// The file with the key of the content digests.
const KEY_FILE: &str = "digest.key";

/// A folder with the paths of what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    root: PathBuf,
}

impl DataFolder {
    /// Names the folder; nothing is created.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Creates the folder if it is missing; true when it was.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the folder if it cannot be created, is no folder, belongs to somebody else's group
    /// or world, or its path is too long for the admin socket.
    pub fn prepare(&self) -> Result<bool, Failure> {
        let shown = self.root.display();
        if self.socket().as_os_str().len() > SOCKET_PATH_MAX_BYTES {
            return Err(Failure::new(Exit::Data, format!("{shown}: the path is too long for the admin socket in it"))
                .advise(format!("Choose a shorter one with --data; {SOCKET_PATH_MAX_BYTES} bytes with /admin.sock is the most.")));
        }
        let created = match fs::DirBuilder::new().mode(0o700).create(&self.root) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => {
                return Err(Failure::new(
                    Exit::Data,
                    format!("{shown}: cannot create the data folder: {error}"),
                )
                .advise("Choose another with --data FOLDER."));
            }
        };
        let metadata = fs::metadata(&self.root).map_err(|error| {
            Failure::new(
                Exit::Data,
                format!("{shown}: cannot use the data folder: {error}"),
            )
        })?;
        if !metadata.is_dir() {
            return Err(
                Failure::new(Exit::Data, format!("{shown}: is not a folder"))
                    .advise("Choose another with --data FOLDER."),
            );
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(Failure::new(
                Exit::Data,
                format!("{shown}: others than its owner have access to the data folder"),
            )
            .advise(format!("chmod 700 {shown}")));
        }
        Ok(created)
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of the store.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Returns the path of the admin socket.
    pub fn socket(&self) -> PathBuf {
        self.root.join("admin.sock")
    }

    /// Returns the key of the content digests, made at the first start and kept from then on (LOG-3).
    ///
    /// # Errors
    ///
    /// Returns a failure that names the file if it cannot be read or written, or is no key.
    pub fn digest_key(&self) -> Result<[u8; 16], Failure> {
        let path = self.key_file();
        let failed =
            |reason: String| Failure::new(Exit::Data, format!("{}: {reason}", path.display()));
        match fs::read(&path) {
            Ok(bytes) => <[u8; 16]>::try_from(bytes).map_err(|bytes| {
                failed(format!("is no key: it has {} bytes, not 16", bytes.len()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; 16];
                getrandom::fill(&mut key).map_err(|error| failed(error.to_string()))?;
                write_private(&path, &key).map_err(|error| failed(error.to_string()))?;
                Ok(key)
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn key_file(&self) -> PathBuf {
        self.root.join(KEY_FILE)
    }

    /// Returns the path of the file with the demo log-ins.
    pub fn demo(&self) -> PathBuf {
        self.root.join("demo.json")
    }
}

/// A backup: the store's own, and the key beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFolder {
    root: PathBuf,
}

impl BackupFolder {
    /// Names the folder; nothing is created.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Creates the folder, which must not exist, and puts the key of a data folder into it.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the folder.
    pub fn create(&self, data: &DataFolder) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::new(Exit::Failed, format!("{}: {error}", self.root.display()))
        };
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&self.root)
            .map_err(failed)?;
        write_private(&self.root.join(KEY_FILE), &data.digest_key()?).map_err(failed)
    }

    /// Puts the key of the backup into a data folder.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the file.
    pub fn restore_key(&self, data: &DataFolder) -> Result<(), Failure> {
        let path = self.root.join(KEY_FILE);
        fs::read(&path)
            .and_then(|key| write_private(&data.key_file(), &key))
            .map_err(|error| Failure::new(Exit::Data, format!("{}: {error}", path.display())))
    }

    /// Returns the folder of the store's backup.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
///
/// Returns the error of the file system.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    io::Write::write_all(&mut file, content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_folder_is_for_its_owner_alone() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let data = DataFolder::at(temporary.path().join("data"));

        assert_eq!(data.prepare(), Ok(true));
        assert_eq!(data.prepare(), Ok(false));

        let mode = fs::metadata(data.root())
            .expect("it exists")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_others_can_read_is_refused() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755))
            .expect("it is ours");

        let failure = DataFolder::at(temporary.path())
            .prepare()
            .expect_err("others can read it");

        assert_eq!(failure.exit, Exit::Data);
        assert!(
            failure
                .message
                .contains(&temporary.path().display().to_string()),
            "{failure}"
        );
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_with_the_length() {
        let failure = DataFolder::at("x".repeat(98))
            .prepare()
            .expect_err("too long");
        assert!(failure.to_string().contains("107 bytes"), "{failure}");
    }

    #[test]
    fn a_private_file_is_readable_by_its_owner_alone() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let path = temporary.path().join("demo.json");
        write_private(&path, b"1").expect("writable");
        write_private(&path, b"2").expect("writable");
        assert_eq!(fs::read(&path).expect("readable"), b"2");
        assert_eq!(
            fs::metadata(&path).expect("it exists").permissions().mode() & 0o777,
            0o600
        );
    }
}
