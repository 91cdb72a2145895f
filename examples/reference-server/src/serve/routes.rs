//! All routes of the server in one place.
//!
//! ```text
//! /                              what runs here
//! /v1/ws, /v1/login, /v1/…       links, accounts, people, devices, blocks     ┐
//! /livez  /readyz  /metrics      for the operator's tools                     ┴ messenger-ws
//! ```

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use messenger::hub::Hub;
use messenger::ws::{LinkConfig, RouterConfig, router};
use metrics_exporter_prometheus::PrometheusHandle;

use super::page::page;
use crate::config::Config;
use crate::identity::Identity;

/// Puts the routes together.
pub(super) fn routes(
    config: &Config,
    hub: &Arc<Hub>,
    identity: &Identity,
    recorder: Option<PrometheusHandle>,
) -> Router {
    let served = RouterConfig {
        link: LinkConfig {
            allowed_origins: config.origins.clone(),
            max_message_bytes: usize::try_from(config.limits.frame_bytes).unwrap_or(usize::MAX),
        },
        accounts: identity.accounts().map(Arc::clone),
        metrics: recorder.map(|recorder| {
            Arc::new(move || recorder.render()) as Arc<dyn Fn() -> String + Send + Sync>
        }),
    };
    Router::new()
        .route("/", get(page))
        .merge(router(Arc::clone(hub), served))
}
