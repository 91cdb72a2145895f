//! Reclaiming segments of state: what is superseded goes, the little that still counts is copied to the end.
//!
//! ```text
//!   oldest segment ─ record ─ does the key still point here? ─yes─► copied to the end of the stream
//!        │                                                  no: superseded
//!        └─ copies durable, a synced checkpoint past the segment ─► the file is removed
//! ```
//!
//! Segments go oldest first. So when a removal is met, every earlier value of its key is gone already, and it may go too.

use super::Engine;
use crate::fault::Fault;
use crate::log::{Stream, scan_segment};
use crate::record::StateRecord;

/// Segments of state that are kept before any is reclaimed.
pub(crate) const STATE_SEGMENTS: u64 = 2;

impl Engine {
    /// Reclaims the oldest segment of state if there are more than worth keeping. True if it did. The caller
    /// holds the standstill.
    pub(crate) fn reclaim(&self, pause: &dyn Fn()) -> Result<bool, Fault> {
        let stream = self.log.stream(Stream::State);
        let numbers = stream.numbers()?;
        let (current, _) = stream.place(self.log.positions().state);
        let Some(oldest) = numbers.first().copied().filter(|oldest| *oldest < current) else {
            return Ok(false);
        };
        if current - oldest < self.upkept().state_segments {
            return Ok(false);
        }
        let (mut copied, mut seen, mut records, mut newest) = (0, 0, 0, 0);
        scan_segment(stream, oldest, &mut |record| {
            let changes = StateRecord::parse(record.head).map_err(Fault::from)?;
            let keys: Vec<_> = changes.puts.iter().map(|(key, _)| *key).collect();
            let (cycle, count) = self
                .state
                .begin()
                .relocate(&self.log, record.at.at, &keys)?;
            newest = newest.max(cycle);
            copied += count;
            seen += keys.len();
            records += 1;
            if records % 64 == 0 {
                pause();
            }
            Ok(())
        })?;
        self.log.wait(newest)?;
        self.checkpoint(pause)?;
        stream.remove(oldest)?;
        // While half of the oldest segment still counts, reclaiming costs more than it gives.
        let mut upkept = self.upkept();
        if copied * 2 > seen {
            upkept.state_segments += 1;
        } else if copied * 4 < seen {
            upkept.state_segments = (upkept.state_segments - 1).max(STATE_SEGMENTS);
        }
        Ok(true)
    }
}
