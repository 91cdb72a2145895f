//! One HTTP/1.1 connection, from its first byte to its close or upgrade.
//!
//! ```text
//!   bytes ──► hyper: head ≤ max_header_bytes within header_timeout ──► request + Connection ──► axum
//!                                                                                │
//!                   the task of this file ends here, its buffers are freed ◄── upgrade ──► link
//! ```

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Connection, ServeConfig, Stop, Transport};

/// hyper reads heads into a buffer that may grow to this; it must hold the largest head allowed.
const MIN_HTTP_BUFFER_BYTES: usize = 8 * 1024;

/// What all connections of one accept loop share.
pub(super) struct Server {
    app: Router,
    http: http1::Builder,
    #[cfg(feature = "tls")]
    handshake_timeout: std::time::Duration,
    stop: Stop,
}

impl Server {
    pub(super) fn new(app: Router, config: &ServeConfig) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout())
            .max_header_size(config.max_header_bytes)
            .max_buf_size((2 * config.max_header_bytes).max(MIN_HTTP_BUFFER_BYTES));
        Self {
            app,
            http,
            #[cfg(feature = "tls")]
            handshake_timeout: config.header_timeout(),
            stop: Stop::default(),
        }
    }

    /// Lets each connection finish the request under way.
    pub(super) fn drain(&self) {
        self.stop.drain.cancel();
    }

    /// Ends each connection now.
    pub(super) fn cut(&self) {
        self.stop.cut.cancel();
    }

    /// Serves one connection; after an upgrade the link goes on in a task of its own.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        connection: Connection,
        transport: Transport,
    ) {
        match transport {
            Transport::Plain => self.serve_http(stream, connection).await,
            #[cfg(feature = "tls")]
            Transport::Tls(acceptor) => {
                if let Some(stream) =
                    super::tls::accept(&acceptor, stream, self.handshake_timeout).await
                {
                    self.serve_http(stream, connection).await;
                }
            }
        }
    }

    async fn serve_http<T>(&self, stream: T, connection: Connection)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = connection.peer();
        let app = TowerToHyperService::new(self.app.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(connection.clone());
            app.call(request)
        });
        let http = self.http.serve_connection(TokioIo::new(stream), service);
        let mut http = pin!(http.with_upgrades());
        let mut draining = false;
        loop {
            tokio::select! {
                ended = &mut http => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "connection failed");
                    }
                    return;
                }
                () = self.stop.drain.cancelled(), if !draining => {
                    draining = true;
                    http.as_mut().graceful_shutdown();
                }
                () = self.stop.cut.cancelled() => return,
            }
        }
    }
}
