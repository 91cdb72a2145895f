//! What waits to be written: cycles of two groups, and who waits for each.
//!
//! ```text
//!   submit ─► [ open cycle ] [ … ]        a second one only when the first is full or a segment ends
//!                  │ take
//!                  ▼
//!             in flight ── synced ──► waiters woken
//! ```

use std::collections::VecDeque;
use std::task::Waker;

use super::frame::{Batch, GROUP_HEADER, GroupHeader};
use super::segment::{SEGMENT_HEADER, SegmentShape};
use super::{Lsn, Positions, Stream};

/// A group that reached this size is closed; the next record begins another cycle.
pub(crate) const GROUP_BYTES: usize = 4 << 20;

/// Bytes that may wait for the disk; more is refused, never buffered.
pub(crate) const QUEUED_BYTES: usize = 64 << 20;

/// Group buffers kept for the next cycles, and the largest one worth keeping.
const SPARE_BUFFERS: usize = 4;
const SPARE_BYTES: usize = 1 << 20;

/// Where the records of a submission will lie, and the cycle that makes them durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Submitted {
    /// The position of the batch's first byte.
    pub(crate) at: Lsn,
    pub(crate) cycle: u64,
}

/// One group under construction: its header, then records.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) start: Lsn,
    pub(super) bytes: Vec<u8>,
    records: u32,
}

impl Group {
    fn empty(buffer: Vec<u8>) -> Group {
        Group {
            start: 0,
            bytes: buffer,
            records: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn end(&self) -> Lsn {
        self.start + self.bytes.len() as u64
    }

    /// Writes the header; the group is then ready for the disk.
    pub(super) fn seal(&mut self, salt: u32) {
        let bytes = (self.bytes.len() - GROUP_HEADER) as u32;
        GroupHeader {
            bytes,
            records: self.records,
        }
        .write(salt, self.start, &mut self.bytes);
    }
}

/// The groups that become durable together.
#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) number: u64,
    pub(super) groups: [Group; 2],
    pub(super) waiters: Vec<Waker>,
}

/// Everything submitted and not yet durable.
#[derive(Debug)]
pub(super) struct Queue {
    shapes: [SegmentShape; 2],
    /// Where the next group of each stream begins, if it fits into the segment.
    tails: [Lsn; 2],
    waiting: VecDeque<Cycle>,
    in_flight: Option<(u64, Vec<Waker>)>,
    next_number: u64,
    queued_bytes: usize,
    spare: Vec<Vec<u8>>,
    /// The writer sleeps and must be woken by the next submission.
    pub(super) idle: bool,
    pub(super) stop: bool,
}

impl Queue {
    pub(super) fn new(shapes: [SegmentShape; 2], tails: Positions) -> Queue {
        Queue {
            shapes,
            tails: [tails.entries, tails.state],
            waiting: VecDeque::new(),
            in_flight: None,
            next_number: 1,
            queued_bytes: 0,
            spare: Vec::new(),
            idle: false,
            stop: false,
        }
    }

    /// Copies a batch into the open cycle, whole. `None` when too much waits already.
    pub(super) fn submit(&mut self, stream: Stream, batch: &Batch) -> Option<Submitted> {
        let bytes = batch.bytes();
        if self.queued_bytes + bytes.len() > QUEUED_BYTES {
            return None;
        }
        self.queued_bytes += bytes.len();
        let shape = self.shapes[stream.index()];
        let open = match self.waiting.back() {
            Some(cycle) => takes(&cycle.groups[stream.index()], bytes.len(), shape),
            None => false,
        };
        if !open {
            self.open_cycle();
        }
        let tail = self.tails[stream.index()];
        let cycle = self.waiting.back_mut().expect("a cycle is open");
        let group = &mut cycle.groups[stream.index()];
        if group.is_empty() {
            let needed = (GROUP_HEADER + bytes.len()) as u64;
            group.start = if tail % shape.bytes + needed > shape.bytes {
                (tail / shape.bytes + 1) * shape.bytes + SEGMENT_HEADER
            } else {
                tail
            };
            group.bytes.resize(GROUP_HEADER, 0);
        }
        let at = group.end();
        group.bytes.extend_from_slice(bytes);
        group.records += batch.records();
        self.tails[stream.index()] = group.end();
        Some(Submitted {
            at,
            cycle: cycle.number,
        })
    }

    /// Takes the oldest cycle for writing.
    pub(super) fn take(&mut self) -> Option<Cycle> {
        let mut cycle = self.waiting.pop_front()?;
        self.in_flight = Some((cycle.number, std::mem::take(&mut cycle.waiters)));
        Some(cycle)
    }

    /// The cycle in flight is durable: gives its waiters and takes back its buffers.
    pub(super) fn complete(&mut self, cycle: Cycle) -> Vec<Waker> {
        for group in cycle.groups {
            self.queued_bytes -= group.bytes.len().saturating_sub(GROUP_HEADER);
            if self.spare.len() < SPARE_BUFFERS && group.bytes.capacity() <= SPARE_BYTES {
                let mut buffer = group.bytes;
                buffer.clear();
                self.spare.push(buffer);
            }
        }
        self.in_flight
            .take()
            .map(|(_, waiters)| waiters)
            .unwrap_or_default()
    }

    /// Puts a waker on the list of a cycle. False if the cycle is neither waiting nor in flight.
    pub(super) fn wait(&mut self, cycle: u64, waker: &Waker) -> bool {
        let waiters = match &mut self.in_flight {
            Some((number, waiters)) if *number == cycle => waiters,
            _ => match self
                .waiting
                .iter_mut()
                .find(|waiting| waiting.number == cycle)
            {
                Some(waiting) => &mut waiting.waiters,
                None => return false,
            },
        };
        if !waiters.last().is_some_and(|last| last.will_wake(waker)) {
            waiters.push(waker.clone());
        }
        true
    }

    /// Everyone who waits, for the end of the store.
    pub(super) fn all_waiters(&mut self) -> Vec<Waker> {
        let mut all = self
            .in_flight
            .take()
            .map(|(_, waiters)| waiters)
            .unwrap_or_default();
        for cycle in &mut self.waiting {
            all.append(&mut cycle.waiters);
        }
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn open_cycle(&mut self) {
        let groups = [(); 2].map(|()| Group::empty(self.spare.pop().unwrap_or_default()));
        self.waiting.push_back(Cycle {
            number: self.next_number,
            groups,
            waiters: Vec::new(),
        });
        self.next_number += 1;
    }
}

/// Tells whether a group has room for more: below its size, and inside its segment.
fn takes(group: &Group, more: usize, shape: SegmentShape) -> bool {
    let inside = || group.start % shape.bytes + (group.bytes.len() + more) as u64 <= shape.bytes;
    group.is_empty() || (group.bytes.len() + more <= GROUP_BYTES && inside())
}
