//! Logging in, opening the folder, starting the client.

use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use messenger_client::id::UserId;
use messenger_client::{Client, Codec, Config, DiskStorage, Events, login};

use crate::args::Args;

/// Everything that a way of showing the chat needs.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) events: Events,
    pub(crate) me: UserId,
    pub(crate) folder: PathBuf,
    pub(crate) server: String,
    pub(crate) to: Option<String>,
}

/// Logs in and starts the client.
pub(crate) async fn start(args: &Args) -> Result<Session, String> {
    let me = UserId::parse(&args.user).map_err(|error| format!("--as {}: {error}", args.user))?;
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => default_folder(&args.server, &me)?,
    };
    let storage = DiskStorage::open(&folder).map_err(|error| {
        format!(
            "{error}\nA second window of the same user needs a folder of its own: --data FOLDER"
        )
    })?;
    let password = match (&args.password, std::env::var("MESSENGER_PASSWORD")) {
        (Some(password), _) => password.clone(),
        (None, Ok(password)) => password,
        (None, Err(_)) => ask_password(&args.user)?,
    };
    let token = login(&args.server, &args.user, &password)
        .await
        .map_err(|error| error.to_string())?;
    let config = Config::new(&args.server, token)
        .storage(storage)
        .device_name("messenger-chat")
        .codec(if args.json { Codec::Json } else { Codec::Cbor });
    let (client, events) = Client::connect(config)
        .await
        .map_err(|error| error.to_string())?;
    Ok(Session {
        client,
        events,
        me,
        folder,
        server: args.server.clone(),
        to: args.to.clone(),
    })
}

/// Says what went wrong.
pub(crate) fn complain(error: &str) {
    // Without a place to say it, nothing is left to do.
    let _ = writeln!(stderr(), "messenger-chat: {error}");
}

/// One folder for each server and user, under the user's data folder.
fn default_folder(server: &str, me: &UserId) -> Result<PathBuf, String> {
    let base = match (std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")) {
        (Some(data), _) => PathBuf::from(data),
        (None, Some(home)) => Path::new(&home).join(".local/share"),
        (None, None) => return Err("there is no home folder: name one with --data".into()),
    };
    let server = server.split_once("://").map_or(server, |(_, rest)| rest);
    let server: String = server
        .trim_end_matches('/')
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let user: String = me
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    Ok(base.join("messenger-chat").join(server).join(user))
}

/// Asks for a password without showing it.
fn ask_password(user: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| {
        format!("cannot ask for a password ({error}): give it with --password")
    };
    let _ = write!(stderr(), "Password of {user}: ");
    let _ = stderr().flush();
    enable_raw_mode().map_err(failed)?;
    let typed = read_password();
    let _ = disable_raw_mode();
    let _ = writeln!(stderr());
    typed.map_err(failed)?.ok_or_else(|| "no password".into())
}

fn read_password() -> std::io::Result<Option<String>> {
    let mut password = String::new();
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(Some(password)),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Ok(None);
            }
            KeyCode::Char(c) => password.push(c),
            KeyCode::Backspace => {
                password.pop();
            }
            KeyCode::Esc => return Ok(None),
            _ => {}
        }
    }
}
