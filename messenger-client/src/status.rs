//! What a client is doing about its connection.

use std::time::Duration;

use crate::error::Error;

/// What a client is doing about its connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// Making a connection.
    Connecting,
    /// Connected, and being sent what it does not have.
    CatchingUp,
    /// Connected, with everything.
    Live,
    /// Not connected; the next try is after this time.
    Waiting {
        /// From when it was decided.
        retry_after: Duration,
        /// Why the last connection ended.
        reason: Error,
    },
    /// Ended for good.
    Stopped(Error),
}

impl Status {
    /// True while frames can be sent.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::CatchingUp | Self::Live)
    }
}
