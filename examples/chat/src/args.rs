//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// A terminal chat. It keeps its messages in a folder, so it can be closed and opened at any time.
#[derive(Debug, Parser)]
#[command(name = "messenger-chat", version, after_help = AFTER)]
pub(crate) struct Args {
    /// Where the server is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// Who you are
    #[arg(long = "as", value_name = "USER")]
    pub(crate) user: String,
    /// Your password; without it you are asked, or MESSENGER_PASSWORD is taken
    #[arg(long, value_name = "PASSWORD")]
    pub(crate) password: Option<String>,
    /// Whom to chat with first
    #[arg(long, value_name = "USER")]
    pub(crate) to: Option<String>,
    /// Lines instead of a screen, also when in or out is a pipe
    #[arg(long)]
    pub(crate) plain: bool,
    /// Speak JSON instead of CBOR
    #[arg(long)]
    pub(crate) json: bool,
    /// Where messages are kept; a second device of the same user needs a folder of its own
    /// [default: ~/.local/share/messenger-chat/SERVER/USER]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

const AFTER: &str = "In the chat, /help lists the commands.\n\n\
                     Example: messenger-chat --as anna --to ben\n         \
                     echo 'Dinner is ready' | messenger-chat --as anna --to ben --password …";
