//! A terminal chat over the client SDK.
//!
//! ```text
//!   args ──► session (log-in, storage, client) ─┬─► screen: app, keys, view        a terminal
//!                                               └─► plain: lines in, lines out     pipes, scripts, --plain
//! ```

mod act;
mod app;
mod args;
mod command;
mod input;
mod keys;
mod measure;
mod plain;
mod screen;
mod session;
mod view;
mod words;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            session::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), String> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let session = session::start(&args).await?;
    if args.plain || !terminal {
        plain::run(session).await
    } else {
        screen::run(session).await
    }
}
