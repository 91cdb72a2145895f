//! What a handler needs to know of a request: who, from where, with which body.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Extensions, HeaderMap, StatusCode};
use messenger_core::store::{AuthError, Authenticator, Principal};
use messenger_core::time::Timestamp;
use messenger_core::wire::Code;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::HttpError;
use crate::Connection;

/// The longest body of a request, in bytes.
const BODY_MAX_BYTES: usize = 8 * 1024;

/// Returns the present time.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(since_epoch.as_millis() as u64)
}

/// Returns the address of the client, as far as it can be trusted; none in front of another accept loop.
pub(crate) fn client_address(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let connection = extensions.get::<Connection>()?;
    if !connection.is_trusted_proxy() {
        return Some(connection.peer().ip());
    }
    // Only what the proxy itself appended can be believed: the last entry of the last header.
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|address| address.trim().parse().ok());
    Some(forwarded.unwrap_or(connection.peer().ip()))
}

/// Returns the token that a request shows.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, HttpError> {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| unauthorized("send `Authorization: Bearer <token>`"))
}

/// Returns who shows a valid token.
pub(crate) async fn principal(
    authenticator: &dyn Authenticator,
    headers: &HeaderMap,
) -> Result<Principal, HttpError> {
    match authenticator.authenticate(bearer(headers)?, now()).await {
        Ok(principal) => Ok(principal),
        Err(AuthError::Unavailable) => Err(unavailable("tokens cannot be looked up now")),
        Err(_) => Err(unauthorized("the token is not valid")),
    }
}

pub(crate) fn unauthorized(message: &'static str) -> HttpError {
    HttpError::coded(StatusCode::UNAUTHORIZED, Code::Unauthorized, message)
        .with_header(http::header::WWW_AUTHENTICATE, "Bearer")
}

pub(crate) fn unavailable(message: &'static str) -> HttpError {
    const RETRY_AFTER_MS: u64 = 1_000;

    HttpError::coded(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message)
        .with_retry_after_ms(RETRY_AFTER_MS)
}

/// Reads a JSON body.
pub(crate) async fn read_json<T: DeserializeOwned>(request: Request) -> Result<T, HttpError> {
    let headers = request.headers();
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = "the body must be JSON, with `Content-Type: application/json`";
        return Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_MAX_BYTES as u64) {
        return Err(too_large());
    }
    let body = axum::body::to_bytes(request.into_body(), BODY_MAX_BYTES)
        .await
        .map_err(|error| {
            // Either the limit or a body that broke off; in the latter case nobody reads the answer.
            tracing::debug!(%error, "body not read");
            too_large()
        })?;
    serde_json::from_slice(&body).map_err(|error| {
        // The text of a data error could repeat what was sent, and that may be a password.
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => "a field is missing or has the wrong type",
            _ => "the body is not JSON",
        };
        HttpError::new(
            StatusCode::BAD_REQUEST,
            format!("{what} (line {line}, column {column})"),
        )
    })
}

fn too_large() -> HttpError {
    HttpError::coded(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::FrameTooLarge,
        "the body is too large",
    )
    .with_limit(BODY_MAX_BYTES as u64)
}

/// Answers with JSON that no cache keeps.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let body = serde_json::to_vec(body).expect("records of strings and numbers can be written");
    (
        status,
        [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
        ],
        body,
    )
        .into_response()
}
