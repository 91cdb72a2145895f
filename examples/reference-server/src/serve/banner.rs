//! What a person reads after the start: where it listens, where the data are, how two people chat.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use messenger::ws::Signup;

use crate::config::{AuthMode, Config};
use crate::demo::Demo;

/// Where the terminal chat looks for a server by itself.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What the banner tells of a start.
#[derive(Debug)]
pub(super) struct Started<'s> {
    /// The settings in force.
    pub(super) config: &'s Config,
    /// The address that was bound.
    pub(super) address: SocketAddr,
    /// The data folder, absolute.
    pub(super) data: &'s Path,
    /// True when this start made it.
    pub(super) data_is_new: bool,
    /// The configuration file, if one was read.
    pub(super) file: Option<&'s Path>,
    /// The demo log-ins.
    pub(super) demo: &'s Demo,
}

/// Writes the banner.
pub(super) fn banner(started: &Started<'_>) -> String {
    let Started {
        config,
        address,
        data,
        data_is_new,
        file,
        demo,
    } = started;
    let mut out = String::new();
    let scheme = if config.tls.certificate.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{address}");
    let new = if *data_is_new { "  (new)" } else { "" };
    let settings = file.map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
    // Writing to a string cannot fail.
    let _ = writeln!(out, "messenger-server {}\n", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(out, "  address   {url}");
    let _ = writeln!(out, "  data      {}{new}", data.display());
    let _ = writeln!(
        out,
        "  settings  {settings}; all of them: messenger-server check-config"
    );
    let _ = writeln!(out, "  sign-up   {}\n", signup(config));

    if !address.ip().is_loopback() {
        if config.demo {
            let _ = writeln!(
                out,
                "Demo log-ins are off: {address} is not a loopback address."
            );
        }
        if config.tls.certificate.is_none() {
            let _ = writeln!(
                out,
                "Without TLS anybody on the way can read along: set [tls], or put a proxy with TLS in front."
            );
        }
        let _ = writeln!(out, "Accounts: messenger-server user add NAME\n");
    } else if demo.active().is_empty() {
        let _ = writeln!(out, "Accounts: messenger-server user add NAME\n");
    } else {
        out += &logins(demo, &url);
    }
    let _ = writeln!(out, "Stop it with Ctrl-C. More: messenger-server --help");
    out
}

fn signup(config: &Config) -> &'static str {
    match (config.auth.mode, config.accounts.signup) {
        (AuthMode::Jwt, _) => "elsewhere: log-ins are JWTs",
        (AuthMode::Accounts, Signup::Open) => "open",
        (AuthMode::Accounts, Signup::Off) => "off",
    }
}

fn logins(demo: &Demo, url: &str) -> String {
    let width = demo
        .active()
        .iter()
        .map(|login| login.user.as_str().len())
        .max()
        .unwrap_or(0);
    let mut out = "Demo log-ins, only while the server listens on loopback:\n\n".to_owned();
    for login in demo.active() {
        let _ = writeln!(
            out,
            "  {:<width$}  password {}",
            login.user.as_str(),
            login.password.reveal()
        );
    }
    out += "\nTo chat, open two more terminals and run one line in each:\n\n";
    let server = if url == DEFAULT_URL {
        String::new()
    } else {
        format!(" --server {url}")
    };
    for login in demo.active() {
        let others = demo
            .active()
            .iter()
            .filter(|other| other.user != login.user);
        let to: String = others
            .map(|other| format!(" --to {}", other.user))
            .collect();
        let _ = writeln!(
            out,
            "  cargo run --release -p messenger-chat --{server} --as {}{to} --password {}",
            login.user,
            login.password.reveal()
        );
    }
    out.push('\n');
    out
}
