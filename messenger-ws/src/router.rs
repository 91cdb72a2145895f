//! All routes of a node in one router.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use messenger_hub::Hub;

use crate::AccountsService;
use crate::http::{Health, accounts_router, devices_router, health_router};
use crate::hub_session::HubSession;
use crate::link::{LinkConfig, link_router};

/// What [`router`] serves beside the links.
#[derive(Clone, Default)]
pub struct RouterConfig {
    /// Which links are taken.
    pub link: LinkConfig,
    /// The embedded accounts, if they are used.
    pub accounts: Option<Arc<AccountsService>>,
    /// What `/metrics` shows, if it is offered: Prometheus' text format.
    pub metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
}

impl fmt::Debug for RouterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterConfig")
            .field("link", &self.link)
            .field("accounts", &self.accounts)
            .field("metrics", &self.metrics.is_some())
            .finish()
    }
}

/// Serves a hub: links, accounts, devices, blocks and health; to be merged or nested into one's own app.
///
/// | route | |
/// |---|---|
/// | `/v1/ws` | links: WebSocket with the sub-protocol `messenger.v1.json` or `messenger.v1.cbor` |
/// | `/v1/login`, `/v1/accounts`, `/v1/people` | the embedded accounts, if [`RouterConfig::accounts`] has them |
/// | `/v1/devices`, `/v1/blocks` | the user's own, for tokens of the hub's authenticator |
/// | `/livez`, `/readyz`, `/metrics` | health; metrics if [`RouterConfig::metrics`] renders them |
///
/// Serve it with [`serve`](crate::serve): it sets the limits that the links rely on (headers, half-open links), and it
/// tells the handlers who is connected.
///
/// # Examples
///
/// A whole server in memory, with one route of one's own:
///
/// ```
/// use std::sync::Arc;
///
/// use axum::{Router, routing::get};
/// use messenger_core::id::Epoch;
/// use messenger_core::memory::Memory;
/// use messenger_core::store::AllowAll;
/// use messenger_hub::{Hub, HubConfig};
/// use messenger_ws::{AccountsConfig, AccountsService, RouterConfig, ServeConfig, router, serve};
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(Memory::new(Epoch(1)));
/// let accounts = Arc::new(AccountsService::new(store.clone(), AccountsConfig::default()));
/// let hub = Hub::start(store.backend(), accounts.clone(), Arc::new(AllowAll), HubConfig::new([7; 16])).await?;
/// let hub = Arc::new(hub);
///
/// let config = RouterConfig { accounts: Some(accounts), ..RouterConfig::default() };
/// let app = Router::new().route("/", get(|| async { "my own page" })).merge(router(hub.clone(), config));
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let draining = hub.clone();
/// serve(listener, app, ServeConfig::default(), async move {
///     // A real server waits for SIGTERM here.
///     draining.drain();
/// })
/// .await;
/// hub.stop().await;
/// # Ok(())
/// # }
/// ```
pub fn router(hub: Arc<Hub>, config: RouterConfig) -> Router {
    let RouterConfig {
        link,
        accounts,
        metrics,
    } = config;
    let ready = Arc::clone(&hub);
    let mut health = Health::new(move || match ready.is_ready() {
        true => Ok(()),
        false => Err("the node is draining, or its stores do not answer".to_owned()),
    });
    if let Some(render) = metrics {
        health = health.with_metrics(move || render());
    }
    let mut routes = health_router(health).merge(devices_router(Arc::clone(&hub)));
    if let Some(accounts) = accounts {
        routes = routes.merge(accounts_router(accounts));
    }
    routes.merge(link_router(&link, move |codec| {
        HubSession::new(hub.link(codec))
    }))
}
