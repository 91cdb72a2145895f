//! What the accept loop allows.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits and time-outs of the accept loop, each with a safe default.
///
/// # Examples
///
/// ```
/// use messenger_ws::ServeConfig;
///
/// let config = ServeConfig { max_connections: 10_000, ..ServeConfig::default() };
/// assert_eq!(config.max_header_bytes, 16 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Largest request line and headers together, in bytes; above it the answer is HTTP 431.
    pub max_header_bytes: usize,
    /// How long the headers of a request may take, and how long a kept-alive connection may idle between two requests.
    pub header_timeout_ms: u64,
    /// Connections open at once; above it a new one is answered with HTTP 503 and closed.
    pub max_connections: usize,
    /// Connections of one address that carry no authenticated link; above it a new one is answered with HTTP 429 and
    /// closed. An IPv6 address counts as its /64 network. 0 switches the limit off.
    pub max_half_open_per_address: usize,
    /// Addresses of load balancers: they are exempt from the limit per address, and the last `X-Forwarded-For` entry
    /// that they add is taken for the client's address.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long open connections may take to finish once the server stops accepting.
    pub drain_timeout_ms: u64,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            max_header_bytes: 16 * 1024,
            header_timeout_ms: 10_000,
            max_connections: 100_000,
            max_half_open_per_address: 256,
            trusted_proxies: Vec::new(),
            drain_timeout_ms: 15_000,
        }
    }
}

impl ServeConfig {
    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }
}
