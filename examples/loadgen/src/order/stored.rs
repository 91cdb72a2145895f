//! `stored`: what a full store costs: the start, also after a crash, and the CPU time of a message.
//!
//! ```text
//!   full store    fill ── sample ───────── sample ───────── sample ── kill -9 ── start ── stop ── start
//!   empty ones             start sample ─────  start sample ─────  start sample
//! ```
//!
//! Samples alternate, and the medians are compared: so a noisy minute hurts both sides.

use std::io;
use std::time::Duration;

use super::{Bench, Running};
use crate::fleet::Fleet;
use crate::target::Target;
use crate::traffic::{Pace, Plan, Traffic};

const USERS: u32 = 200;

/// Samples of each side.
const SAMPLES: usize = 3;

/// What came of it.
pub(crate) struct Stored {
    /// CPU time of a message in a full store, in that of an empty one.
    pub(crate) growth: f64,
    /// From start to listening.
    pub(crate) start_empty: Duration,
    /// The same with the full store, after `kill -9`.
    pub(crate) start_killed: Duration,
    /// The same, after a good end.
    pub(crate) start_stopped: Duration,
}

/// Fills a store with `messages`, and compares it with empty ones, a sample being `sample` messages.
pub(crate) fn stored(
    bench: &mut Bench,
    target: Target,
    messages: u64,
    sample: u64,
) -> io::Result<Stored> {
    let full = bench.start(target, 2)?;
    let mut fleet = full.fleet(USERS, 2)?;
    load(bench, "fill the store", &full, &mut fleet, messages)?;
    let (mut on_full, mut on_empty, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let empty = bench.start(target, 2)?;
        starts.push(empty.server.start.as_secs_f64());
        let mut guests = empty.fleet(USERS, 2)?;
        on_empty.push(load(
            bench,
            "sample, empty store",
            &empty,
            &mut guests,
            sample,
        )?);
        drop(guests);
        empty.stop()?;
        on_full.push(load(
            bench,
            "sample, full store",
            &full,
            &mut fleet,
            sample,
        )?);
    }
    drop(fleet);
    let killed = bench.start_on(target, 2, full.kill()?)?;
    let start_killed = killed.server.start;
    let stopped = bench.start_on(target, 2, killed.stop()?)?;
    let start_stopped = stopped.server.start;
    stopped.stop()?;
    let result = Stored {
        growth: median(&mut on_full) / median(&mut on_empty),
        start_empty: Duration::from_secs_f64(median(&mut starts)),
        start_killed,
        start_stopped,
    };
    let name = target.name();
    bench
        .report
        .figure("CPU per message", name, result.growth, "full / empty store");
    for (what, time) in [
        ("start, empty", result.start_empty),
        ("start, full, killed", result.start_killed),
        ("start, full, stopped", result.start_stopped),
    ] {
        bench
            .report
            .figure(what, name, time.as_secs_f64() * 1e3, "ms");
    }
    Ok(result)
}

/// Sends so many messages and answers the CPU time of each.
fn load(
    bench: &mut Bench,
    name: &str,
    running: &Running,
    fleet: &mut Fleet,
    messages: u64,
) -> io::Result<f64> {
    let plan = Plan {
        pace: Pace::Closed,
        window: 8,
        authors: 2,
        body: 200,
        warm_up: Duration::ZERO,
        time: Duration::from_secs(600),
        messages: Some(messages),
    };
    let measured = Traffic::new(fleet, plan).run(|| running.server.usage())?;
    let summary = bench
        .report
        .run(name, running.target.name(), measured.summary());
    Ok(summary.server_us_per_message.unwrap_or(f64::NAN))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
