//! The reference server of messenger: `messenger-server --help`.

use std::io::Write as _;
use std::process::ExitCode;

use messenger_server::cli::{Cli, Command};
use messenger_server::config::{Layers, load, report};
use messenger_server::exit::Failure;

fn main() -> ExitCode {
    match run(Cli::from_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr is closed there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let effective = load(&Layers::of_process(&cli.settings)?)?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::CheckConfig => {
            let _ = write!(std::io::stdout(), "{}", report(&effective));
            Ok(())
        }
        _ => Ok(()),
    }
}
