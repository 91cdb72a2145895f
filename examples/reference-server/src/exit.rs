//! How the process ends: one table of exit codes, one failure type that carries one of them.
//!
//! ```text
//! anything goes wrong ──► Failure { exit, message, advice } ──► stderr, two lines ──► exit code
//! ```

use std::fmt;
use std::process::ExitCode;

/// The exit codes of `messenger-server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// The command could not be carried out.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The address to listen on is taken or may not be used.
    Address,
    /// The data folder is in use by another process, or cannot be used.
    Data,
    /// The store failed while the server was running and refuses to go on.
    Store,
    /// A second signal came while the server was draining.
    Interrupted,
}

impl Exit {
    /// All codes, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Failed,
        Self::Usage,
        Self::Address,
        Self::Data,
        Self::Store,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Address => 3,
            Self::Data => 4,
            Self::Store => 5,
            Self::Interrupted => 130,
        }
    }

    /// What `--help` says of it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "the command failed; stderr says why",
            Self::Usage => "the command line or the configuration is wrong",
            Self::Address => "the address to listen on is taken or not allowed",
            Self::Data => "the data folder is in use or cannot be used",
            Self::Store => "the store failed while the server ran (disk full, disk error)",
            Self::Interrupted => "a second signal ended it before it had drained",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why the process ends, for a person, and with which code, for a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, naming the thing that it went wrong with.
    pub message: String,
    /// What the reader can do about it.
    pub advice: Option<String>,
}

impl Failure {
    /// Makes a failure without advice.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            advice: None,
        }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.advice {
            Some(advice) => write!(f, "\n       {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_distinct_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}
