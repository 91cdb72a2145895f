//! What lies between TCP and HTTP: nothing, or TLS where it was built in and is set up.

use std::pin::Pin;

use axum::Router;
use messenger::ws::{Drained, ServeConfig, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Tls;
use crate::exit::Failure;

/// A server at work, until it has drained.
pub(super) type Serving = Pin<Box<dyn Future<Output = Drained> + Send>>;

/// How bytes travel.
pub(super) enum Transport {
    /// As they are.
    Plain,
    /// Encrypted.
    #[cfg(feature = "tls")]
    Tls(std::sync::Arc<rustls::ServerConfig>),
}

impl Transport {
    /// Sets up what the configuration says; a build without TLS has refused `[tls]` already.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the setting and the file if certificate or key cannot be used.
    #[cfg_attr(
        not(feature = "tls"),
        allow(clippy::unnecessary_wraps, reason = "TLS can fail to be set up")
    )]
    pub(super) fn new(tls: &Tls) -> Result<Self, Failure> {
        match (&tls.certificate, &tls.key) {
            #[cfg(feature = "tls")]
            (Some(certificate), Some(key)) => Ok(Self::Tls(super::tls::read(certificate, key)?)),
            _ => Ok(Self::Plain),
        }
    }

    /// Serves until `close` is cancelled, then drains.
    pub(super) fn serve(
        self,
        listener: TcpListener,
        router: Router,
        connections: ServeConfig,
        close: CancellationToken,
    ) -> Serving {
        match self {
            Self::Plain => Box::pin(serve(
                listener,
                router,
                connections,
                close.cancelled_owned(),
            )),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Box::pin(messenger_ws::serve_tls(
                listener,
                router,
                connections,
                tls,
                close.cancelled_owned(),
            )),
        }
    }
}
