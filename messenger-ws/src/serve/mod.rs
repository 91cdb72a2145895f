//! The accept loop: sockets in, HTTP requests to an [`axum::Router`] out.
//!
//! ```text
//!   accept ──► slot? ──no──► 503 or 429, close
//!     ▲          │yes
//!     │          ▼
//!  back off   (TLS hand-shake) ──► HTTP/1.1 requests ──upgrade──► link, a task of its own
//!  on error      │ header limit and time-out         │
//!                └──────── closed ◄──────────────────┘     the slot is free again
//!
//!   shutdown: stop accepting ──► answer what was asked, let links finish ──► time-out: cut
//! ```
//!
//! [`axum::serve`] offers neither limits for headers nor time-outs nor a bound on connections, hence this one.

mod config;
mod connection;
mod slots;
#[cfg(feature = "tls")]
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::ServeConfig;
pub use slots::Connection;
pub(crate) use slots::network;

use slots::{Refusal, Slots};

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every connection finished by itself.
    Complete,
    /// The drain time-out passed: HTTP connections are cut, and this many, with the links, were still open.
    TimedOut {
        /// Connections that were still open.
        open: usize,
    },
}

/// Serves `app` on `listener` until `shutdown` resolves, then drains.
///
/// Each connection is a task: a panic in one never reaches another. `TCP_NODELAY` is set, headers are bounded in size
/// and time, connections are bounded in number, and handlers find the [`Connection`] in the request's extensions.
/// After `shutdown` nothing new is accepted, requests under way are answered, and links have
/// [`drain_timeout_ms`](ServeConfig::drain_timeout_ms) to close; telling them to is the hub's part.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use messenger_ws::{Drained, ServeConfig, serve};
/// use tokio::net::TcpListener;
/// use tokio::sync::oneshot;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let app = Router::new().route("/hello", get(|| async { "hello" }));
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
///
/// let (stop, stopped) = oneshot::channel::<()>();
/// let server = tokio::spawn(serve(listener, app, ServeConfig::default(), async {
///     let _ = stopped.await; // a real server waits for SIGTERM here
/// }));
///
/// stop.send(()).expect("the server waits");
/// assert_eq!(server.await?, Drained::Complete);
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    app: Router,
    config: ServeConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> Drained {
    run(listener, app, config, Transport::Plain, shutdown).await
}

/// Serves `app` over TLS; in all else it is [`serve`].
///
/// The crypto provider is the choice of whoever builds `tls`: this crate names none. The hand-shake counts against
/// [`header_timeout_ms`](ServeConfig::header_timeout_ms).
#[cfg(feature = "tls")]
pub async fn serve_tls(
    listener: TcpListener,
    app: Router,
    config: ServeConfig,
    tls: Arc<rustls::ServerConfig>,
    shutdown: impl Future<Output = ()> + Send,
) -> Drained {
    run(listener, app, config, Transport::Tls(tls.into()), shutdown).await
}

/// What lies between TCP and HTTP.
#[derive(Clone)]
enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

async fn run(
    listener: TcpListener,
    app: Router,
    config: ServeConfig,
    transport: Transport,
    shutdown: impl Future<Output = ()> + Send,
) -> Drained {
    let slots = Slots::new(&config);
    let drain_timeout = config.drain_timeout();
    let server = Arc::new(connection::Server::new(app, &config));
    let tasks = TaskTracker::new();
    let mut shutdown = pin!(shutdown);

    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        match slots.take(peer) {
            Ok(connection) => {
                // Small frames must not wait for the peer's delayed acknowledgement. A socket that cannot be set up is
                // already dead, and serving it says so.
                let _ = stream.set_nodelay(true);
                tasks.spawn(Arc::clone(&server).serve(stream, connection, transport.clone()));
            }
            Err(refusal) => refuse(&stream, &transport, refusal),
        }
    }

    drop(listener);
    tasks.close();
    server.drain();
    let drained = async {
        tasks.wait().await;
        // Links outlive the task of their HTTP connection, but not their slot.
        while slots.open() > 0 {
            tokio::time::sleep(DRAIN_POLL).await;
        }
    };
    match tokio::time::timeout(drain_timeout, drained).await {
        Ok(()) => Drained::Complete,
        Err(_elapsed) => {
            server.cut();
            Drained::TimedOut { open: slots.open() }
        }
    }
}

/// How often a drain looks whether all links are gone.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Accepts the next connection, waiting out errors of the process (no file descriptors, no memory).
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    const FIRST_BACKOFF: Duration = Duration::from_millis(5);
    const LAST_BACKOFF: Duration = Duration::from_secs(1);

    let mut backoff = FIRST_BACKOFF;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, backoff_ms = backoff.as_millis() as u64, "accept failed");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(LAST_BACKOFF);
            }
        }
    }
}

/// Returns whether an accept error concerns only the connection that was about to be accepted.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Says why the connection is closed, as far as that is possible without waiting.
fn refuse(stream: &TcpStream, transport: &Transport, refusal: Refusal) {
    let answer: &[u8] = match refusal {
        Refusal::ServerFull => {
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
        Refusal::AddressFull => {
            b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
    };
    tracing::debug!(?refusal, peer = ?stream.peer_addr().ok(), "connection refused");
    match transport {
        // A fresh socket has room for these bytes; if it has not, closing says enough.
        Transport::Plain => drop(stream.try_write(answer)),
        #[cfg(feature = "tls")]
        Transport::Tls(_) => {}
    }
}

/// Cancels the connections of a server in two steps.
#[derive(Debug, Default)]
struct Stop {
    /// Answer what was asked, accept nothing more.
    drain: CancellationToken,
    /// Close at once.
    cut: CancellationToken,
}
