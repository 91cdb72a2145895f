//! axum routes and accept loop that serve a messenger hub over WebSocket and HTTP.
//!
//! ```text
//!   serve() ── TCP, TLS, HTTP: limits, time-outs, drain ──► router()
//!                                                            ├─ /v1/ws ──► link: Origin, sub-protocol, rounds ──► hub
//!                                                            │              └ socket: buffers, close ── frame: RFC 6455
//!                                                            ├─ /v1/login … ──► accounts: passwords, opaque tokens
//!                                                            ├─ /v1/devices, /v1/blocks
//!                                                            └─ /livez, /readyz, /metrics
//! ```
//!
//! Begin with [`router`] and [`serve`]. Whoever has accounts of their own leaves [`AccountsService`] out and gives the
//! hub an authenticator such as [`JwtAuthenticator`].

mod accounts;
pub mod frame;
mod http;
mod hub_session;
mod jwt;
mod link;
mod router;
mod serve;
pub mod socket;

pub use self::http::{Health, accounts_router, devices_router, health_router};
pub use accounts::{AccountsConfig, AccountsError, AccountsService, Login, Signup};
pub use jwt::{JwtAuthenticator, JwtKey, JwtKeyError};
pub use link::{LinkConfig, Outgoing, Received, Session, link_router};
pub use router::{RouterConfig, router};
#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use serve::{Connection, Drained, ServeConfig, serve};
