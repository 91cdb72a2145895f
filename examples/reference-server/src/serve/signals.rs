//! SIGTERM and SIGINT: the first asks the server to drain, the second ends it at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end a server.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to catch the signals; from here on they no longer end the process by themselves.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
