//! The load generator of messenger, and the bare relay server to which it compares a server.
//!
//! ```text
//!   core 0   server under test, or the relay      a child process, started and ended here
//!   core 1   this program: Fleet of clients ◄── Traffic (closed or open loop)
//! ```

mod command;
mod dialect;
mod disk;
mod fleet;
mod identity;
mod lane;
mod link;
mod order;
mod poller;
mod process;
mod relay;
mod report;
mod seat;
mod stamp;
mod stats;
mod target;
mod token;
mod traffic;
mod ws;

use std::process::ExitCode;

use clap::Parser;

#[allow(clippy::print_stderr, reason = "a program tells its user why it ends")]
fn main() -> ExitCode {
    match command::Arguments::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("messenger-loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}
