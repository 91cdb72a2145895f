//! Servers as child processes, each on a core of its own, and what they use.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::stats::Usage;

/// A server that does not listen within this time is an error.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server gets so long to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// Between two looks whether a starting server listens.
const LISTEN_POLL: Duration = Duration::from_micros(200);

/// The two cores: one for the server under test, one for the generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    server: usize,
    generator: usize,
}

impl Cores {
    /// The first two cores that this process may use; `None` on a machine with one, where nothing is pinned.
    pub(crate) fn of_this_machine() -> io::Result<Option<Self>> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        Ok(cores
            .next()
            .zip(cores.next())
            .map(|(server, generator)| Self { server, generator }))
    }
}

fn pin_to(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// A server that this program started, and ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first answer: a socket that listens may belong to a server that is not open.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts `command` on the server's core and waits until `request` is answered at `address`.
    ///
    /// # Errors
    ///
    /// The program ends, or does not listen in time.
    pub(crate) fn start(
        command: &mut Command,
        address: SocketAddr,
        request: &[u8],
        cores: Option<Cores>,
    ) -> io::Result<Self> {
        // A child inherits the affinity of the thread that starts it; so its threads are pinned from the first on.
        if let Some(cores) = cores {
            pin_to(cores.server)?;
        }
        let begin = Instant::now();
        let child = command.spawn();
        if let Some(cores) = cores {
            pin_to(cores.generator)?;
        }
        let child = child.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start {}: {error}", command.get_program().display()),
            )
        })?;
        let mut server = Self {
            child,
            address,
            start: Duration::ZERO,
        };
        while !answers(address, request) {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!(
                    "{} ended: {status}",
                    command.get_program().display()
                )));
            }
            if begin.elapsed() > START_TIMEOUT {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("nothing listens at {address}"),
                ));
            }
            thread::sleep(LISTEN_POLL);
        }
        server.start = begin.elapsed();
        Ok(server)
    }

    /// CPU time of this server and of the generator so far.
    pub(crate) fn usage(&self) -> io::Result<Usage> {
        Ok(Usage {
            server: cpu_seconds(&self.child.id().to_string())?,
            generator: cpu_seconds("self")?,
            machine: machine_seconds()?,
        })
    }

    /// The resident memory of the server, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other("no VmRSS in /proc/<pid>/status"))
    }

    /// Ends the server at once, as a power cut of the process would.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the server to end and waits for it.
    ///
    /// # Errors
    ///
    /// It does not end in time (it is killed then), or ends with a failure.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let begin = Instant::now();
        while begin.elapsed() < STOP_TIMEOUT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the server did not end after SIGTERM",
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the child has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a server takes a connection, and answers the request with anything.
fn answers(address: SocketAddr, request: &[u8]) -> bool {
    let answer = || -> io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(START_TIMEOUT))?;
        stream.write_all(request)?;
        stream.read(&mut [0])
    };
    answer().is_ok_and(|bytes| bytes > 0)
}

/// User and system time of a process: fields 14 and 15 of `/proc/<pid>/stat`.
fn cpu_seconds(process: &str) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = stat
        .rsplit_once(')')
        .map(|(_, fields)| {
            fields
                .split_ascii_whitespace()
                .skip(11)
                .take(2)
                .filter_map(|field| field.parse::<u64>().ok())
                .sum::<u64>()
        })
        .ok_or_else(|| io::Error::other("no command in /proc/<pid>/stat"))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Busy time of all cores: user, nice, system, interrupts, of the first line of `/proc/stat`.
fn machine_seconds() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let ticks: u64 = [0, 1, 2, 5, 6]
        .iter()
        .filter_map(|&at| fields.get(at))
        .sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Lets this process and its children open `files` files at least.
///
/// # Errors
///
/// The limit is lower, and this process may not raise it.
pub(crate) fn allow_open_files(files: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(files));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(files),
            maximum,
        },
    )
    .map_err(|error| {
        io::Error::other(format!(
            "cannot raise the limit of open files to {files}: {error}"
        ))
    })
}

/// A port of 127.0.0.1 that is free now.
pub(crate) fn free_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}
