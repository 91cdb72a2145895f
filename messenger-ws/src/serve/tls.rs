//! The TLS hand-shake in front of HTTP.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Shakes hands within `timeout`; answers `None` if the other side does not.
pub(super) async fn accept(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    timeout: Duration,
) -> Option<TlsStream<TcpStream>> {
    // The hand-shake is boxed so that its buffers are gone, not merely unused, once it is over.
    match tokio::time::timeout(timeout, Box::pin(acceptor.accept(stream))).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS hand-shake failed");
            None
        }
        Err(_elapsed) => {
            tracing::debug!("TLS hand-shake timed out");
            None
        }
    }
}
