//! The one error of every store: the kind for the caller, retry for the machine, operation and source for the human.

use std::error::Error;
use std::fmt;

/// What a store call failed with.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    operation: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of store errors, by what the caller can conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Nothing happened; the store cannot be reached or is overloaded.
    Unavailable,
    /// The call may or may not have happened: try the same again, the claim or the max tells (LOG-2).
    Unknown,
    /// The stored data break a rule of the store's format.
    Corrupt,
    /// The store lost the ability to write; every later call fails alike until the process is restarted.
    Fatal,
    /// A limit of the store is reached; the source names it.
    Limit,
    /// The request names something that is not there.
    NotFound,
}

impl StoreError {
    /// An error of this kind from this operation.
    pub fn new(kind: StoreErrorKind, operation: &'static str) -> Self {
        Self {
            kind,
            operation,
            source: None,
        }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can conclude.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The store call that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// True when the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        match self.kind {
            StoreErrorKind::Unavailable | StoreErrorKind::Unknown => true,
            StoreErrorKind::Corrupt
            | StoreErrorKind::Fatal
            | StoreErrorKind::Limit
            | StoreErrorKind::NotFound => false,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Unavailable => "the store is unavailable",
            StoreErrorKind::Unknown => "the store did not say whether it happened",
            StoreErrorKind::Corrupt => "the stored data are corrupt",
            StoreErrorKind::Fatal => "the store can no longer write",
            StoreErrorKind::Limit => "a limit of the store is reached",
            StoreErrorKind::NotFound => "not found",
        };
        write!(f, "{}: {what}", self.operation)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
