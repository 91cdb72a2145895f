//! What goes wrong inside the store, and what the caller is told of it.

use messenger_core::error::{StoreError, StoreErrorKind};

use crate::bytes::Malformed;
use crate::index::IndexError;
use crate::log::{LogError, ScanError};

/// Anything that a store call can fail with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Stored data contradict each other.
    #[error("{0}")]
    Corrupt(String),
}

impl Fault {
    /// The error of a store call with this name.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        StoreError::new(self.kind(), operation).with_source(self)
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Fault::Log(LogError::Poisoned(_)) | Fault::Index(_) => StoreErrorKind::Fatal,
            Fault::Log(LogError::Overloaded) => StoreErrorKind::Unavailable,
            Fault::Log(LogError::TooLarge) => StoreErrorKind::Limit,
            Fault::Malformed(_) | Fault::Scan(_) | Fault::Corrupt(_) => StoreErrorKind::Corrupt,
            // Only reads answer so: a failed write poisons the log.
            Fault::Io(_) => StoreErrorKind::Unavailable,
        }
    }
}
