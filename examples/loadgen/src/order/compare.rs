//! `compare`: everything at once, servers and relay in turn, held against the bounds.
//!
//! ```text
//!   relay │ durable relay │ SERVER cbor │ durable relay │ SERVER json │ durable relay │ relay
//!                              └── ratio to the mean of its neighbours ──┘
//! ```
//!
//! Machines are noisy: the ratio to a neighbour in time says more than the figure.

use std::io;
use std::time::Duration;

use super::Bench;
use super::idle;
use super::logins::logins;
use super::stored::stored;
use crate::report::Bound;
use crate::stats::Summary;
use crate::target::{Codec, Target};
use crate::traffic::{Pace, Plan};

/// Users of the 1:1 traffic, and messages that each has in flight.
const USERS: u32 = 200;
const WINDOW: usize = 8;
const BODY: usize = 200;

/// The server where one codec is enough.
const CBOR: Target = Target::Messenger(Codec::Cbor);

/// The rate at which latency is measured.
const RATE: f64 = 10_000.0;

/// Members of a group, and how many of them send.
const MEMBERS: u32 = 100;
const AUTHORS: u32 = 4;

/// What a server must reach.
mod bound {
    pub(super) const CBOR_PER_SECOND: f64 = 100_000.0;
    pub(super) const CBOR_TO_RELAY: f64 = 0.2;
    pub(super) const JSON_PER_SECOND: f64 = 60_000.0;
    pub(super) const IDLE_KIB: f64 = 6.0;
    pub(super) const DELIVERY_P99_MS: f64 = 2.0;
    pub(super) const START_EMPTY_MS: f64 = 100.0;
    pub(super) const START_FULL_MS: f64 = 500.0;
    pub(super) const GROWTH: f64 = 1.1;
}

/// How large a comparison is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The measured time of each run of the server.
    pub(crate) time: Duration,
    /// The measured time of each run of the relay, and of the smaller workloads.
    pub(crate) short: Duration,
    /// Idle connections.
    pub(crate) connections: u32,
    /// How long they are watched.
    pub(crate) rest: Duration,
    /// Messages in the full store, and in a sample.
    pub(crate) stored: u64,
    /// Messages of a sample.
    pub(crate) sample: u64,
    /// Whether bounds are judged: a smoke test proves that all works, not that it is fast.
    pub(crate) judge: bool,
}

impl Size {
    /// Everything for a moment.
    pub(crate) const SMOKE: Self = Self {
        time: Duration::from_millis(300),
        short: Duration::from_millis(200),
        connections: 300,
        rest: Duration::from_millis(100),
        stored: 5_000,
        sample: 2_000,
        judge: false,
    };

    /// A whole comparison, the messenger's runs taking this time.
    pub(crate) fn of(time: Duration) -> Self {
        Self {
            time,
            short: (time / 6).max(Duration::from_secs(10)).min(time),
            connections: 10_000,
            rest: idle::REST,
            stored: 1_000_000,
            sample: 200_000,
            judge: true,
        }
    }
}

/// Runs it all; `server` is false if only the relays are to be run.
pub(crate) fn compare(bench: &mut Bench, size: Size, server: bool) -> io::Result<()> {
    throughput(bench, size, server)?;
    latency(bench, size, server)?;
    groups(bench, size, server)?;
    logins(bench, Target::Relay, 64, size.short)?;
    if server {
        logins(bench, CBOR, 64, size.short)?;
    }
    idle::idle(bench, Target::Relay, size.connections, size.rest)?;
    if server {
        let each = idle::idle(bench, CBOR, size.connections, size.rest)?;
        judge(
            bench,
            size,
            "idle connection",
            each / 1024.0,
            Bound::AtMost,
            bound::IDLE_KIB,
            "KiB RSS",
        );
    }
    stored(bench, Target::RelayDurable, size.sample, size.sample)?;
    if server {
        let found = stored(bench, CBOR, size.stored, size.sample)?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        judge(
            bench,
            size,
            "start, empty",
            ms(found.start_empty),
            Bound::AtMost,
            bound::START_EMPTY_MS,
            "ms",
        );
        judge(
            bench,
            size,
            "start, full store",
            ms(found.start_stopped),
            Bound::AtMost,
            bound::START_FULL_MS,
            "ms",
        );
        judge(
            bench,
            size,
            "start, full store, after kill -9",
            ms(found.start_killed),
            Bound::AtMost,
            bound::START_FULL_MS,
            "ms",
        );
        judge(
            bench,
            size,
            "CPU per message, full store",
            found.growth,
            Bound::AtMost,
            bound::GROWTH,
            "x empty",
        );
    }
    Ok(())
}

fn throughput(bench: &mut Bench, size: Size, server: bool) -> io::Result<()> {
    let name = format!("1:1, {WINDOW} in flight");
    let closed = |time| plan(Pace::Closed, 2, time);
    let run =
        |bench: &mut Bench, target, time| bench.measure(&name, target, USERS, 2, closed(time));
    run(bench, Target::Relay, size.short)?;
    let mut before = run(bench, Target::RelayDurable, size.short)?;
    if server {
        for codec in [Codec::Cbor, Codec::Json] {
            let target = Target::Messenger(codec);
            let found = run(bench, target, size.time)?;
            let after = run(bench, Target::RelayDurable, size.short)?;
            let floor = (before.messages_per_second + after.messages_per_second) / 2.0;
            let ratio = found.messages_per_second / floor;
            bench.report.figure(
                "1:1, durable",
                target.name(),
                ratio,
                "x durable relay, messages/s",
            );
            let cpu = |summary: &Summary| summary.server_us_per_message.unwrap_or(f64::NAN);
            let cpu_ratio = cpu(&found) / ((cpu(&before) + cpu(&after)) / 2.0);
            bench.report.figure(
                "1:1, durable",
                target.name(),
                cpu_ratio,
                "x durable relay, CPU per message",
            );
            let (rate, name) = match codec {
                Codec::Cbor => (bound::CBOR_PER_SECOND, "CBOR"),
                Codec::Json => (bound::JSON_PER_SECOND, "JSON"),
            };
            judge(
                bench,
                size,
                &format!("1:1 durable, {name}"),
                found.messages_per_second,
                Bound::AtLeast,
                rate,
                "messages/s",
            );
            if codec == Codec::Cbor {
                judge(
                    bench,
                    size,
                    "1:1 durable, CBOR, to the durable relay",
                    ratio,
                    Bound::AtLeast,
                    bound::CBOR_TO_RELAY,
                    "x",
                );
            }
            clean(bench, &format!("1:1 durable, {name}"), &found);
            before = after;
        }
    }
    run(bench, Target::Relay, size.short)?;
    Ok(())
}

fn latency(bench: &mut Bench, size: Size, server: bool) -> io::Result<()> {
    let name = format!("1:1, {RATE}/s");
    let paced = |time| plan(Pace::Rate(RATE), 2, time);
    let floor = bench.measure(&name, Target::RelayDurable, USERS, 2, paced(size.short))?;
    if server {
        let found = bench.measure(&name, CBOR, USERS, 2, paced(size.time))?;
        let ratio = found.delivery.p99_us / floor.delivery.p99_us;
        bench
            .report
            .figure("delivery p99", CBOR.name(), ratio, "x durable relay");
        judge(
            bench,
            size,
            "delivery p99 at 10,000/s",
            found.delivery.p99_us / 1e3,
            Bound::AtMost,
            bound::DELIVERY_P99_MS,
            "ms",
        );
        clean(bench, "10,000/s", &found);
    }
    Ok(())
}

fn groups(bench: &mut Bench, size: Size, server: bool) -> io::Result<()> {
    let name = format!("groups of {MEMBERS}");
    let plan = Plan {
        window: 4,
        ..plan(Pace::Closed, AUTHORS, size.short)
    };
    let floor = bench.measure(&name, Target::RelayDurable, 2 * MEMBERS, MEMBERS, plan)?;
    if server {
        let found = bench.measure(&name, CBOR, 2 * MEMBERS, MEMBERS, plan)?;
        let ratio = found.deliveries_per_second / floor.deliveries_per_second;
        bench
            .report
            .figure(&name, CBOR.name(), ratio, "x durable relay, deliveries/s");
        clean(bench, "groups", &found);
    }
    Ok(())
}

fn plan(pace: Pace, authors: u32, time: Duration) -> Plan {
    let warm_up = Duration::from_secs(2).min(time / 4);
    Plan {
        pace,
        window: WINDOW,
        authors,
        body: BODY,
        warm_up,
        time,
        messages: None,
    }
}

fn judge(
    bench: &mut Bench,
    size: Size,
    name: &str,
    measured: f64,
    side: Bound,
    bound: f64,
    unit: &'static str,
) {
    if size.judge {
        bench.report.judge(name, measured, side, bound, unit);
    }
}

/// Whatever the speed: nothing may be refused, lost or come twice.
fn clean(bench: &mut Bench, name: &str, summary: &Summary) {
    let refused: u64 = summary.refused.values().sum();
    let wrong = refused + summary.lost + summary.repeated + summary.unfinished;
    bench.report.judge(
        &format!("{name}: refused, lost, repeated, unfinished"),
        wrong as f64,
        Bound::AtMost,
        0.0,
        "messages",
    );
}
