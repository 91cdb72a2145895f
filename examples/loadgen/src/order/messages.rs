//! `direct` and `groups`: traffic against one server.

use std::io;
use std::time::Duration;

use clap::Args;

use super::Bench;
use crate::target::Target;
use crate::traffic::{Pace, Plan};

/// How messages are sent.
#[derive(Args, Clone, Debug)]
pub(crate) struct Sending {
    /// Messages in flight of each author.
    #[arg(long, default_value_t = 8)]
    pub(crate) window: usize,
    /// Messages a second of all authors together, latency counted from when each was due; without it, a closed loop.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Bytes of a body.
    #[arg(long, default_value_t = 200)]
    pub(crate) body: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// Seconds before that.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) warm_up: f64,
}

impl Sending {
    fn plan(&self, authors: u32) -> Plan {
        Plan {
            pace: self.rate.map_or(Pace::Closed, Pace::Rate),
            window: self.window,
            authors,
            body: self.body,
            warm_up: Duration::from_secs_f64(self.warm_up),
            time: Duration::from_secs_f64(self.seconds),
            messages: None,
        }
    }

    fn pace(&self) -> String {
        match self.rate {
            Some(rate) => format!("{rate}/s"),
            None => format!("{} in flight", self.window),
        }
    }
}

/// Users in pairs.
pub(crate) fn direct(
    bench: &mut Bench,
    target: Target,
    users: u32,
    sending: &Sending,
) -> io::Result<()> {
    let name = format!("1:1, {}", sending.pace());
    bench
        .measure(&name, target, users, 2, sending.plan(2))
        .map(|_| ())
}

/// Users in groups, of whom a few send.
pub(crate) fn groups(
    bench: &mut Bench,
    target: Target,
    groups: u32,
    members: u32,
    authors: u32,
    sending: &Sending,
) -> io::Result<()> {
    let name = format!("groups of {members}, {}", sending.pace());
    bench
        .measure(
            &name,
            target,
            groups * members,
            members,
            sending.plan(authors),
        )
        .map(|_| ())
}
