//! The reference server of messenger: `messenger-server --help`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use messenger_server::cli::{Cli, Command};
use messenger_server::config::{Layers, load, report};
use messenger_server::exit::{Exit, Failure};
use messenger_server::{command, logs, serve};

fn main() -> ExitCode {
    match run(Cli::from_process()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If stderr is closed there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let layers = Layers::of_process(&cli.settings)?;
    let effective = load(&layers)?;
    let mut out = io::stdout();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            start_logs(&effective.config.log)?;
            serve::run(&effective, layers.file.as_deref(), &mut out)
        }
        Command::CheckConfig => {
            // A closed pipe, as behind `| head`, is no failure of the command.
            let _ = out.write_all(report(&effective).as_bytes());
            Ok(())
        }
        other => command::run(other, &effective.config, &mut out),
    }
}

fn start_logs(log: &messenger_server::config::Log) -> Result<(), Failure> {
    logs::start(log).map_err(|message| Failure::new(Exit::Usage, format!("log.filter: {message}")))
}
