//! What an operator's tools ask: alive, ready, how much.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use messenger_core::wire::Code;

use super::HttpError;

/// What the health routes answer with.
#[derive(Clone)]
pub struct Health {
    ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("metrics", &self.metrics.is_some())
            .finish_non_exhaustive()
    }
}

impl Health {
    /// Is ready while `ready` says so; its error is the reason for the operator.
    pub fn new(ready: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self {
            ready: Arc::new(ready),
            metrics: None,
        }
    }

    /// Offers `/metrics` with what `render` returns: Prometheus' text format.
    #[must_use]
    pub fn with_metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(render));
        self
    }
}

/// Serves `/livez`, `/readyz` and, if there is something to render, `/metrics`.
///
/// # Examples
///
/// ```
/// use messenger_ws::{Health, health_router};
///
/// let health = Health::new(|| Ok(())).with_metrics(|| "messenger_sessions 0\n".to_owned());
/// let app: axum::Router = health_router(health);
/// ```
pub fn health_router(health: Health) -> Router {
    let mut router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready));
    if health.metrics.is_some() {
        router = router.route("/metrics", get(metrics));
    }
    router.with_state(health)
}

async fn ready(State(health): State<Health>) -> Response {
    match (health.ready)() {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => HttpError::coded(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, reason)
            .into_response(),
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    let text = health.metrics.map(|render| render()).unwrap_or_default();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
