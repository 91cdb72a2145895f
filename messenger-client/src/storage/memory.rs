//! A storage in memory: for tests, and for programs that may forget.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use messenger_core::client::{Change, Image, Saved};
use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::Entry;

use super::{ClientStorage, StorageError};

/// A storage in memory. Its clones share what they hold, so a test can start a client again on the same storage.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    image: Arc<Mutex<Image>>,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn image(&self) -> std::sync::MutexGuard<'_, Image> {
        self.image
            .lock()
            .expect("nothing panics while it holds the image")
    }
}

impl ClientStorage for MemoryStorage {
    fn load(&mut self) -> Result<Saved, StorageError> {
        Ok(self.image().saved())
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let mut image = self.image();
        for change in changes {
            image.apply(change);
        }
        Ok(())
    }

    fn entries(
        &mut self,
        conversation: &ConversationId,
        range: RangeInclusive<Seq>,
        limit: usize,
    ) -> Result<Vec<Entry>, StorageError> {
        Ok(self.image().entries(conversation, range, limit))
    }
}
