//! Opening: the log's ends are found, and what the index does not know yet is replayed.
//!
//! ```text
//!   sync what the kernel may still hold ─► checkpoint ─► replay entries ─► replay state ─► clear torn tails ─► ready
//! ```
//!
//! Replaying reads heads alone: no body is decoded. What an opened store has seen is synced first, so nothing that it
//! answers can be taken back by a power failure after a mere crash of the process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use messenger_core::id::{ConversationId, Seq};

use super::checkpoint::Checkpoint;
use super::reclaim::STATE_SEGMENTS;
use super::{Engine, Upkept};
use crate::fault::Fault;
use crate::file::FileLayer;
use crate::folder::Format;
use crate::index::Index;
use crate::log::{Drive, Log, Positions, SegmentShape, Segments, scan, settle_end};
use crate::logs::{FLUSH_ROOMS, Logs};
use crate::options::Options;
use crate::record::{EntriesRecord, StateRecord};
use crate::state::{FLUSH_SLOTS, State};

/// Change numbers that are left out after each opening: some may have been given out and lost.
const LOST_CHANGES: u64 = 1 << 20;

/// Records replayed before the index is written in between, so that a rebuild needs no more memory than a tail.
const REPLAY_RECORDS: u64 = 200_000;

/// What an engine is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) files: Arc<dyn FileLayer>,
    pub(crate) index: Arc<dyn Index>,
    pub(crate) folder: PathBuf,
    pub(crate) format: Format,
    pub(crate) options: Options,
    pub(crate) drive: Drive,
}

/// Opens the engine over a folder.
pub(crate) fn open(parts: Parts) -> Result<Engine, Fault> {
    let segments = |name: &str, shape: SegmentShape| {
        Segments::new(
            parts.files.clone(),
            parts.folder.join(name),
            shape,
            parts.format.salt,
        )
    };
    let entries = segments("entries", parts.format.shapes.entries);
    let state_stream = segments("state", parts.format.shapes.state);
    for stream in [&entries, &state_stream] {
        stream.prepare()?;
    }
    let checkpoint = match Checkpoint::read(&*parts.index)? {
        Some(checkpoint) => checkpoint,
        None => Checkpoint {
            from: beginning(&entries, &state_stream)?,
            changes: 0,
            restored_at: 0,
        },
    };
    let logs = Logs::new(
        parts.index.clone(),
        checkpoint.changes,
        checkpoint.restored_at,
    );
    let state = State::new(parts.index.clone());
    let mut replay = Replay {
        logs: &logs,
        state: &state,
        records: 0,
        erased: Vec::new(),
    };
    let ends = Positions {
        entries: scan(&entries, checkpoint.from.entries, &mut |record| {
            replay.entry(record.head, record.at)
        })?,
        state: scan(&state_stream, checkpoint.from.state, &mut |record| {
            replay.state(record.head, record.at.at)
        })?,
    };
    let erased = replay.erased;
    settle_end(&entries, ends.entries)?;
    settle_end(&state_stream, ends.state)?;
    logs.skip_changes(LOST_CHANGES);
    let state_segments = (state_stream.numbers()?.len() as u64).max(STATE_SEGMENTS);
    let engine = Engine {
        log: Arc::new(Log::new([entries, state_stream], ends, parts.drive)),
        folder: parts.folder,
        format: parts.format,
        options: parts.options,
        index: parts.index,
        logs,
        state,
        erasures: Mutex::default(),
        standstill: Mutex::default(),
        upkept: Mutex::new(Upkept {
            checkpoint: checkpoint.from,
            state_segments,
        }),
    };
    for (conversation, seqs) in erased {
        engine.overwrite_later(conversation, seqs, 0);
    }
    Ok(engine)
}

/// The first groups of both streams.
fn beginning(entries: &Segments, state: &Segments) -> Result<Positions, Fault> {
    let first = |stream: &Segments| -> Result<u64, Fault> {
        Ok(stream.first_group(stream.numbers()?.first().copied().unwrap_or(0)))
    };
    Ok(Positions {
        entries: first(entries)?,
        state: first(state)?,
    })
}

struct Replay<'a> {
    logs: &'a Logs,
    state: &'a State,
    records: u64,
    erased: Vec<(ConversationId, Vec<Seq>)>,
}

impl Replay<'_> {
    fn entry(&mut self, head: &[u8], at: crate::log::Located) -> Result<(), Fault> {
        let erased = self.logs.replay(EntriesRecord::parse(head)?, at)?;
        self.erased.extend(erased);
        self.count()
    }

    fn state(&mut self, head: &[u8], at: u64) -> Result<(), Fault> {
        let record = StateRecord::parse(head)?;
        for (key, value) in record.puts {
            self.state.replay(key, value, at);
        }
        for (conversation, change) in record.bumps {
            self.logs.replay_bump(&conversation, change)?;
        }
        self.count()
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.records += 1;
        if !self.records.is_multiple_of(REPLAY_RECORDS) {
            return Ok(());
        }
        let durable = |_| Ok(());
        for rooms in self.logs.take_dirty().chunks(FLUSH_ROOMS) {
            self.logs.flush(rooms, &durable)?;
        }
        for keys in self.state.take_dirty().chunks(FLUSH_SLOTS) {
            self.state.flush(keys, &durable)?;
        }
        while self.state.sweep() {}
        self.logs.sweep();
        Ok(())
    }
}
