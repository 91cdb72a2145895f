//! axum routes and accept loop that serve a messenger hub over WebSocket and HTTP.

mod accounts;
pub mod frame;
mod http;
mod jwt;
mod link;
mod serve;
pub mod socket;

pub use self::http::{Health, accounts_router, devices_router, health_router};
pub use accounts::{AccountsConfig, AccountsError, AccountsService, Login, Signup};
pub use jwt::{JwtAuthenticator, JwtKey, JwtKeyError};
pub use link::{LinkConfig, Outgoing, Received, Session, link_router};
#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use serve::{Connection, Drained, ServeConfig, serve};
