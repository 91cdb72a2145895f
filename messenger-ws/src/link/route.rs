//! The way from a request to a link.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::StatusCode;
use messenger_core::limits::{HELLO_MAX_BYTES, Limits};
use messenger_core::wire::{Code, Codec};
use serde::{Deserialize, Serialize};

use super::Session;
use super::origin::Origins;
use super::run::Link;
use crate::Connection;
use crate::http::HttpError;
use crate::socket::Upgrade;

/// Which links are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// Origins of web pages that may connect beside those of the same host, as browsers write them
    /// (`https://app.example.org`); `*` allows all. A client without an `Origin` is no browser and always allowed.
    pub allowed_origins: Vec<String>,
    /// The longest message of an authenticated link, in bytes.
    pub max_message_bytes: usize,
}

impl Default for LinkConfig {
    fn default() -> Self {
        let max_message_bytes =
            usize::try_from(Limits::default().frame_bytes).unwrap_or(usize::MAX);
        Self {
            allowed_origins: Vec::new(),
            max_message_bytes,
        }
    }
}

/// Serves `/v1/ws`: each link gets a session of its own from `open`.
pub fn link_router<S, F>(config: &LinkConfig, open: F) -> Router
where
    S: Session,
    F: Fn(Codec) -> S + Send + Sync + 'static,
{
    let door = Door {
        origins: Origins::new(&config.allowed_origins),
        max_message_bytes: config.max_message_bytes,
        open,
    };
    Router::new()
        .route("/v1/ws", any(enter::<S, F>))
        .with_state(Arc::new(door))
}

struct Door<F> {
    origins: Origins,
    max_message_bytes: usize,
    open: F,
}

async fn enter<S, F>(State(door): State<Arc<Door<F>>>, request: Request) -> Response
where
    S: Session,
    F: Fn(Codec) -> S + Send + Sync + 'static,
{
    let (mut parts, _body) = request.into_parts();
    if !door.origins.allow(&parts.headers) {
        let message = "pages of this origin may not connect";
        return HttpError::new(StatusCode::FORBIDDEN, message).into_response();
    }
    let connection = parts.extensions.get::<Connection>().cloned();
    let upgrade = match Upgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection,
    };
    let Some(codec) = upgrade.offered().find_map(Codec::from_subprotocol) else {
        let names: Vec<_> = Codec::ALL.iter().map(|codec| codec.subprotocol()).collect();
        let message = format!("`Sec-WebSocket-Protocol` must offer {}", names.join(" or "));
        return HttpError::coded(StatusCode::BAD_REQUEST, Code::UnsupportedProtocol, message)
            .into_response();
    };
    upgrade.accept(Some(codec.subprotocol()), HELLO_MAX_BYTES, move |socket| {
        let session = (door.open)(codec);
        let max_message_bytes = door.max_message_bytes;
        Link::new(socket, session, codec, max_message_bytes, connection).run()
    })
}
