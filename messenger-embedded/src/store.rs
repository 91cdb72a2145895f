//! The store as its user sees it: open a folder, take the back end, close.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use messenger_core::memory::Memory;
use messenger_core::store::{Backend, StoreResult};

use crate::engine::upkeep::Stop;
use crate::engine::{self, Engine, Parts};
use crate::fault::Fault;
use crate::file::{FileLayer, FolderLock, RealFiles};
use crate::folder::{self, Format, OpenError, Role, io_error};
use crate::index::{Index, IndexError, Tree};
use crate::log::{Drive, Log};
use crate::options::{Options, Shapes};
use crate::stores::Stores;

/// A durable store in one folder: every store trait, and presence and broker within the process.
///
/// It has two threads of its own: one writes and syncs the log, one does the upkeep. Dropping it ends both after
/// everything that was submitted is durable.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = messenger_embedded::Store::open(folder.path(), messenger_embedded::Options::default())?;
/// let backend = store.backend();
/// assert_eq!(backend.messages.info().durability.as_str(), "disk");
/// # Ok(())
/// # }
/// ```
pub struct Store {
    pub(crate) engine: Arc<Engine>,
    memory: Memory,
    threads: Option<Threads>,
    // Dropped last: the folder is free only once nothing writes to it.
    _lock: Box<dyn FolderLock>,
}

struct Threads {
    stop: Arc<Stop>,
    writer: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Store {
    /// Opens the store in `folder`, or makes one if the folder is absent or empty.
    ///
    /// # Errors
    /// [`OpenError`] names the folder and what is wrong: in use, of another version, a backup, not a store, damaged.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Store, OpenError> {
        let (folder, files) = (folder.as_ref(), Arc::new(RealFiles));
        let lock = folder::lock(&*files, folder)?;
        let format = match Format::read(&*files, folder)? {
            Some(format) => format,
            None if folder::is_empty(&*files, folder)? => {
                let format = Format::fresh(Shapes::default(), random(folder)?);
                format.write(&*files, folder)?;
                format
            }
            None => return Err(OpenError::NotAStore(folder.into())),
        };
        match format.role {
            Role::Store => Store::start(files, folder, format, options, lock),
            Role::Backup => Err(OpenError::Backup(folder.into())),
            Role::Restoring => Err(OpenError::Interrupted(folder.into())),
        }
    }

    pub(crate) fn start(
        files: Arc<dyn FileLayer>,
        folder: &Path,
        format: Format,
        options: Options,
        lock: Box<dyn FolderLock>,
    ) -> Result<Store, OpenError> {
        let parts = Parts {
            files,
            index: open_index(folder)?,
            folder: folder.into(),
            format,
            options,
            drive: Drive::Thread,
        };
        let engine = engine::open(parts).map_err(|fault| damaged(folder, fault))?;
        Store::run(Arc::new(engine), lock).map_err(io_error(folder))
    }

    /// The stores behind their traits; presence and broker reach within this process.
    pub fn backend(&self) -> Backend {
        let stores = Arc::new(Stores::new(self.engine.clone()));
        let memory = self.memory.backend();
        Backend {
            messages: stores.clone(),
            receipts: stores.clone(),
            conversations: stores.clone(),
            inboxes: stores.clone(),
            devices: stores.clone(),
            retention: stores.clone(),
            presence: memory.presence,
            broker: memory.broker,
            accounts: Some(stores),
        }
    }

    /// Whether the store can still write. Once it cannot, it never can again until it is opened anew.
    ///
    /// # Errors
    /// [`Fatal`](messenger_core::error::StoreErrorKind::Fatal) with the first write that failed as its cause.
    pub fn health(&self) -> StoreResult<()> {
        self.engine
            .log
            .healthy()
            .map_err(|error| Fault::Log(error).during("health"))
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        &self.engine.folder
    }

    fn run(engine: Arc<Engine>, lock: Box<dyn FolderLock>) -> io::Result<Store> {
        let stop = Arc::new(Stop::default());
        let log = engine.log.clone();
        let writer = spawn("messenger-log", move || {
            let _guard = PoisonOnPanic(&log);
            log.run();
        })?;
        let (upkeeper, asked) = (engine.clone(), stop.clone());
        let upkeep = spawn("messenger-upkeep", move || {
            let _guard = PoisonOnPanic(&upkeeper.log);
            upkeeper.run_upkeep(&asked);
        })?;
        let threads = Some(Threads {
            stop,
            writer,
            upkeep,
        });
        let memory = Memory::new(engine.format.epoch);
        Ok(Store {
            engine,
            memory,
            threads,
            _lock: lock,
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(threads) = self.threads.take() else {
            return;
        };
        threads.stop.ask();
        let _panicked = threads.upkeep.join();
        // A last checkpoint makes the next opening quick. Without one it only takes longer.
        if self.engine.log.healthy().is_ok() {
            let _next_opening_replays = self.engine.checkpoint(&|| ());
        }
        self.engine.log.stop();
        let _panicked = threads.writer.join();
        // Whoever still holds a back end of this store gets errors, not silence.
        self.engine.log.poison(&"the store was closed");
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("folder", &self.engine.folder)
            .finish_non_exhaustive()
    }
}

/// Ends the store when one of its threads panics: nobody may wait for a thread that is gone.
struct PoisonOnPanic<'a>(&'a Log);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison(&"a thread of the store panicked");
        }
    }
}

/// Opens the index of a store; one that cannot be opened is thrown away and rebuilt from the log.
pub(crate) fn open_index(folder: &Path) -> Result<Arc<dyn Index>, OpenError> {
    let path = folder.join("index");
    match Tree::open(&path) {
        Ok(tree) => return Ok(Arc::new(tree)),
        // A back end of a store that was dropped is still held somewhere in this process.
        Err(IndexError::Locked) => return Err(OpenError::InUse(folder.into())),
        Err(IndexError::Failed(_)) => {}
    }
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error(folder)(error));
        }
        _ => {}
    }
    let tree = Tree::open(&path).map_err(|error| damaged(folder, error.into()))?;
    Ok(Arc::new(tree))
}

pub(crate) fn damaged(folder: &Path, fault: Fault) -> OpenError {
    match fault {
        Fault::Io(source) => OpenError::Io {
            folder: folder.into(),
            source,
        },
        fault => OpenError::Damaged {
            folder: folder.into(),
            why: fault.to_string(),
        },
    }
}

pub(crate) fn random(folder: &Path) -> Result<[u8; 12], OpenError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| io_error(folder)(io::Error::other(error)))?;
    Ok(bytes)
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(body)
}
