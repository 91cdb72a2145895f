//! `logins`: connect, log in, catch up, close, again.

use std::io;
use std::time::{Duration, Instant};

use super::Bench;
use crate::dialect::Heard;
use crate::target::Target;

/// Logs in over and over with `at_once` clients, and answers logins a second.
pub(crate) fn logins(
    bench: &mut Bench,
    target: Target,
    at_once: u32,
    time: Duration,
) -> io::Result<f64> {
    let running = bench.start(target, 2)?;
    let mut fleet = running.fleet(at_once, 2)?;
    let before = running.server.usage()?;
    let begin = Instant::now();
    for index in 0..fleet.len() {
        fleet.reopen(index)?;
    }
    let mut done = 0_u64;
    let mut heard = Vec::new();
    while begin.elapsed() < time {
        for index in fleet.wait(Some(Duration::from_millis(10)))? {
            fleet.read(index, &mut heard)?;
            fleet.flush(index)?;
            for event in heard.drain(..) {
                match event {
                    Heard::Live => {
                        done += 1;
                        fleet.reopen(index)?;
                    }
                    Heard::Refused { reason, .. } => {
                        return Err(io::Error::other(format!("login refused: {reason}")));
                    }
                    _ => {}
                }
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let used = running.server.usage()? - before;
    drop(fleet);
    running.stop()?;
    let rate = done as f64 / seconds;
    bench
        .report
        .figure("logins", target.name(), rate, "a second");
    bench.report.figure(
        "logins",
        target.name(),
        used.server * 1e6 / done.max(1) as f64,
        "us of server CPU each",
    );
    Ok(rate)
}
