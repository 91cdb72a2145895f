//! What the store costs: CPU per message young and grown, latency at a steady rate, time to open.
//!
//! ```text
//!   cargo bench -p messenger-embedded --bench store            everything, about a minute
//!   MESSENGER_BENCH_DIR=/data cargo bench …                    on that disk instead of the temporary folder
//! ```
//!
//! All in one process, best pinned to one core (`taskset -c 0`): figures are CPU time of the whole process, so that the
//! writer and the upkeep count too. What matters are the ratios.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use messenger_core::id::{Cmid, ConversationId, DeviceId, Ordinal, Seq, UserId};
use messenger_core::model::{Entry, Holder, MarkKind, Message, Position, Raise, Stored};
use messenger_core::store::{AppendOutcome, Backend};
use messenger_core::time::Timestamp;
use messenger_embedded::{Options, Store};
use messenger_testkit::exec::block_on;

/// Pairs of users that talk to each other.
const PAIRS: usize = 100;

/// Messages that ride in one append: both users of a pair with eight in flight.
const DRAFTS: usize = 16;

/// Messages of a measured stretch.
const STRETCH: u64 = 200_000;

/// Messages stored between the young and the grown stretch.
const GROWN: u64 = 1_000_000;

fn main() {
    let base = std::env::var("MESSENGER_BENCH_DIR")
        .unwrap_or_else(|_| std::env::temp_dir().display().to_string());
    let folder = tempfile::tempdir_in(&base).expect("the folder for the benchmark can be made");
    say(&format!(
        "data in {base}, one fdatasync takes {:?} (median)",
        fdatasync(folder.path())
    ));
    start("empty", folder.path());
    growth(folder.path());
    start("with a million messages", folder.path());
    start_after_kill(
        folder.path(),
        &tempfile::tempdir_in(&base)
            .expect("a second folder")
            .path()
            .join("copy"),
    );
    latency(folder.path());
}

/// CPU per message in a young store and in one with a million messages.
fn growth(folder: &Path) {
    let store = open(folder);
    let mut load = Load::new(store.backend());
    load.run(20_000);
    let young = measured("young", &mut load);
    load.run(GROWN);
    let grown = measured("grown by a million", &mut load);
    say(&format!(
        "grown / young        {:>8.2}   (goal: at most 1.10)",
        grown / young
    ));
}

fn measured(what: &str, load: &mut Load) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..3 {
        let (cpu, wall) = (cpu_time(), Instant::now());
        load.run(STRETCH);
        let micros = (cpu_time() - cpu).as_secs_f64() * 1e6 / STRETCH as f64;
        let rate = STRETCH as f64 / wall.elapsed().as_secs_f64();
        say(&format!(
            "{what:<20} {micros:>8.2} us CPU a message, {rate:>9.0} durable messages/s"
        ));
        best = best.min(micros);
    }
    best
}

/// How long an append takes when 10,000 messages a second are due, one by one.
fn latency(folder: &Path) {
    const RATE: u64 = 10_000;
    const SECONDS: u64 = 10;
    let store = open(folder);
    let mut load = Load::new(store.backend());
    let began = Instant::now();
    let mut waits = Vec::with_capacity((RATE * SECONDS) as usize);
    block_on(async {
        let mut under_way = FuturesUnordered::new();
        let mut idle: Vec<Talk> = std::mem::take(&mut load.talks);
        for i in 0..RATE * SECONDS {
            let due = began + Duration::from_micros(i * 1_000_000 / RATE);
            loop {
                while let std::task::Poll::Ready(Some((talk, wait))) =
                    futures_util::poll!(under_way.next())
                {
                    idle.push(talk);
                    waits.push(wait);
                }
                if Instant::now() >= due && !idle.is_empty() {
                    break;
                }
                std::thread::sleep(Duration::from_micros(20));
            }
            let mut talk = idle.swap_remove((i as usize * 7) % idle.len());
            let backend = load.backend.clone();
            under_way.push(async move {
                talk.send(&backend, 1).await;
                (talk, due.elapsed())
            });
        }
        while let Some((_, wait)) = under_way.next().await {
            waits.push(wait);
        }
    });
    waits.sort();
    let at = |share: f64| waits[(waits.len() as f64 * share) as usize];
    say(&format!(
        "{RATE}/s for {SECONDS} s      p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}   (goal: p99 below 2 ms end to end)",
        at(0.5),
        at(0.99),
        at(0.999),
        waits[waits.len() - 1]
    ));
}

fn start(what: &str, folder: &Path) {
    let began = Instant::now();
    let store = open(folder);
    let took = began.elapsed();
    drop(store);
    say(&format!("open, {what:<24} {took:>10.1?}"));
}

/// Opens a copy of the files as they were in the middle of the load: what `kill -9` leaves.
fn start_after_kill(folder: &Path, copy: &Path) {
    let store = open(folder);
    let mut load = Load::new(store.backend());
    let mut worst = Duration::ZERO;
    for _ in 0..3 {
        load.run(60_000);
        copy_all(folder, copy);
        let began = Instant::now();
        let copied = open(copy);
        worst = worst.max(began.elapsed());
        drop(copied);
        fs::remove_dir_all(copy).expect("the copy can be removed");
    }
    say(&format!(
        "open, after kill -9 (worst of 3)     {worst:>10.1?}   (goal: below 500 ms)"
    ));
}

/// Pairs of users that send and acknowledge.
struct Load {
    backend: Backend,
    talks: Vec<Talk>,
}

impl Load {
    fn new(backend: Backend) -> Load {
        let talks = (0..PAIRS)
            .map(|pair| block_on(Talk::new(&backend, pair)))
            .collect();
        Load { backend, talks }
    }

    /// Stores `messages`, with the marks that they cause.
    fn run(&mut self, messages: u64) {
        let backend = &self.backend;
        let rounds = messages / (PAIRS * DRAFTS) as u64;
        block_on(async {
            let mut under_way: FuturesUnordered<_> = self
                .talks
                .iter_mut()
                .map(|talk| async move {
                    for _ in 0..rounds {
                        talk.send(backend, DRAFTS).await;
                        talk.acknowledge(backend).await;
                    }
                })
                .collect();
            while under_way.next().await.is_some() {}
        });
    }
}

/// One conversation.
struct Talk {
    conversation: ConversationId,
    users: [UserId; 2],
    head: Seq,
    ordinal: u64,
    random: u64,
}

impl Talk {
    async fn new(backend: &Backend, pair: usize) -> Talk {
        let user =
            |side: char| UserId::parse(&format!("user-{pair:05}-{side}")).expect("a valid id");
        let users = [user('a'), user('b')];
        let conversation = ConversationId::direct(&users[0], &users[1]);
        let end = backend
            .messages
            .head(&conversation)
            .await
            .expect("the head can be read");
        Talk {
            conversation,
            users,
            head: end.head,
            ordinal: end.ordinal.get(),
            random: pair as u64,
        }
    }

    async fn send(&mut self, backend: &Backend, count: usize) {
        let now = Timestamp(
            std::time::UNIX_EPOCH
                .elapsed()
                .expect("after 1970")
                .as_millis() as u64,
        );
        let entries = (0..count).map(|i| self.entry(i, now)).collect();
        let outcome = backend
            .messages
            .append(&self.conversation, self.head, entries)
            .await;
        assert_eq!(
            outcome.expect("the append succeeds"),
            AppendOutcome::Appended
        );
        self.head = Seq(self.head.get() + count as u64);
    }

    /// The marks of one round: the other one's device has it, and has read it.
    async fn acknowledge(&mut self, backend: &Backend) {
        let to = Position {
            seq: self.head,
            ordinal: Ordinal(self.ordinal),
        };
        let raise = |kind, device| Raise {
            conversation: self.conversation.clone(),
            holder: Holder {
                user: self.users[1].clone(),
                device,
            },
            kind,
            to,
        };
        let raises = [
            raise(MarkKind::Delivered, None),
            raise(MarkKind::Acked, Some(DeviceId(1))),
            raise(MarkKind::Read, None),
        ];
        backend
            .receipts
            .raise(&raises)
            .await
            .expect("the raise succeeds");
    }

    fn entry(&mut self, i: usize, now: Timestamp) -> Arc<Stored> {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.random.to_be_bytes());
        self.ordinal += 1;
        Arc::new(Stored {
            entry: Entry {
                seq: Seq(self.head.get() + i as u64 + 1),
                sender: self.users[i % 2].clone(),
                cmid: Cmid::from_parts(now, random),
                time: now,
                ordinal: Ordinal(self.ordinal),
                content: Message::text("x".repeat(200)).into(),
            },
            accepted_at: now,
            hidden_from: None,
            expiry: None,
            digest: None,
        })
    }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, Options::default()).expect("the store opens")
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

fn fdatasync(folder: &Path) -> Duration {
    use std::os::unix::fs::FileExt;
    let file = fs::File::create(folder.with_extension("sync")).expect("a file can be made");
    file.write_all_at(&vec![1; 4 << 20], 0)
        .and_then(|()| file.sync_all())
        .expect("the disk has room");
    let mut took: Vec<Duration> = (0..200)
        .map(|i| {
            file.write_all_at(&[2; 16_384], i * 16_000)
                .expect("the disk takes a write");
            let began = Instant::now();
            file.sync_data().expect("the disk syncs");
            began.elapsed()
        })
        .collect();
    let _left_behind = fs::remove_file(folder.with_extension("sync"));
    took.sort();
    took[100]
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the copy can be made");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            // Files of the index come and go.
            let _gone = fs::copy(entry.path(), target);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark talks to its user")]
fn say(line: &str) {
    println!("{line}");
}
