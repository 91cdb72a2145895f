//! The running server: everything is opened in order, served until a signal comes, and closed in the opposite order.
//!
//! ```text
//! address ─► data folder ─► store (locks it) ─► demo log-ins ─► hub ─► admin socket ─► routes ─► banner
//!                                                                                        │ serve
//!   exit 0 ◄─ store closed ◄─ hub stopped ◄─ links flushed and closed ◄─ goaway, not ready ◄┘ SIGTERM, SIGINT
//!   exit 130 ◄──────────────────── a second signal
//!   exit 5 ◄────────────────────── the store can no longer write
//! ```

mod banner;
mod metrics;
mod page;
mod routes;
mod signals;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use messenger::core::store::Backend;
use messenger::embedded::Store;
use messenger::hub::{Hub, HubConfig};
use messenger::ws::{Drained, ServeConfig};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminSocket, Office};
use crate::config::{Config, Effective, LogFormat};
use crate::data::DataFolder;
use crate::demo::Demo;
use crate::exit::{Exit, Failure};
use crate::identity::Identity;
use crate::store;

use banner::{Started, banner};
use signals::Signals;
use transport::Transport;

/// How long links have to flush and to go after the first signal (RES-7).
const DRAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// How long connections that are left have to finish after that.
const CLOSE_TIMEOUT_MS: u64 = 2_000;
/// How often a drain looks whether all links are gone.
const DRAIN_POLL: Duration = Duration::from_millis(20);
/// How often the store is asked whether it still can write.
const HEALTH_EVERY: Duration = Duration::from_millis(500);

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
    admin: AbortOnDrop,
    upkeep: Option<AbortOnDrop>,
    hub: Arc<Hub>,
    router: Router,
    connections: ServeConfig,
    transport: Transport,
    // Closed last.
    store: Arc<Store>,
}

impl Server {
    async fn start(config: &Config) -> Result<Self, Failure> {
        let transport = Transport::new(&config.tls)?;
        let listener = bind(config.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::new(Exit::Address, format!("{}: {error}", config.listen)))?;
        let data = DataFolder::at(&config.data);
        let data_is_new = data.prepare()?;
        let store = Arc::new(store::open(&data)?);
        let backend = store.backend();
        let identity = Identity::new(config, &backend)?;
        let demo = match identity.accounts() {
            Some(accounts) => {
                let wanted = config.demo && address.ip().is_loopback();
                Demo::settle(&data, accounts, &*backend.devices, wanted).await?
            }
            None => Demo::default(),
        };
        let hub = Arc::new(start_hub(config, &data, &backend, &identity).await?);
        let socket = AdminSocket::bind(&data.socket())?;
        let office = Office::new(Arc::clone(&store), identity.clone(), data.clone());
        let admin =
            AbortOnDrop(tokio::spawn(async move { socket.serve(office).await }).abort_handle());
        let recorder = metrics::record();
        let router = routes::routes(config, &hub, &identity, recorder.clone());
        let upkeep = recorder
            .map(|recorder| AbortOnDrop(tokio::spawn(metrics::keep_up(recorder)).abort_handle()));
        let root = std::path::absolute(data.root()).unwrap_or_else(|_| data.root().to_owned());
        let connections = ServeConfig {
            drain_timeout_ms: CLOSE_TIMEOUT_MS,
            ..config.connections.clone()
        };
        tracing::info!(%address, data = %root.display(), "listening");
        if !address.ip().is_loopback() && config.demo {
            tracing::warn!(%address, "demo accounts are disabled: the server listens on more than loopback");
        }
        Ok(Self {
            listener,
            address,
            root,
            data_is_new,
            demo,
            admin,
            upkeep,
            hub,
            router,
            connections,
            transport,
            store,
        })
    }

    async fn until_signalled(self, mut signals: Signals) -> Result<(), Failure> {
        let Self {
            listener,
            admin,
            upkeep,
            hub,
            router,
            connections,
            transport,
            store,
            ..
        } = self;
        let close = CancellationToken::new();
        let mut serving = transport.serve(listener, router, connections, close.clone());

        let signal = tokio::select! {
            signal = signals.next() => signal,
            failure = fatal(&store) => return Err(failure),
            drained = &mut serving => {
                return Err(Failure::new(Exit::Failed, format!("the server ended by itself: {drained:?}")));
            }
        };
        tracing::info!(signal, "draining; a second signal ends the server at once");
        hub.drain();
        let gone = async {
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, no_links(&hub)).await;
            close.cancel();
        };
        let drained = tokio::select! {
            ((), drained) = async { tokio::join!(gone, serving) } => drained,
            failure = fatal(&store) => return Err(failure),
            signal = signals.next() => {
                tracing::warn!(signal, "ended before it had drained");
                return Err(Failure::new(Exit::Interrupted, "ended by a second signal before all links were closed"));
            }
        };
        match drained {
            Drained::Complete => {}
            Drained::TimedOut { open } => tracing::warn!(open, "connections were cut"),
        }
        hub.stop().await;
        drop((admin, upkeep, hub));
        drop(store);
        tracing::info!("drained");
        Ok(())
    }
}

async fn start_hub(
    config: &Config,
    data: &DataFolder,
    backend: &Backend,
    identity: &Identity,
) -> Result<Hub, Failure> {
    let settings = HubConfig {
        limits: config.limits.clone(),
        ..HubConfig::new(data.digest_key()?)
    };
    Hub::start(
        backend.clone(),
        identity.authenticator(),
        identity.policy(),
        settings,
    )
    .await
    .map_err(|error| Failure::new(Exit::Store, error.to_string()))
}

/// Waits until every link is gone.
async fn no_links(hub: &Hub) {
    while hub.link_count() > 0 {
        tokio::time::sleep(DRAIN_POLL).await;
    }
}

/// Waits until the store can no longer write, and says why.
async fn fatal(store: &Store) -> Failure {
    let mut ticks = tokio::time::interval(HEALTH_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = store.health() {
            let cause = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            tracing::error!(%error, cause, "the store failed; the server ends");
            return Failure::new(Exit::Store, format!("{}: {error}{cause}", store.folder().display()))
                .advise("Everything that was accepted is safe. Mend the disk (is it full?), then start the server again.");
        }
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
