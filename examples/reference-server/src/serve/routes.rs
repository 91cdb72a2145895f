//! All routes of the server in one place.
//!
//! ```text
//! /                        what runs here
//! /v1/ws                   links
//! /v1/login, /v1/…         accounts, people, devices, blocks
//! /livez /readyz /metrics  for the operator's tools
//! ```

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use messenger::hub::Hub;
use messenger::ws::{Health, health_router};
use metrics_exporter_prometheus::PrometheusHandle;

use super::page::page;
use crate::config::Config;
use crate::identity::Identity;

/// Puts the routes together.
pub(super) fn routes(
    _config: &Config,
    hub: &Arc<Hub>,
    identity: &Identity,
    recorder: Option<PrometheusHandle>,
) -> Router {
    let asked = Arc::clone(hub);
    let mut health = Health::new(move || match asked.is_ready() {
        true => Ok(()),
        false => Err("the server is about to stop, or its store does not answer".to_owned()),
    });
    if let Some(recorder) = recorder {
        health = health.with_metrics(move || recorder.render());
    }
    Router::new()
        .route("/", get(page))
        .merge(health_router(health))
        .merge(identity.routes(Arc::clone(&hub.backend().devices)))
}
