//! `idle`: what a logged-in connection costs that does nothing.

use std::io;
use std::time::Duration;

use super::Bench;
use crate::target::Target;

/// How long a server is given to rest, and is watched.
pub(crate) const REST: Duration = Duration::from_secs(5);

/// Links that are open before the first look at the memory: what a server needs once is not counted.
const FIRST: u32 = 100;

/// Opens `connections` links, and answers the resident memory of the server for each, in bytes.
///
/// After the logins the server gets `rest` to shrink what it needed for them; then it is rest for as long.
pub(crate) fn idle(
    bench: &mut Bench,
    target: Target,
    connections: u32,
    rest: Duration,
) -> io::Result<f64> {
    let running = bench.start(target, 2)?;
    let mut first = running.fleet(FIRST, 2)?;
    first.idle(rest)?;
    let before = running.server.resident()?;
    drop(first);
    let mut fleet = running.fleet(connections, 2)?;
    fleet.idle(rest)?;
    let cpu = running.server.usage()?;
    fleet.idle(rest)?;
    let cpu = running.server.usage()? - cpu;
    let after = running.server.resident()?;
    drop(fleet);
    running.stop()?;
    let each =
        after.saturating_sub(before) as f64 / f64::from(connections.saturating_sub(FIRST).max(1));
    bench.report.figure(
        "idle connection",
        target.name(),
        each / 1024.0,
        "KiB RSS each",
    );
    bench.report.figure(
        "idle connections",
        target.name(),
        after as f64 / 1024.0 / 1024.0,
        "MiB RSS in all",
    );
    bench.report.figure(
        "idle connections",
        target.name(),
        cpu.server / rest.as_secs_f64() * 100.0,
        "% of a core",
    );
    Ok(each)
}
