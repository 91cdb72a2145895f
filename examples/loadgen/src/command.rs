//! The command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::order::compare::{self, Size};
use crate::order::messages::{self, Sending};
use crate::order::{Bench, idle, logins, stored};
use crate::process::allow_open_files;
use crate::relay::{Options, Relay};
use crate::target::{Codec, Target};

/// A relay takes so many links.
const RELAY_FILES: u64 = 16_000;

/// Measures a messenger, and a bare relay server beside it.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    order: Order,
}

/// What each measuring order takes.
#[derive(Args, Debug)]
struct Common {
    /// The server to measure.
    #[arg(long, default_value = "messenger")]
    target: TargetName,
    /// How the messenger is spoken to.
    #[arg(long, default_value = "cbor")]
    codec: Codec,
    #[command(flatten)]
    place: Place,
}

/// Where servers run, and where the report goes.
#[derive(Args, Debug)]
struct Place {
    /// The messenger's binary; without it, the one built beside this program.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// A folder on a real disk; servers keep their data in new folders under it.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Also writes what was found to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TargetName {
    /// The reference server of messenger.
    Messenger,
    /// The bare relay server, in memory.
    Relay,
    /// The bare relay server that accepts and pushes only what is on disk.
    RelayDurable,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Measures messages of users in pairs.
    Direct {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        sending: Sending,
        /// How many users there are.
        #[arg(long, default_value_t = 200)]
        users: u32,
    },
    /// Measures messages in groups.
    Groups {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        sending: Sending,
        /// How many groups there are.
        #[arg(long, default_value_t = 2)]
        groups: u32,
        /// Members of each.
        #[arg(long, default_value_t = 100)]
        members: u32,
        /// Members of each that send.
        #[arg(long, default_value_t = 4)]
        authors: u32,
    },
    /// Measures the memory of idle, logged-in connections.
    Idle {
        #[command(flatten)]
        common: Common,
        /// How many connections there are.
        #[arg(long, default_value_t = 10_000)]
        connections: u32,
    },
    /// Measures logins a second.
    Logins {
        #[command(flatten)]
        common: Common,
        /// Clients that log in at the same time.
        #[arg(long, default_value_t = 64)]
        at_once: u32,
        /// Seconds that are measured.
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// Measures what a full store costs: the start, and the CPU time of a message.
    Stored {
        #[command(flatten)]
        common: Common,
        /// Messages in the full store.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
        /// Messages of one sample.
        #[arg(long, default_value_t = 200_000)]
        sample: u64,
    },
    /// Runs it all, servers in turn, and holds the figures against their bounds.
    Compare {
        #[command(flatten)]
        place: Place,
        /// Seconds of each measured run of the messenger; the relay's take a sixth, ten at least.
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
        /// Runs the relays only.
        #[arg(long)]
        relay_only: bool,
        /// Runs everything for a moment, and judges only that nothing is lost: a test of the tools, not of speed.
        #[arg(long)]
        smoke: bool,
    },
    /// Runs the bare relay server on 127.0.0.1 until it is ended.
    Relay {
        /// The port; 0 for any.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// So many users in a row are a group; two are a pair, whose authors get receipts.
        #[arg(long, default_value_t = 2)]
        group_size: u32,
        /// Accepts and pushes only what is on disk in this folder.
        #[arg(long, value_name = "FOLDER")]
        fdatasync: Option<PathBuf>,
    },
}

impl Arguments {
    /// Does what was ordered; whether all bounds hold.
    pub(crate) fn run(self) -> io::Result<bool> {
        match self.order {
            Order::Compare {
                place,
                seconds,
                relay_only,
                smoke,
            } => {
                let size = if smoke {
                    Size::SMOKE
                } else {
                    Size::of(Duration::from_secs_f64(seconds))
                };
                place.bench("compare", size.connections, |bench| {
                    compare::compare(bench, size, !relay_only)
                })
            }
            Order::Relay {
                port,
                group_size,
                fdatasync,
            } => serve(port, group_size, fdatasync),
            Order::Direct {
                common,
                sending,
                users,
            } => measure("direct", common, users, |bench, target| {
                messages::direct(bench, target, users, &sending)
            }),
            Order::Groups {
                common,
                sending,
                groups,
                members,
                authors,
            } => measure("groups", common, groups * members, |bench, target| {
                messages::groups(bench, target, groups, members, authors, &sending)
            }),
            Order::Idle {
                common,
                connections,
            } => measure("idle", common, connections, |bench, target| {
                idle::idle(bench, target, connections, idle::REST).map(|_| ())
            }),
            Order::Logins {
                common,
                at_once,
                seconds,
            } => measure("logins", common, at_once, |bench, target| {
                logins::logins(bench, target, at_once, Duration::from_secs_f64(seconds)).map(|_| ())
            }),
            Order::Stored {
                common,
                messages,
                sample,
            } => measure("stored", common, 400, |bench, target| {
                stored::stored(bench, target, messages, sample).map(|_| ())
            }),
        }
    }
}

impl Common {
    fn target(&self) -> Target {
        match self.target {
            TargetName::Messenger => Target::Messenger(self.codec),
            TargetName::Relay => Target::Relay,
            TargetName::RelayDurable => Target::RelayDurable,
        }
    }
}

impl Place {
    /// Looks at the machine, does what was ordered, and reports.
    fn bench(
        self,
        command: &str,
        links: u32,
        order: impl FnOnce(&mut Bench) -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut bench = Bench::new(command, &self.folder, self.server, links)?;
        order(&mut bench)?;
        let pass = bench.report.conclude();
        if let Some(file) = &self.json {
            bench.report.write(file)?;
        }
        Ok(pass)
    }
}

fn measure(
    command: &str,
    common: Common,
    links: u32,
    order: impl FnOnce(&mut Bench, Target) -> io::Result<()>,
) -> io::Result<bool> {
    let target = common.target();
    common
        .place
        .bench(command, links, |bench| order(bench, target))
}

#[allow(
    clippy::print_stdout,
    reason = "the port is what whoever started it wants to know"
)]
fn serve(port: u16, group_size: u32, journal: Option<PathBuf>) -> io::Result<bool> {
    allow_open_files(RELAY_FILES)?;
    let relay = Relay::bind(Options {
        port,
        group_size,
        journal,
    })?;
    println!("listens on {}", relay.address()?);
    relay.run()?;
    Ok(true)
}
