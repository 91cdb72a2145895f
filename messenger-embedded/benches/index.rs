//! The spike behind the layout of the index: what one message costs it, by layout.
//!
//! ```text
//!   cargo bench -p messenger-embedded --bench index
//! ```
//!
//! Only the tree's share is measured: CPU of the whole process, its background threads with it, over a million messages in
//! 100 conversations. See the decision record of the index for what was made of it.

use std::fs;
use std::time::Duration;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

const MESSAGES: u64 = 1_000_000;
const CONVERSATIONS: u64 = 100;

/// Entries of a block.
const BLOCK: u64 = 256;

/// Items of a batch.
const BATCH: u64 = 512;

fn main() {
    let item = measure("an item per entry, an item per claim", |database, keys| {
        for start in (0..MESSAGES).step_by(BATCH as usize) {
            let mut batch = database.batch();
            for i in start..start + BATCH {
                batch.insert(
                    keys,
                    entry_key(b'L', i % CONVERSATIONS, i / CONVERSATIONS),
                    i.to_le_bytes(),
                );
                batch.insert(keys, claim_key(i), i.to_le_bytes());
            }
            batch.commit().expect("the tree takes a batch");
        }
    });
    let block = measure(
        "a block of 256 entries, a block of their claims",
        |database, keys| {
            for start in (0..MESSAGES).step_by(BLOCK as usize) {
                let (conversation, first) = (start / BLOCK % CONVERSATIONS, start / CONVERSATIONS);
                let mut batch = database.batch();
                batch.insert(
                    keys,
                    entry_key(b'L', conversation, first),
                    vec![7; BLOCK as usize * 9],
                );
                batch.insert(keys, entry_key(b'K', conversation, first), claims(start));
                batch.commit().expect("the tree takes a batch");
            }
        },
    );
    say(&format!("blocks / items {:>42.3}", block / item));
}

fn measure(what: &str, write: impl Fn(&Database, &Keyspace)) -> f64 {
    let folder = tempfile::tempdir().expect("a folder for the benchmark");
    let database = Database::builder(folder.path())
        .worker_threads(1)
        .open()
        .expect("the tree opens");
    let options = || KeyspaceCreateOptions::default().max_memtable_size(8 << 20);
    let keys = database
        .keyspace("runs", options)
        .expect("the keyspace opens");
    let before = cpu_time();
    write(&database, &keys);
    // What is written has to be sorted into the tree at some time: that is part of the price.
    keys.rotate_memtable_and_wait()
        .expect("the memtable is written");
    let micros = (cpu_time() - before).as_secs_f64() * 1e6 / MESSAGES as f64;
    say(&format!("{what:<50} {micros:>6.2} us CPU a message"));
    micros
}

fn entry_key(tag: u8, conversation: u64, seq: u64) -> Vec<u8> {
    let mut key = format!(
        "{}user-{conversation:05}-a/user-{conversation:05}-b\0",
        tag as char
    )
    .into_bytes();
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// A claim's key: conversation, sender and a UUIDv7, whose time rises and whose rest is random.
fn claim_key(i: u64) -> Vec<u8> {
    let mut key = entry_key(b'k', i % CONVERSATIONS, i / 10);
    key.extend_from_slice(&random(i).to_be_bytes());
    key.extend_from_slice(b"user-00000-a");
    key
}

fn claims(start: u64) -> Vec<u8> {
    (start..start + BLOCK)
        .flat_map(|i| {
            [i.to_be_bytes(), random(i).to_be_bytes()]
                .concat()
                .into_iter()
                .chain([1, 2])
        })
        .collect()
}

fn random(i: u64) -> u64 {
    (i ^ 0x9E37_79B9_7F4A_7C15)
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
        .rotate_left(31)
        .wrapping_mul(0x94D0_49BB_1331_11EB)
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells the CPU time in /proc");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = [11, 12]
        .iter()
        .map(|i| fields[*i].parse::<u64>().unwrap_or(0))
        .sum();
    Duration::from_millis(ticks * 10)
}

#[expect(clippy::print_stdout, reason = "a benchmark talks to its user")]
fn say(line: &str) {
    println!("{line}");
}
