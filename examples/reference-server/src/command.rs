//! The commands besides `serve`: they ask the running server, or open the folder themselves.
//!
//! ```text
//! Command ─► Request ─► admin.sock? ─ answered ─────────────────────► text
//!                           └─ nobody there ─► open the store ─► Office ─► text
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use messenger::core::id::{ConversationId, Seq, UserId};
use messenger::embedded::Store;

use crate::admin::{self, Answered, Office, Reply, Request};
use crate::cli::{Command, InspectCommand, TokenCommand, UserCommand};
use crate::config::{AuthMode, Config};
use crate::data::{BackupFolder, DataFolder};
use crate::exit::{Exit, Failure};
use crate::identity::Identity;
use crate::secret::{Secret, ask_new_password};
use crate::store;

/// Groups of four characters of a password that is made up: 60 bits, behind a limit of attempts.
const PASSWORD_GROUPS: usize = 3;

/// Carries out an operator's command and writes what it says to `out`.
///
/// # Errors
///
/// Returns why it was not carried out.
pub fn run(command: Command, config: &Config, out: &mut impl Write) -> Result<(), Failure> {
    let data = DataFolder::at(&config.data);
    if let Command::Restore { backup } = command {
        return restore(&data, &backup, out);
    }
    let (request, made_up) = request(command, config)?;
    let reply = match admin::ask(&data.socket(), &request)? {
        Answered::Reply(reply) => *reply,
        Answered::NobodyThere => on_the_folder(config, &data, request)?,
    };
    if let Reply::Refused(why) = reply {
        return Err(Failure::new(Exit::Failed, why));
    }
    let mut text = admin::render(&reply);
    if let Some(password) = made_up {
        text += &format!("password: {}\n", password.reveal());
    }
    // A closed pipe, as behind `| head`, is no failure of the command.
    let _ = out.write_all(text.as_bytes());
    Ok(())
}

/// Makes the store of a data folder from a backup.
fn restore(data: &DataFolder, backup: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let shown = data.root().display();
    if data.store().exists() {
        return Err(Failure::new(
            Exit::Data,
            format!("{shown}: there is a store already; nothing was changed"),
        )
        .advise("Restore into a new folder: messenger-server --data NEW-FOLDER restore BACKUP"));
    }
    data.prepare()?;
    let backup = BackupFolder::at(backup);
    backup.restore_key(data)?;
    Store::restore(backup.store(), data.store()).map_err(|error| store::failure(data, &error))?;
    let _ = writeln!(
        out,
        "{shown} holds the backup under a new epoch: clients are told to reset, and send again what it lacks.\n\
         Start it: messenger-server --data {shown}"
    );
    Ok(())
}

/// Turns a command into a request, and the password that was made up for it.
fn request(command: Command, config: &Config) -> Result<(Request, Option<Secret>), Failure> {
    let request = match command {
        Command::User(UserCommand::Add { user, generate }) => {
            let user = account(&user, config)?;
            let (password, made_up) = new_password(&user, generate)?;
            return Ok((Request::UserAdd { user, password }, made_up));
        }
        Command::User(UserCommand::Passwd { user, generate }) => {
            let user = account(&user, config)?;
            let (password, made_up) = new_password(&user, generate)?;
            return Ok((Request::UserPasswd { user, password }, made_up));
        }
        Command::User(UserCommand::Revoke { user }) => Request::UserRevoke {
            user: parse_user(&user)?,
        },
        Command::User(UserCommand::Admit { user }) => Request::UserAdmit {
            user: parse_user(&user)?,
        },
        Command::User(UserCommand::List) => Request::UserList,
        Command::Token(TokenCommand::Mint { user }) => Request::TokenMint {
            user: account(&user, config)?,
        },
        Command::Backup { folder } => Request::Backup {
            folder: absolute(&folder)?,
        },
        Command::Inspect { what: None } => Request::InspectAll,
        Command::Inspect {
            what: Some(InspectCommand::Conversation { conversation }),
        } => Request::InspectConversation {
            conversation: parse_conversation(&conversation)?,
        },
        Command::Inspect {
            what: Some(InspectCommand::Message { conversation, seq }),
        } => Request::InspectMessage {
            conversation: parse_conversation(&conversation)?,
            seq: Seq(seq),
        },
        Command::Serve | Command::CheckConfig | Command::Restore { .. } => {
            return Err(Failure::new(
                Exit::Usage,
                "this is not a command for a running server",
            ));
        }
    };
    Ok((request, None))
}

/// Opens the store, carries the request out, closes the store.
fn on_the_folder(config: &Config, data: &DataFolder, request: Request) -> Result<Reply, Failure> {
    if !data.store().exists() && !matches!(request, Request::UserAdd { .. }) {
        return Err(Failure::new(
            Exit::Data,
            format!(
                "{}: there is no data folder of a server",
                data.root().display()
            ),
        )
        .advise("Name it with --data FOLDER; the first start of the server makes it."));
    }
    data.prepare()?;
    let store = Arc::new(store::open(data)?);
    let identity = Identity::new(config, &store.backend())?;
    let office = Office::new(store, identity, data.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    Ok(runtime.block_on(office.handle(request)))
}

/// Parses the id of an account, which only a server with accounts of its own has.
fn account(text: &str, config: &Config) -> Result<UserId, Failure> {
    match config.auth.mode {
        AuthMode::Accounts => parse_user(text),
        AuthMode::Jwt => Err(Failure::new(
            Exit::Usage,
            "auth.mode is \"jwt\": accounts, passwords and tokens are kept elsewhere",
        )),
    }
}

fn new_password(user: &UserId, generate: bool) -> Result<(Secret, Option<Secret>), Failure> {
    if generate {
        let password = Secret::random(PASSWORD_GROUPS)?;
        return Ok((password.clone(), Some(password)));
    }
    Ok((ask_new_password(user.as_str())?, None))
}

fn parse_user(text: &str) -> Result<UserId, Failure> {
    UserId::parse(text)
        .map_err(|error| Failure::new(Exit::Usage, format!("{text:?} is no user id: {error}")))
}

fn parse_conversation(text: &str) -> Result<ConversationId, Failure> {
    // A pair is taken in either order.
    let pair = text
        .split_once('/')
        .and_then(|(a, b)| Some((UserId::parse(a).ok()?, UserId::parse(b).ok()?)));
    if let Some((a, b)) = pair {
        return Ok(ConversationId::direct(&a, &b));
    }
    ConversationId::parse(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("{text:?} is no conversation: {error}"))
            .advise("Take it from the list: messenger-server inspect")
    })
}

/// The server's working folder is not this one's.
fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(folder)
        .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", folder.display())))
}
