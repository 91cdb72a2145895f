//! The log as the store uses it: submit, wait, and the loop that makes cycles durable.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use super::cycle::{Cycle, Queue, Submitted};
use super::frame::{Batch, GROUP_HEADER, MAX_BATCH_BYTES};
use super::segment::{SEGMENT_HEADER, Segments};
use super::{Positions, Stream};
use crate::file::StoreFile;

/// Who writes the cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drive {
    /// A thread of its own.
    Thread,
    /// Whoever waits, on the spot: tests then see the same operations in the same order each time.
    #[cfg(test)]
    Inline,
}

/// Why a submission was not taken or did not last.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LogError {
    /// An earlier write or sync failed; nothing is written any more.
    #[error("the log can no longer be written: {0}")]
    Poisoned(Arc<str>),
    /// Too many bytes wait for the disk.
    #[error("more than {} bytes wait for the disk", super::cycle::QUEUED_BYTES)]
    Overloaded,
    /// A single submission is too large.
    #[error("a submission has more than {MAX_BATCH_BYTES} bytes")]
    TooLarge,
}

/// Both streams, the queue before them and the writer behind it.
#[derive(Debug)]
pub(crate) struct Log {
    streams: [Segments; 2],
    queue: Mutex<Queue>,
    wake_writer: Condvar,
    wake_blocked: Condvar,
    /// The number of the last durable cycle.
    completed: AtomicU64,
    /// The ends of the durable part: what a crash cannot take.
    durable: Mutex<Positions>,
    poison: OnceLock<Arc<str>>,
    drive: Drive,
    /// Held while a cycle is written; keeps the files of both tails.
    tails: Mutex<[Option<Tail>; 2]>,
    /// Planted by the tests that show that the crash tests can fail.
    #[cfg(test)]
    pub(crate) acknowledge_before_sync: std::sync::atomic::AtomicBool,
}

/// Bytes that are written as zeros behind a group once it reaches what was written before. Blocks that are only reserved
/// make each sync write the file system's journal too; blocks that were written once do not: half the time of a sync.
const WRITTEN_AHEAD: u64 = 256 << 10;

/// The file that a stream is written to, how much of it is reserved, and how much was written at least once.
#[derive(Debug)]
struct Tail {
    segment: u64,
    file: Arc<dyn StoreFile>,
    reserved: u64,
    written: u64,
}

impl Log {
    /// A log that goes on at `ends`, where recovery found the end of both streams.
    pub(crate) fn new(streams: [Segments; 2], ends: Positions, drive: Drive) -> Log {
        let shapes = [streams[0].shape(), streams[1].shape()];
        Log {
            queue: Mutex::new(Queue::new(shapes, ends)),
            streams,
            wake_writer: Condvar::new(),
            wake_blocked: Condvar::new(),
            completed: AtomicU64::new(0),
            durable: Mutex::new(ends),
            poison: OnceLock::new(),
            drive,
            tails: Mutex::new([None, None]),
            #[cfg(test)]
            acknowledge_before_sync: false.into(),
        }
    }

    pub(crate) fn stream(&self, stream: Stream) -> &Segments {
        &self.streams[stream.index()]
    }

    /// An empty batch for a stream.
    pub(crate) fn batch(&self, stream: Stream, capacity: usize) -> Batch {
        Batch::new(self.stream(stream).salt(), capacity)
    }

    /// Queues a batch. It lasts once the cycle in the answer is durable, whole or not at all.
    pub(crate) fn submit(&self, stream: Stream, batch: &Batch) -> Result<Submitted, LogError> {
        self.healthy()?;
        let room = self.stream(stream).shape().bytes - SEGMENT_HEADER - GROUP_HEADER as u64;
        if batch.bytes().len() as u64 > room.min(MAX_BATCH_BYTES as u64) {
            return Err(LogError::TooLarge);
        }
        let mut queue = self.queue();
        let submitted = queue.submit(stream, batch).ok_or(LogError::Overloaded)?;
        let wake = std::mem::take(&mut queue.idle);
        drop(queue);
        if wake {
            self.wake_writer.notify_one();
        }
        Ok(submitted)
    }

    /// Waits until a cycle is durable.
    pub(crate) fn durable(self: &Arc<Self>, cycle: u64) -> Durable {
        Durable {
            log: self.clone(),
            cycle,
        }
    }

    /// The same for a thread that may block.
    pub(crate) fn wait(&self, cycle: u64) -> Result<(), LogError> {
        #[cfg(test)]
        if self.drive == Drive::Inline {
            self.commit_all();
        }
        let mut queue = self.queue();
        while self.completed() < cycle {
            self.healthy()?;
            queue = self
                .wake_blocked
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// The number of the last durable cycle.
    pub(crate) fn completed(&self) -> u64 {
        self.completed.load(Ordering::Acquire)
    }

    /// The ends of what is durable, at the same cycle in both streams.
    pub(crate) fn positions(&self) -> Positions {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails once the log was poisoned.
    pub(crate) fn healthy(&self) -> Result<(), LogError> {
        match self.poison.get() {
            None => Ok(()),
            Some(why) => Err(LogError::Poisoned(why.clone())),
        }
    }

    /// Ends all writing: nobody knows any more what the disk holds.
    pub(crate) fn poison(&self, why: &dyn std::fmt::Display) {
        let _first = self.poison.set(why.to_string().into());
        let waiters = self.queue().all_waiters();
        self.wake_blocked.notify_all();
        self.wake_writer.notify_all();
        waiters.into_iter().for_each(std::task::Waker::wake);
    }

    /// The writer thread: one cycle after the other until [`Log::stop`] and nothing waits.
    pub(crate) fn run(&self) {
        loop {
            let mut queue = self.queue();
            while queue.is_empty() {
                if queue.stop || self.healthy().is_err() {
                    return;
                }
                queue.idle = true;
                queue = self
                    .wake_writer
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            queue.idle = false;
            drop(queue);
            if !self.commit_one() {
                return;
            }
        }
    }

    /// Lets the writer thread end once everything submitted is durable.
    pub(crate) fn stop(&self) {
        self.queue().stop = true;
        self.wake_writer.notify_all();
    }

    #[cfg(test)]
    fn commit_all(&self) {
        while !self.queue().is_empty() && self.commit_one() {}
    }

    /// Writes and syncs the oldest cycle, then wakes all who wait for it. False once the log is poisoned.
    fn commit_one(&self) -> bool {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if self.healthy().is_err() {
            return false;
        }
        let Some(mut cycle) = self.queue().take() else {
            return true;
        };
        #[cfg(test)]
        if self.acknowledge_before_sync.load(Ordering::Relaxed) {
            self.completed.store(cycle.number, Ordering::Release);
        }
        let mut ends = self.positions();
        for (stream, end) in [
            (Stream::Entries, &mut ends.entries),
            (Stream::State, &mut ends.state),
        ] {
            if let Err(error) = self.write_group(&mut tails, stream, &mut cycle) {
                self.poison(&error);
                return false;
            }
            let group = &cycle.groups[stream.index()];
            if !group.is_empty() {
                *end = group.end();
            }
        }
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = ends;
        let mut queue = self.queue();
        self.completed.store(cycle.number, Ordering::Release);
        let waiters = queue.complete(cycle);
        drop(queue);
        drop(tails);
        self.wake_blocked.notify_all();
        waiters.into_iter().for_each(std::task::Waker::wake);
        true
    }

    fn write_group(
        &self,
        tails: &mut [Option<Tail>; 2],
        stream: Stream,
        cycle: &mut Cycle,
    ) -> io::Result<()> {
        let group = &mut cycle.groups[stream.index()];
        if group.is_empty() {
            return Ok(());
        }
        let segments = self.stream(stream);
        group.seal(segments.salt());
        let (segment, offset) = segments.place(group.start);
        let tail = &mut tails[stream.index()];
        if tail.as_ref().is_none_or(|tail| tail.segment != segment) {
            let file = if offset == SEGMENT_HEADER {
                segments.create(segment)?
            } else {
                segments.file(segment)?
            };
            let reserved = file.size()?;
            *tail = Some(Tail {
                segment,
                file,
                reserved,
                written: offset,
            });
        }
        let tail = tail.as_mut().expect("set above");
        let end = offset + group.bytes.len() as u64;
        if end > tail.reserved {
            let step = segments.shape().step;
            let reserve = (end.div_ceil(step) * step).min(segments.shape().bytes);
            tail.file.allocate(reserve)?;
            tail.reserved = reserve;
        }
        tail.file.write_at(offset, &group.bytes)?;
        if end > tail.written {
            let ahead = (end + WRITTEN_AHEAD).min(tail.reserved);
            tail.file.write_at(end, &vec![0; (ahead - end) as usize])?;
            tail.written = ahead;
        }
        tail.file.sync()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when its cycle is durable, or when the log was poisoned.
#[derive(Debug)]
pub(crate) struct Durable {
    log: Arc<Log>,
    cycle: u64,
}

impl Future for Durable {
    type Output = Result<(), LogError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.log.completed() >= self.cycle {
            return Poll::Ready(Ok(()));
        }
        if self.log.drive != Drive::Thread {
            return Poll::Ready(self.log.wait(self.cycle));
        }
        let mut queue = self.log.queue();
        let registered = self.log.poison.get().is_none() && queue.wait(self.cycle, context.waker());
        // It may have become durable between the first look and the lock.
        if self.log.completed() >= self.cycle {
            return Poll::Ready(Ok(()));
        }
        if registered {
            return Poll::Pending;
        }
        drop(queue);
        Poll::Ready(self.log.healthy())
    }
}
