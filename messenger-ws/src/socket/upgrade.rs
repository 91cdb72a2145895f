//! From an HTTP request to a socket (RFC 6455, section 4.2).
//!
//! ```text
//!   GET + Upgrade: websocket + Sec-WebSocket-Key ──► 101 + Sec-WebSocket-Accept ──► task with a Socket
//!        └── anything else ──► 400, 405 or 426, saying what is missing
//! ```

use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sha1_smol::Sha1;

use super::Socket;
use crate::http::HttpError;

/// The stream below an upgraded socket.
pub type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// A request that asks for a WebSocket; an extractor for axum handlers.
#[derive(Debug)]
pub struct Upgrade {
    accept: HeaderValue,
    offered: Vec<String>,
    on_upgrade: OnUpgrade,
}

impl Upgrade {
    /// Returns the sub-protocols that the client offers, the preferred one first.
    pub fn offered(&self) -> impl Iterator<Item = &str> {
        self.offered.iter().map(String::as_str)
    }

    /// Answers the request, with `protocol` as the chosen one, and runs `link` in a task of its own.
    ///
    /// The task of the HTTP connection ends, so nothing of it stays allocated beside the link.
    pub fn accept<F, R>(
        self,
        protocol: Option<&'static str>,
        max_message_bytes: usize,
        link: F,
    ) -> Response
    where
        F: FnOnce(Socket<Upgraded>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let on_upgrade = self.on_upgrade;
        tokio::spawn(async move {
            match on_upgrade.await {
                Ok(upgraded) => link(Socket::new(TokioIo::new(upgraded), max_message_bytes)).await,
                Err(error) => tracing::debug!(%error, "upgrade failed"),
            }
        });

        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        if parts.method != Method::GET {
            return Err(HttpError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "a WebSocket begins with GET",
            )
            .into_response());
        }
        let headers = &parts.headers;
        if !lists(headers, CONNECTION, "upgrade") || !lists(headers, UPGRADE, "websocket") {
            let error = HttpError::new(
                StatusCode::UPGRADE_REQUIRED,
                "this is a WebSocket; send `Upgrade: websocket`",
            );
            return Err(error.with_header(UPGRADE, "websocket").into_response());
        }
        if headers
            .get(SEC_WEBSOCKET_VERSION)
            .is_none_or(|version| version != "13")
        {
            let error = HttpError::new(
                StatusCode::UPGRADE_REQUIRED,
                "`Sec-WebSocket-Version` must be 13",
            );
            return Err(error
                .with_header(SEC_WEBSOCKET_VERSION, "13")
                .into_response());
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
        let Some(key) = key else {
            let error = HttpError::new(
                StatusCode::BAD_REQUEST,
                "`Sec-WebSocket-Key` must be 16 bytes in base64",
            );
            return Err(error.into_response());
        };
        let accept = accept_value(key);
        let offered = offered(headers);
        let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            let error = HttpError::new(
                StatusCode::UPGRADE_REQUIRED,
                "this connection cannot be upgraded; use HTTP/1.1",
            );
            return Err(error.into_response());
        };
        Ok(Self {
            accept,
            offered,
            on_upgrade,
        })
    }
}

/// Returns the entries of `Sec-WebSocket-Protocol`.
fn offered(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Returns whether a header that is a list has `entry` in it, whatever the case.
fn lists(headers: &HeaderMap, name: HeaderName, entry: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(entry))
}

fn is_key(key: &HeaderValue) -> bool {
    STANDARD
        .decode(key.as_bytes())
        .is_ok_and(|bytes| bytes.len() == 16)
}

/// Returns what proves that the server understood the request (section 4.2.2, step 5).
fn accept_value(key: &HeaderValue) -> HeaderValue {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    let mut digest = Sha1::new();
    digest.update(key.as_bytes());
    digest.update(GUID);
    let accept = STANDARD.encode(digest.digest().bytes());
    HeaderValue::try_from(accept).expect("base64 is a valid header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert!(is_key(&key));
        assert_eq!(accept_value(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn sub_protocols_are_listed_in_order_over_several_headers() {
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("b , a,"));
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("c"));
        assert_eq!(offered(&headers), ["b", "a", "c"]);
    }
}
