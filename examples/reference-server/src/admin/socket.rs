//! The socket in the data folder: one request a line, one reply a line, many commands at once.
//!
//! ```text
//! accept ──► line (at most 64 KiB, within 10 s) ──► Office ──► line ──► next line, until the other side closes
//! ```
//!
//! Whoever may open the file may do everything: it is 0600 in a folder that is 0700.

use std::fs;
use std::io::{self, BufRead as _, BufReader as BlockingReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::office::Office;
use super::protocol::{Reply, Request};
use crate::exit::{Exit, Failure};

/// The longest request in bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// How long a request may take to arrive.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Commands that are carried out at once; later ones wait.
const COMMANDS_AT_ONCE: usize = 16;
/// How long to wait after the socket failed to accept.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// The socket of a running server; the file goes when this is dropped.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds the socket. The caller has the store open, so a file that is there already is a dead server's.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the path.
    pub fn bind(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::new(
                Exit::Data,
                format!("{}: cannot listen: {error}", path.display()),
            )
        };
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Serves commands until the future is dropped.
    pub async fn serve(&self, office: Office) {
        let permits = Arc::new(Semaphore::new(COMMANDS_AT_ONCE));
        loop {
            let permit = Arc::clone(&permits)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let office = office.clone();
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &office).await {
                            tracing::debug!(%error, "an operator's connection ended");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin socket cannot accept");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // The next start removes it, too.
        let _ = fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, office: &Office) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).take(LINE_MAX_BYTES);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.set_limit(LINE_MAX_BYTES);
        tokio::time::timeout(LINE_TIMEOUT, lines.read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(());
        }
        let reply = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => office.handle(request).await,
            // The text of the error could quote a password, so only its place is told.
            Err(error) => Reply::Refused(format!(
                "not a request (column {}); is this the same version?",
                error.column()
            )),
        };
        let mut answer = serde_json::to_vec(&reply)?;
        answer.push(b'\n');
        write.write_all(&answer).await?;
    }
}

/// What became of a request to the socket.
#[derive(Debug, PartialEq)]
pub enum Answered {
    /// A running server answered.
    Reply(Box<Reply>),
    /// Nobody listens there.
    NobodyThere,
}

/// Asks the server that runs on a data folder, if one does.
///
/// # Errors
///
/// Returns a failure that names the socket if a server is there and the conversation with it fails.
pub fn ask(path: &Path, request: &Request) -> Result<Answered, Failure> {
    let failed = |error: io::Error| {
        Failure::new(
            Exit::Failed,
            format!(
                "{}: the running server does not answer: {error}",
                path.display()
            ),
        )
    };
    let mut stream = match BlockingStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(Answered::NobodyThere);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut line = serde_json::to_vec(request).expect("a request is plain data");
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = String::new();
    BlockingReader::new(stream)
        .read_line(&mut answer)
        .map_err(failed)?;
    if answer.is_empty() {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_str(&answer)
        .map(|reply| Answered::Reply(Box::new(reply)))
        .map_err(|error| failed(error.into()))
}
