//! axum routes and accept loop that serve a messenger hub over WebSocket and HTTP.

pub mod frame;
mod http_error;
mod serve;
pub mod socket;

#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use serve::{Connection, Drained, ServeConfig, serve};
