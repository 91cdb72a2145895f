//! The running server: everything is opened in order, served until a signal comes, and closed in the opposite order.
//!
//! ```text
//! address ─► data folder ─► store (locks it) ─► demo log-ins ─► admin socket ─► routes ─► banner
//!                                                                                  │ serve
//!   exit 0 ◄─ store closed ◄─ links flushed and closed ◄─ not ready, no new links ◄┘ SIGTERM, SIGINT
//!   exit 130 ◄──────────────────── a second signal
//!   exit 5 ◄────────────────────── the store can no longer write
//! ```

mod banner;
mod metrics;
mod page;
mod signals;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use messenger::embedded::Store;
use messenger::ws::{Drained, ServeConfig};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminSocket, Office};
use crate::config::{AuthMode, Config, Effective, LogFormat};
use crate::data::DataFolder;
use crate::demo::Demo;
use crate::exit::{Exit, Failure};
use crate::store;

use banner::{Started, banner};
use signals::Signals;

/// How long links have to flush and close after the first signal.
const DRAIN_TIMEOUT_MS: u64 = 8_000;

/// Runs a server until a signal ends it; writes what a person needs to know to `out`.
///
/// # Errors
///
/// Returns why it could not start, or why it ended by itself.
pub fn run(
    effective: &Effective,
    file: Option<&Path>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let signals = Signals::catch().map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot catch signals: {error}"))
        })?;
        let server = Server::start(&effective.config).await?;
        // The banner is for a person: a machine reads the log, which tells the address, and no passwords.
        if effective.config.log.format == LogFormat::Text {
            let started = Started {
                config: &effective.config,
                address: server.address,
                data: &server.root,
                data_is_new: server.data_is_new,
                file,
                demo: &server.demo,
            };
            let _ = out
                .write_all(banner(&started).as_bytes())
                .and_then(|()| out.flush());
        }
        server.until_signalled(signals).await
    })
}

/// A server that has everything open.
struct Server {
    listener: TcpListener,
    address: SocketAddr,
    root: PathBuf,
    data_is_new: bool,
    demo: Demo,
    office: Office,
    socket: AdminSocket,
    router: Router,
    connections: ServeConfig,
    // Closed last.
    store: Arc<Store>,
}

impl Server {
    async fn start(config: &Config) -> Result<Self, Failure> {
        let listener = bind(config.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(Exit::Address, format!("{}: {error}", config.listen)))?;
        let data = DataFolder::at(&config.data);
        let data_is_new = data.prepare()?;
        let store = Arc::new(store::open(&data)?);
        let backend = store.backend();
        let wanted =
            config.demo && config.auth.mode == AuthMode::Accounts && address.ip().is_loopback();
        let demo = Demo::settle(&data, &backend, wanted).await?;
        let office = Office::new(Arc::clone(&store), data.clone());
        let socket = AdminSocket::bind(&data.socket())?;
        let router = Router::new().route("/", get(page::page));
        let root = std::path::absolute(data.root()).unwrap_or_else(|_| data.root().to_owned());
        tracing::info!(%address, data = %root.display(), "listening");
        if !address.ip().is_loopback() && config.demo {
            tracing::warn!(%address, "demo accounts are disabled: the server listens on more than loopback");
        }
        let connections = ServeConfig {
            drain_timeout_ms: DRAIN_TIMEOUT_MS,
            ..config.connections.clone()
        };
        Ok(Self {
            listener,
            address,
            root,
            data_is_new,
            demo,
            office,
            socket,
            router,
            connections,
            store,
        })
    }

    async fn until_signalled(self, mut signals: Signals) -> Result<(), Failure> {
        let Self {
            listener,
            office,
            socket,
            router,
            connections,
            store,
            ..
        } = self;
        let upkeep = metrics::record()
            .map(|handle| AbortOnDrop(tokio::spawn(metrics::keep_up(handle)).abort_handle()));
        let admin =
            AbortOnDrop(tokio::spawn(async move { socket.serve(office).await }).abort_handle());
        let drain = CancellationToken::new();
        let serving = messenger::ws::serve(
            listener,
            router,
            connections,
            drain.clone().cancelled_owned(),
        );
        let mut serving = std::pin::pin!(serving);

        let signal = tokio::select! {
            signal = signals.next() => signal,
            drained = &mut serving => return Err(Failure::new(Exit::Failed, format!("the server ended by itself: {drained:?}"))),
        };
        tracing::info!(signal, "draining; a second signal ends the server at once");
        drain.cancel();
        let drained = tokio::select! {
            drained = serving => drained,
            signal = signals.next() => {
                tracing::warn!(signal, "ended before it had drained");
                return Err(Failure::new(Exit::Interrupted, "ended by a second signal before all links were closed"));
            }
        };
        match drained {
            Drained::Complete => tracing::info!("drained"),
            Drained::TimedOut { open } => {
                tracing::warn!(open, "drained; these connections were cut")
            }
        }
        drop((admin, upkeep));
        drop(store);
        Ok(())
    }
}

/// A task that ends with the one who started it.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => Failure::new(
                Exit::Address,
                format!("{address} is in use by another program"),
            )
            .advise(format!(
                "Choose another port: --listen {}:{}",
                host(address),
                address.port().wrapping_add(1).max(1024)
            )),
            io::ErrorKind::PermissionDenied => Failure::new(
                Exit::Address,
                format!("{address} may not be used by this account: {error}"),
            )
            .advise("Choose a port above 1023 with --listen ADDRESS:PORT."),
            io::ErrorKind::AddrNotAvailable => Failure::new(
                Exit::Address,
                format!("{address} is not an address of this machine"),
            )
            .advise("Choose one that is with --listen ADDRESS:PORT."),
            _ => Failure::new(
                Exit::Address,
                format!("cannot listen on {address}: {error}"),
            )
            .advise("Choose another address with --listen ADDRESS:PORT."),
        })
}

/// The address without its port, as it is written before one.
fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}
