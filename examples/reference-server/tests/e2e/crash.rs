//! The server is killed in the middle, while people write.
//!
//! ```text
//! anna's phone ──┐ write without pause            anna's tablet ── only reads
//! ben's phone ───┘      │
//!                       ▼ kill -9, start, kill -9, start …  ──► rest ──► every device has the same log:
//!                                                               everything accepted, nothing twice
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messenger_client::Client;
use messenger_client::id::{ConversationId, Seq};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::person::{Person, eventually, text_of, within_patience};
use super::process::Server;

/// Messages of one writer that are on their way.
const IN_FLIGHT: usize = 8;
/// The shortest and the longest life of a server between two kills.
const LIFE_MS: std::ops::Range<u64> = 50..600;
/// Kills in the everyday loop, and with `MESSENGER_LONG_TESTS=1`.
const KILLS: [usize; 2] = [10, 200];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_is_lost_or_doubled_when_the_server_is_killed() {
    let long = std::env::var_os("MESSENGER_LONG_TESTS").is_some_and(|value| value == "1");
    let kills = KILLS[usize::from(long)];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let mut server = start(&data, "127.0.0.1:0");
    let address = server.address.to_string();
    let world = World::open(&server, &data).await;

    for kill in 0..kills {
        let accepted = world.accepted();
        // Some lives end before anybody is back, most after something was accepted.
        if kill % 4 != 3 {
            eventually("something is accepted in this life", || {
                world.accepted() > accepted
            })
            .await;
        }
        tokio::time::sleep(Duration::from_millis(random(LIFE_MS))).await;
        server.kill();
        server = start(&data, &address);
    }

    world.rest().await;
}

/// Two people who write, and a device that only reads.
struct World {
    conversation: ConversationId,
    devices: [Person; 3],
    writers: Vec<Writer>,
}

impl World {
    async fn open(server: &Server, data: &Path) -> Self {
        let devices = [
            Person::log_in(server, data, "anna").await,
            Person::log_in(server, data, "ben").await,
            Person::log_in(server, data, "anna").await,
        ];
        let conversation = devices[0].client.direct("ben").expect("a sound id");
        let writers = vec![
            Writer::start("anna", &devices[0].client, &conversation),
            Writer::start("ben", &devices[1].client, &conversation),
        ];
        Self {
            conversation,
            devices,
            writers,
        }
    }

    /// How many messages the server has accepted.
    fn accepted(&self) -> usize {
        self.writers
            .iter()
            .map(|writer| writer.accepted.load(Ordering::Relaxed))
            .sum()
    }

    /// Lets everything come to rest, and compares.
    async fn rest(self) {
        let mut written = BTreeMap::new();
        for writer in self.writers {
            written.extend(writer.finish().await);
        }
        let all: BTreeSet<&String> = written.keys().collect();
        for (at, device) in self.devices.iter().enumerate() {
            let missing = || {
                let there: BTreeSet<String> =
                    device.texts(&self.conversation).into_iter().collect();
                all.iter()
                    .filter(|text| !there.contains(**text))
                    .map(|text| (*text).clone())
                    .collect::<Vec<_>>()
            };
            let arrived = within_patience(|| missing().is_empty()).await;
            assert!(
                arrived,
                "device {at} ({:?}) lacks {:?}",
                device.client.status().borrow().clone(),
                missing()
            );
        }
        let log = self.devices[0].entries(&self.conversation);
        let texts: Vec<String> = log.iter().filter_map(text_of).collect();
        assert_eq!(texts.len(), all.len(), "each message once");
        assert_eq!(texts.iter().collect::<BTreeSet<_>>(), all, "each message");
        for entry in &log {
            let text = text_of(entry).expect("only messages were sent");
            assert_eq!(
                written[&text], entry.seq,
                "{text:?} is where `accepted` said"
            );
        }
        for device in &self.devices {
            assert_eq!(
                device.entries(&self.conversation),
                log,
                "one order on all devices"
            );
            device.check();
        }
        for name in ["anna", "ben"] {
            let numbers: Vec<usize> = texts
                .iter()
                .filter_map(|text| text.strip_prefix(name)?.trim().parse().ok())
                .collect();
            assert!(
                numbers.is_sorted(),
                "the messages of {name} are in the order of sending"
            );
        }
    }
}

/// Somebody who writes without pause.
struct Writer {
    stop: Arc<AtomicBool>,
    accepted: Arc<std::sync::atomic::AtomicUsize>,
    task: JoinHandle<BTreeMap<String, Seq>>,
}

impl Writer {
    fn start(name: &'static str, client: &Client, conversation: &ConversationId) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let accepted = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let task = tokio::spawn(write(
            name,
            client.clone(),
            conversation.clone(),
            Arc::clone(&stop),
            Arc::clone(&accepted),
        ));
        Self {
            stop,
            accepted,
            task,
        }
    }

    /// Stops writing, waits until the last message is accepted; answers where each one is.
    async fn finish(self) -> BTreeMap<String, Seq> {
        self.stop.store(true, Ordering::Relaxed);
        let written = tokio::time::timeout(super::process::PATIENCE, self.task);
        written
            .await
            .expect("everything is accepted in time")
            .expect("the writer does not panic")
    }
}

async fn write(
    name: &'static str,
    client: Client,
    conversation: ConversationId,
    stop: Arc<AtomicBool>,
    accepted: Arc<std::sync::atomic::AtomicUsize>,
) -> BTreeMap<String, Seq> {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let permit = Arc::clone(&permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let text = format!("{name} {}", sent.len());
        let sending = client.send(&conversation, text.clone());
        let accepted = Arc::clone(&accepted);
        sent.push(tokio::spawn(async move {
            let seq = sending.accepted().await.expect("nothing is refused");
            accepted.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            (text, seq)
        }));
    }
    let mut written = BTreeMap::new();
    for message in sent {
        let (text, seq) = message.await.expect("no panic");
        written.insert(text, seq);
    }
    written
}

/// Starts a server whose rate limits do not hold the writers back.
fn start(data: &Path, listen: &str) -> Server {
    let rates = [
        "frames_per_second",
        "frames_burst",
        "sends_per_second",
        "sends_burst",
    ];
    let settings: Vec<String> = rates
        .iter()
        .map(|name| format!("limits.{name}=100000"))
        .collect();
    let mut arguments = vec!["--listen", listen];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    Server::start_with(data, &arguments)
}

fn random(range: std::ops::Range<u64>) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    range.start + u64::from_le_bytes(bytes) % (range.end - range.start)
}
