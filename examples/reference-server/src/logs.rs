//! Logs: one line an event on stderr, for a person or for a machine.
//!
//! ```text
//! tracing event ─► Targets (a level, levels of parts) ─► text, coloured only on a terminal │ JSON ─► stderr
//! ```
//!
//! What is in an event is decided where it is written; bodies, tokens and passwords never are (SEC-6).

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Parses a filter such as `info` or `warn,messenger_hub=debug`.
///
/// # Errors
///
/// Returns what was expected.
pub fn filter(text: &str) -> Result<Targets, String> {
    let refused = || {
        format!(
            "expected a level (error, warn, info, debug, trace) or part=level, joined by commas; found {text:?}"
        )
    };
    // Targets takes a word that is no level for the name of a part; here it is a typing error.
    let sound = text
        .split(',')
        .all(|part| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok());
    if !sound {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

/// Starts logging to stderr; a second call in one process changes nothing.
///
/// # Errors
///
/// Returns what was expected if the filter is malformed.
pub fn start(log: &Log) -> Result<(), String> {
    let registry = tracing_subscriber::registry().with(filter(&log.filter)?);
    let started = match log.format {
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry
                .with(fmt::layer().with_writer(io::stderr).with_ansi(colour))
                .try_init()
        }
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .with_writer(io::stderr)
                    .json()
                    .flatten_event(true),
            )
            .try_init(),
    };
    // Only a test starts it twice.
    drop(started);
    Ok(())
}
