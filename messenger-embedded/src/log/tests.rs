use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::fault::Fault;
use crate::file::FileLayer;
use crate::file::sim::{Plant, SimFiles};

const SHAPE: SegmentShape = SegmentShape {
    bytes: 4096,
    step: 1024,
};
const SALT: u32 = 9;

fn segments(files: &SimFiles, folder: &str) -> Segments {
    Segments::new(Arc::new(files.clone()), folder.into(), SHAPE, SALT)
}

fn open(files: &SimFiles) -> (Arc<Log>, Vec<Vec<u8>>) {
    let streams = [segments(files, "/entries"), segments(files, "/state")];
    let mut found = Vec::new();
    let mut ends = [0, 0];
    for (end, stream) in ends.iter_mut().zip(&streams) {
        *end = scan(stream, stream.first_group(0), &mut |record| {
            found.push(record.head.to_vec());
            Ok(())
        })
        .unwrap();
        settle_end(stream, *end).unwrap();
    }
    let ends = Positions {
        entries: ends[0],
        state: ends[1],
    };
    (Arc::new(Log::new(streams, ends, Drive::Inline)), found)
}

fn append(log: &Arc<Log>, stream: Stream, head: &[u8], body: &[u8]) -> Result<Located, LogError> {
    let mut batch = log.batch(stream, 64);
    let located = batch.record(
        |out| out.extend_from_slice(head),
        |out| out.extend_from_slice(body),
    );
    let submitted = log.submit(stream, &batch)?;
    log.wait(submitted.cycle)?;
    Ok(Located {
        at: submitted.at + located.at,
        ..located
    })
}

#[test]
fn records_are_found_again_across_segments() {
    let files = SimFiles::new();
    let (log, _) = open(&files);
    let mut written = Vec::new();
    for i in 0..100_u32 {
        append(&log, Stream::Entries, &i.to_le_bytes(), &[1; 200]).unwrap();
        written.push(i.to_le_bytes().to_vec());
    }
    assert!(files.list(Path::new("/entries")).unwrap().len() > 3);
    files.crash(1);
    assert_eq!(open(&files).1, written);
}

#[test]
fn a_crash_at_any_operation_keeps_all_that_was_acknowledged() {
    let run = |files: &SimFiles| {
        let (log, _) = open(files);
        let mut acknowledged = 0;
        for i in 0..24_u32 {
            match append(&log, Stream::Entries, &i.to_le_bytes(), &[i as u8; 300]) {
                Ok(_) => acknowledged = i + 1,
                Err(_) => break,
            }
        }
        acknowledged
    };
    let whole = SimFiles::new();
    assert_eq!(run(&whole), 24);
    for operation in 1..=whole.operations() {
        for seed in 0..8 {
            let files = SimFiles::new();
            files.plant(operation, Plant::Crash);
            let acknowledged = run(&files);
            files.crash(seed);
            let (log, found) = open(&files);
            assert!(
                found.len() as u32 >= acknowledged,
                "operation {operation}, seed {seed}"
            );
            assert!(
                found
                    .iter()
                    .enumerate()
                    .all(|(i, head)| head[..] == (i as u32).to_le_bytes())
            );
            // What comes after a recovery lasts too.
            append(&log, Stream::Entries, b"more", b"").unwrap();
            files.crash(seed);
            assert_eq!(open(&files).1.last().unwrap(), b"more");
        }
    }
}

#[test]
fn without_syncs_acknowledged_records_are_lost() {
    let lost = (0..8).any(|seed| {
        let files = SimFiles::new();
        files.skip_every_sync();
        let (log, _) = open(&files);
        append(&log, Stream::Entries, b"a", &[1; 300]).unwrap();
        files.crash(seed);
        open(&files).1.is_empty()
    });
    assert!(lost, "the simulated disk would not notice a missing sync");
}

#[test]
fn a_body_erased_in_place_is_no_torn_record() {
    let files = SimFiles::new();
    let (log, _) = open(&files);
    let located = append(&log, Stream::Entries, b"a", &[7; 300]).unwrap();
    append(&log, Stream::Entries, b"erase", b"").unwrap();
    let (segment, _) = log.stream(Stream::Entries).place(located.at);
    let path = log.stream(Stream::Entries).path(segment);
    files.damage(&path, located.body_at() as usize, &[0; 300]);
    assert_eq!(open(&files).1.len(), 2);
}

#[test]
fn damage_before_the_last_group_is_an_error_not_an_end() {
    let files = SimFiles::new();
    let (log, _) = open(&files);
    append(&log, Stream::Entries, b"a", b"").unwrap();
    let second = append(&log, Stream::Entries, b"b", b"").unwrap();
    append(&log, Stream::Entries, b"c", b"").unwrap();
    files.damage(
        Path::new("/entries/00000000.log"),
        second.at as usize - 10,
        &[0xFF; 8],
    );
    let entries = segments(&files, "/entries");
    let answer = scan(&entries, entries.first_group(0), &mut |_| Ok(()));
    assert!(
        matches!(answer, Err(Fault::Scan(ScanError::Damaged { .. }))),
        "{answer:?}"
    );
}

#[test]
fn a_body_that_imitates_a_group_is_not_taken_for_one() {
    let files = SimFiles::new();
    let (log, _) = open(&files);
    let first = append(&log, Stream::Entries, b"a", b"").unwrap();
    let at = first.at + first.bytes() as u64;
    // The attacker knows the format and the position, but not the salt.
    let mut forged = [0; 24];
    frame::GroupHeader {
        bytes: 0,
        records: 0,
    }
    .write(SALT + 1, at + 24 + 16 + 1, &mut forged);
    append(&log, Stream::Entries, b"b", &forged).unwrap();
    assert_eq!(open(&files).1.len(), 2);
}

#[test]
fn a_failed_write_or_sync_poisons_the_log() {
    for operation in 4..8 {
        for plant in [Plant::Error, Plant::Full] {
            let files = SimFiles::new();
            let (log, _) = open(&files);
            files.plant(operation, plant);
            let failed = (0..8).any(|i| append(&log, Stream::State, &[i], &[0; 600]).is_err());
            assert!(failed, "{plant:?} at operation {operation}");
            assert!(matches!(
                append(&log, Stream::State, b"x", b""),
                Err(LogError::Poisoned(_))
            ));
        }
    }
}

#[test]
fn too_much_waiting_is_refused() {
    let files = SimFiles::new();
    let shape = SegmentShape {
        bytes: 64 << 20,
        step: 1 << 20,
    };
    let stream = |folder: &str| Segments::new(Arc::new(files.clone()), folder.into(), shape, SALT);
    let log = Log::new(
        [stream("/a"), stream("/b")],
        Positions {
            entries: 64,
            state: 64,
        },
        Drive::Inline,
    );
    let mut batch = log.batch(Stream::Entries, 0);
    batch.record(|_| (), |body| body.resize(4 << 20, 1));
    let refused = (0..20).find_map(|_| log.submit(Stream::Entries, &batch).err());
    assert!(matches!(refused, Some(LogError::Overloaded)));
}

#[test]
fn a_batch_that_no_segment_can_hold_is_refused() {
    let (log, _) = open(&SimFiles::new());
    let refused = append(
        &log,
        Stream::Entries,
        b"a",
        &vec![1; SHAPE.bytes as usize - 100],
    );
    assert!(matches!(refused, Err(LogError::TooLarge)), "{refused:?}");
    append(
        &log,
        Stream::Entries,
        b"a",
        &vec![1; SHAPE.bytes as usize - 200],
    )
    .unwrap();
}
