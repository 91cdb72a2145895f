//! The servers that can be measured, and how each is started.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;

use crate::dialect::Dialect;
use crate::process::{Cores, Server, free_port};
use crate::token::{AUDIENCE, Tokens};
use crate::ws::handshake;

/// The name of the reference server's binary.
const BINARY: &str = "messenger-server";

/// The limits of the reference server that are raised: it is to be as fast as it can, with all its checks at work.
const LIMITS: [(&str, u64); 6] = [
    ("limits.frames_per_second", 1_000_000),
    ("limits.frames_burst", 1_000_000),
    ("limits.sends_per_second", 1_000_000),
    ("limits.sends_burst", 1_000_000),
    ("limits.devices_per_user", 100),
    ("limits.session_queue_bytes", 4 * 1024 * 1024),
];

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The bare relay server, in memory.
    Relay,
    /// The bare relay server with a journal: accepted and pushed only after fdatasync.
    RelayDurable,
    /// The reference server.
    Messenger(Codec),
}

/// How the reference server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    /// Binary frames.
    Cbor,
    /// Text frames.
    Json,
}

/// A server that was started.
pub(crate) struct Started {
    /// The process.
    pub(crate) server: Server,
    /// How it is spoken to.
    pub(crate) dialect: Dialect,
}

impl Target {
    /// The name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay, in memory",
            Self::RelayDurable => "relay, fdatasync",
            Self::Messenger(Codec::Cbor) => "messenger, CBOR",
            Self::Messenger(Codec::Json) => "messenger, JSON",
        }
    }

    /// The limits with which it runs, where they are not the defaults.
    pub(crate) fn limits(self) -> Vec<String> {
        match self {
            Self::Relay | Self::RelayDurable => Vec::new(),
            Self::Messenger(_) => LIMITS
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect(),
        }
    }

    /// Starts it with its data in `folder`; `binary` is the reference server's.
    pub(crate) fn start(
        self,
        binary: Option<&Path>,
        folder: &Path,
        room_size: u32,
        cores: Option<Cores>,
    ) -> io::Result<Started> {
        let address = free_port()?;
        let (mut command, dialect) = match self {
            Self::Relay => (relay(None, room_size, address.port())?, Dialect::Relay),
            Self::RelayDurable => (
                relay(Some(folder), room_size, address.port())?,
                Dialect::Relay,
            ),
            Self::Messenger(codec) => {
                let tokens = Tokens::new()?;
                let key = folder.join("loadgen.key");
                tokens.write(&key)?;
                let mut command = Command::new(reference_server(binary)?);
                command
                    .arg("--config")
                    .arg(configuration(folder, &key)?)
                    .args(["--listen", &address.to_string()]);
                let dialect = match codec {
                    Codec::Cbor => Dialect::Cbor(tokens),
                    Codec::Json => Dialect::Json(tokens),
                };
                (command, dialect)
            }
        };
        let mut request = Vec::new();
        handshake::request(
            &mut request,
            &address.to_string(),
            dialect.path(),
            dialect.subprotocol(),
        );
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Started {
            server: Server::start(&mut command, address, &request, cores)?,
            dialect,
        })
    }
}

fn relay(journal: Option<&Path>, room_size: u32, port: u16) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([
        "relay",
        "--port",
        &port.to_string(),
        "--group-size",
        &room_size.to_string(),
    ]);
    if let Some(folder) = journal {
        command.arg("--fdatasync").arg(folder);
    }
    Ok(command)
}

/// Writes the reference server's configuration and answers its path.
fn configuration(folder: &Path, key: &Path) -> io::Result<PathBuf> {
    let mut text = format!(
        "data = {:?}\ndemo = false\n\n[log]\nfilter = \"warn\"\n\n[auth]\nmode = \"jwt\"\naudience = \"{AUDIENCE}\"\n\n[[auth.jwt_keys]]\nalgorithm = \"HS256\"\nfile = {:?}\n\n[limits]\n",
        folder.join("data"),
        key,
    );
    for (name, value) in LIMITS {
        let name = name.strip_prefix("limits.").unwrap_or(name);
        text.push_str(&format!("{name} = {value}\n"));
    }
    let file = folder.join("messenger.toml");
    fs::write(&file, text)?;
    Ok(file)
}

/// The binary that was named, or the one that was built beside this program.
fn reference_server(named: Option<&Path>) -> io::Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name(BINARY),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!(
            "there is no {}: build it with `cargo build --release -p {BINARY}`, or name it with --server",
            path.display()
        ),
    ))
}
