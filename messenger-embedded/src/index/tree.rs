//! The index on disk: an LSM tree (fjall), unsynced but for checkpoints.

use std::path::Path;

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Go, Index, IndexError, Item, Table, Visit};

/// Bytes of blocks kept in memory.
const CACHE_BYTES: u64 = 32 << 20;

/// A memtable is written out at this size.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// The tree's own journal; it bounds what is replayed on opening. The tree takes no less.
const JOURNAL_BYTES: u64 = 64 << 20;

/// The tree behind the index.
pub(crate) struct Tree {
    database: Database,
    small: Keyspace,
    runs: Keyspace,
}

impl Tree {
    /// Opens the tree; its threads do their work only when nobody else has any.
    pub(crate) fn open(folder: &Path) -> Result<Tree, IndexError> {
        std::thread::scope(|scope| {
            // Threads inherit the priority of the thread that starts them.
            let opening = scope.spawn(|| {
                crate::engine::upkeep::give_way();
                Tree::open_here(folder)
            });
            opening
                .join()
                .unwrap_or_else(|_| Err(IndexError::Failed("opening it panicked".into())))
        })
    }

    fn open_here(folder: &Path) -> Result<Tree, IndexError> {
        let database = Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .journal_compression(CompressionType::None)
            .worker_threads(1)
            .open()?;
        // Random ids and positions do not compress: trying costs more than it saves.
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_compression_policy(CompressionPolicy::disabled())
                .index_block_compression_policy(CompressionPolicy::disabled())
        };
        let small = database.keyspace("small", options)?;
        let runs = database.keyspace("runs", options)?;
        Ok(Tree {
            database,
            small,
            runs,
        })
    }

    fn table(&self, table: Table) -> &Keyspace {
        match table {
            Table::Small => &self.small,
            Table::Runs => &self.runs,
        }
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").finish_non_exhaustive()
    }
}

impl Index for Tree {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.table(table).get(key)?.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        backwards: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), IndexError> {
        let mut items = self.table(table).range(from..=to);
        loop {
            let next = if backwards {
                items.next_back()
            } else {
                items.next()
            };
            let Some(item) = next else { return Ok(()) };
            let (key, value) = item.into_inner()?;
            if visit(&key, &value) == Go::Stop {
                return Ok(());
            }
        }
    }

    fn apply(&self, items: Vec<Item>) -> Result<(), IndexError> {
        let mut batch = self.database.batch();
        for item in items {
            match item.value {
                Some(value) => batch.insert(self.table(item.table), item.key, value),
                None => batch.remove(self.table(item.table), item.key),
            }
        }
        Ok(batch.commit()?)
    }

    fn sync(&self) -> Result<(), IndexError> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }
}

impl From<fjall::Error> for IndexError {
    fn from(error: fjall::Error) -> IndexError {
        match error {
            fjall::Error::Locked => IndexError::Locked,
            other => IndexError::Failed(other.to_string()),
        }
    }
}
