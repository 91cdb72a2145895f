//! Passwords and random text: made up, asked for, kept out of `Debug`.
//!
//! ```text
//! terminal: asked twice, without echo ┐
//! pipe: the first line                ├─► Secret ──► hashed with argon2 ──► account
//! --generate: made up and printed     ┘
//! ```

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A text that never shows in `Debug`, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text for a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Makes up a secret of `groups` groups of four characters, 20 bits each.
    ///
    /// # Errors
    ///
    /// Returns a failure if the operating system has no random bytes.
    pub fn random(groups: usize) -> Result<Self, Failure> {
        let mut bytes = vec![0; groups * 4];
        getrandom::fill(&mut bytes).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("no random bytes from the system: {error}"),
            )
        })?;
        let text: Vec<String> = bytes
            .chunks(4)
            .map(|group| {
                group
                    .iter()
                    .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
                    .collect()
            })
            .collect();
        Ok(Self(text.join("-")))
    }

    /// Shows the secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Asks for a new password: twice on a terminal, without echo; else the first line of standard input.
///
/// # Errors
///
/// Returns a failure if the two differ, or standard input cannot be read.
pub fn ask_new_password(whose: &str) -> Result<Secret, Failure> {
    let input = io::stdin();
    let password = if input.is_terminal() {
        let first = ask_hidden(&format!("New password for {whose}: "))?;
        let second = ask_hidden("The same again: ")?;
        if first != second {
            return Err(Failure::new(
                Exit::Failed,
                "the two passwords differ; nothing was changed",
            ));
        }
        first
    } else {
        read_line(&mut input.lock())?
    };
    Ok(password)
}

fn ask_hidden(prompt: &str) -> Result<Secret, Failure> {
    let failed = |error: io::Error| {
        Failure::new(
            Exit::Failed,
            format!("cannot ask on this terminal: {error}"),
        )
    };
    let mut screen = io::stderr();
    write!(screen, "{prompt}")
        .and_then(|()| screen.flush())
        .map_err(failed)?;
    let input = io::stdin();
    let shown = tcgetattr(&input).map_err(|error| failed(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&input, OptionalActions::Flush, &hidden).map_err(|error| failed(error.into()))?;
    let line = read_line(&mut input.lock());
    // Even if reading failed, the terminal is left as it was found.
    tcsetattr(&input, OptionalActions::Now, &shown).map_err(|error| failed(error.into()))?;
    // The line end that was not echoed.
    writeln!(screen).map_err(failed)?;
    line
}

fn read_line(input: &mut impl BufRead) -> Result<Secret, Failure> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read the password: {error}"))
    })?;
    Ok(Secret(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug() {
        let secret = Secret::new("kingfisher");
        assert!(!format!("{secret:?}").contains("kingfisher"));
    }

    #[test]
    fn made_up_secrets_differ_and_are_long_enough() {
        let one = Secret::random(3).expect("random bytes");
        let other = Secret::random(3).expect("random bytes");
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 14);
    }

    #[test]
    fn a_piped_password_is_the_first_line_with_its_spaces() {
        let line = read_line(&mut " pass word \r\nrest".as_bytes()).expect("readable");
        assert_eq!(line.reveal(), " pass word ");
    }
}
