//! The HTTP part beside the WebSocket.
//!
//! ```text
//!   accounts.rs   POST,DELETE /v1/login   GET,POST,PUT /v1/accounts   GET /v1/people
//!   devices.rs    GET /v1/devices   DELETE /v1/devices/{device}   GET /v1/blocks   PUT,DELETE /v1/blocks/{user}
//!   health.rs     GET /livez   GET /readyz   GET /metrics
//!   request.rs    who asks, from where, with which body       error.rs   {"error": {…}}
//! ```

mod accounts;
mod devices;
mod error;
mod health;
mod request;

use std::sync::Arc;

use axum::Router;
use http::StatusCode;
use messenger_core::wire::Code;
use messenger_hub::Hub;

use crate::AccountsService;

pub(crate) use error::HttpError;
pub use health::{Health, health_router};

/// Serves the embedded accounts: log-in, accounts and people.
///
/// An integrator with accounts of its own leaves this out.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use messenger_core::id::Epoch;
/// use messenger_core::memory::Memory;
/// use messenger_ws::{AccountsConfig, AccountsService, accounts_router};
///
/// let store = Arc::new(Memory::new(Epoch(1)));
/// let accounts = Arc::new(AccountsService::new(store, AccountsConfig::default()));
/// let app: axum::Router = accounts_router(accounts);
/// ```
pub fn accounts_router(accounts: Arc<AccountsService>) -> Router {
    accounts::routes(accounts).method_not_allowed_fallback(method_not_allowed)
}

/// Serves the user's own devices and blocks, for tokens of the hub's authenticator.
pub fn devices_router(hub: Arc<Hub>) -> Router {
    devices::routes(hub).method_not_allowed_fallback(method_not_allowed)
}

async fn method_not_allowed() -> HttpError {
    HttpError::coded(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::UnknownFrame,
        "this path has no such method",
    )
}
