//! The command line: what a person types.
//!
//! ```text
//! messenger-server [settings] [serve]            a server
//!                             check-config       what the settings come to
//!                             user · token       accounts      ┐ of the running server over its
//!                             backup · inspect   the store     ┘ socket, else of the folder itself
//!                             restore            a new folder from a backup
//! ```

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::exit::Exit;

/// The parsed command line.
#[derive(Debug, Parser)]
#[command(
    name = "messenger-server",
    version,
    about = "A chat server in one process: durable store inside, nothing to set up.",
    disable_help_subcommand = true,
    args_override_self = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Settings that override file and environment.
    #[command(flatten)]
    pub settings: SettingFlags,
    /// What to do; without one, the server is started.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The flags for settings, the same for every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings (flags win over environment, environment over file)")]
pub struct SettingFlags {
    /// Configuration file [default: ./messenger.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder that keeps everything [default: ./messenger-data]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data: Option<String>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Log format and filter: text or json, a level, levels of parts [default: text,info]
    #[arg(long, global = true, value_name = "json,debug,…")]
    pub log: Option<String>,
    /// Whether anybody may make an account: open or off [default: off]
    #[arg(long, global = true, value_name = "open|off")]
    pub signup: Option<String>,
    /// Any other setting, as in limits.body_bytes=131072; can be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// What the program is asked to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Start the server (what happens without a command, too)
    Serve,
    /// Print the settings in force and where each comes from, and check them
    CheckConfig,
    /// Make, change, revoke and list accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Make credentials for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Copy the store into a new folder, also while the server runs
    Backup {
        /// The new folder; it must not exist yet
        folder: PathBuf,
    },
    /// Make a data folder from a backup, under a new epoch
    Restore {
        /// A folder that `backup` made
        backup: PathBuf,
    },
    /// Look at conversations, and at the life of one message
    Inspect {
        /// What to look at; without it, all conversations are listed
        #[command(subcommand)]
        what: Option<InspectCommand>,
    },
}

/// What can be done with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Make an account; the password is asked for, or read from standard input
    Add {
        /// The user's id: 1 to 64 printable ASCII characters without `/`
        user: String,
        /// Make up a password and print it
        #[arg(long)]
        generate: bool,
    },
    /// Give an account a new password; its devices stay logged in
    Passwd {
        /// The user's id
        user: String,
        /// Make up a password and print it
        #[arg(long)]
        generate: bool,
    },
    /// Lock an account: close its sessions within two seconds, refuse its devices and log-ins
    Revoke {
        /// The user's id
        user: String,
    },
    /// Unlock an account that was revoked
    Admit {
        /// The user's id
        user: String,
    },
    /// List all accounts
    List,
}

/// What can be done with tokens.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Print a token with which a program (a bot, a bridge) connects as this user
    Mint {
        /// The user's id
        user: String,
    },
}

/// What can be looked at.
#[derive(Debug, Clone, Subcommand)]
pub enum InspectCommand {
    /// One conversation: head, base, members, marks
    Conversation {
        /// Its id: `anna/ben`, or the UUID of a group
        conversation: String,
    },
    /// One message: sent, delivered to whom, read by whom, edited, erased
    Message {
        /// The conversation's id: `anna/ben`, or the UUID of a group
        conversation: String,
        /// The message's position in it
        seq: u64,
    },
}

impl Cli {
    /// Parses the arguments of this process; prints help or an error and ends the process if they ask for it.
    pub fn from_process() -> Self {
        let matches = command().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The command line's definition, with the help page that a person reads first.
pub fn command() -> clap::Command {
    Cli::command()
        .help_template(help_template())
        .after_help(after_help())
}

fn help_template() -> String {
    let serve = section("Run", &["serve", "check-config"]);
    let people = section("Accounts (also while the server runs)", &["user", "token"]);
    let data = section("Data", &["backup", "restore", "inspect"]);
    format!(
        "{{about}}\n\nUsage: {{usage}}\n\n{serve}\n{people}\n{data}\nSettings (flags win over environment, environment over file):\n{{options}}{{after-help}}\n"
    )
}

/// A titled list of commands; clap itself knows only one list for all.
fn section(title: &str, names: &[&str]) -> String {
    let all = Cli::command();
    let rows: String = names
        .iter()
        .filter_map(|name| all.find_subcommand(name))
        .map(|sub| {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            format!("  {:<13} {about}\n", sub.get_name())
        })
        .collect();
    format!("{title}:\n{rows}")
}

fn after_help() -> String {
    let exits: String = std::iter::once(("0".to_owned(), "it did what was asked"))
        .chain(
            Exit::ALL
                .iter()
                .map(|exit| (exit.code().to_string(), exit.meaning())),
        )
        .map(|(code, meaning)| format!("  {code:>3}  {meaning}\n"))
        .collect();
    format!(
        "\
Examples:
  messenger-server                                  start; prints two demo log-ins
  messenger-server --data /srv/chat --signup open   a data folder of your own, open sign-up
  messenger-server --listen 0.0.0.0:8080            for other machines; without demo log-ins
  MESSENGER__LOG__FILTER=debug messenger-server     a setting from the environment
  messenger-server user add carla                   an account, whether the server runs or not
  messenger-server backup ./backup-monday           a copy, while the server runs
  messenger-server --data ./new restore ./backup-monday
  messenger-server inspect message anna/ben 7       what became of one message

Every command has a page of its own: messenger-server user --help
All settings, with their defaults: messenger.example.toml

Exit codes:
{exits}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help() -> String {
        command().render_long_help().to_string()
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_help_page_lists_every_command_once() {
        let help = help();
        for sub in Cli::command().get_subcommands() {
            let row = format!("\n  {:<13} ", sub.get_name());
            assert_eq!(help.matches(&row).count(), 1, "{row:?} in\n{help}");
        }
    }

    #[test]
    fn the_help_page_lists_every_exit_code() {
        let help = help();
        for exit in Exit::ALL {
            assert!(
                help.contains(&format!("{:>5}  {}", exit.code(), exit.meaning())),
                "{help}"
            );
        }
    }

    #[test]
    fn the_examples_of_the_help_page_parse() {
        for line in after_help()
            .lines()
            .filter(|line| line.contains("messenger-server"))
        {
            let Some(start) = line
                .find("messenger-server ")
                .filter(|_| line.starts_with("  "))
            else {
                continue;
            };
            let example = line[start..]
                .split("   ")
                .next()
                .expect("split yields at least one part");
            command()
                .try_get_matches_from(example.split_whitespace())
                .expect(example);
        }
    }

    #[test]
    fn settings_are_taken_before_and_after_the_command() {
        for line in [
            "messenger-server --data x user list",
            "messenger-server user list --data x",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.settings.data.as_deref(), Some("x"));
        }
    }
}
