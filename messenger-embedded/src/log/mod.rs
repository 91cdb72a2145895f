//! The log: the truth of the store, in two streams of segments.
//!
//! ```text
//!   append, erase, cut            marks, settings, devices, …
//!          │                              │
//!          ▼                              ▼           submit: one copy into the open cycle, one lock
//!   ┌─ cycle n+1 ────────────────────────────────┐
//!   │  group of entries         group of state   │    grows while cycle n is being synced
//!   └────────────────────────────────────────────┘
//!          │ writer: write, sync          │ then write, sync
//!          ▼                              ▼
//!   entries/000….log …             state/000….log …
//!          └───────── completed = n+1 ────┘           wakes all waiters of the cycle at once
//!
//!   segment = header | group | group | … | zeros
//!   group   = header | record | record | …            valid or absent as a whole
//!   record  = lengths, checksums | head | body        the body can be erased in place
//! ```
//!
//! **Group commit without a timer.** The next cycle is whatever came while the last one was written and synced. Cycles
//! are written one after the other, so a group that is followed by a valid group was synced. Only the last group of a
//! stream can be torn, and only there recovery checks the bodies: a body that was erased in place has an erase record
//! in a *later* group, so it can never be taken for a torn one.
//!
//! **Entries before state.** Within a cycle the entries are synced first: a mark never lasts where its entry does not.
//!
//! **Two streams** because they age differently: entries stay where they are for as long as the conversation keeps
//! them, state is superseded all the time and is reclaimed by copying the little that still counts.
//!
//! A failed write or sync poisons the log for good: after a failed sync nobody knows what the disk holds.

mod commit;
mod cycle;
mod frame;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

pub(crate) use commit::{Drive, Log, LogError};
pub(crate) use frame::{Located, decode_record};
pub(crate) use scan::{ScanError, scan, scan_segment, settle_end};
pub(crate) use segment::{SEGMENT_HEADER, SegmentShape, Segments, file_name};

/// A position in a stream, in bytes from its beginning: segment number times segment size, plus the offset.
pub(crate) type Lsn = u64;

/// The two streams of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Entries, erasures and cuts of conversations.
    Entries,
    /// Everything small that is superseded: marks, settings, devices, accounts.
    State,
}

impl Stream {
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// A position in each stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Positions {
    pub(crate) entries: Lsn,
    pub(crate) state: Lsn,
}
