//! What an operator may tune. The defaults are right for a server with a local disk.

use std::time::Duration;

use crate::log::SegmentShape;

/// The settings of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Bytes of log after which the index is brought up to date. What is replayed on opening after a crash stays near it.
    pub checkpoint_bytes: u64,
    /// The index is brought up to date at least this often while anything changes.
    pub checkpoint_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checkpoint_bytes: 16 << 20,
            checkpoint_every: Duration::from_secs(30),
        }
    }
}

/// The shape of the segments, fixed when a store is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shapes {
    pub(crate) entries: SegmentShape,
    pub(crate) state: SegmentShape,
}

impl Default for Shapes {
    fn default() -> Self {
        Self {
            entries: SegmentShape {
                bytes: 64 << 20,
                step: 8 << 20,
            },
            state: SegmentShape {
                bytes: 16 << 20,
                step: 4 << 20,
            },
        }
    }
}
