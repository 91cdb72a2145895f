//! Errors of the HTTP part.
//!
//! ```text
//!   {"error": {"code": "bad_field", "number": 203, "message": "…", "field": "user", "limit": 64, "retry_after_ms": 0}}
//! ```

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use messenger_core::wire::Code;
use serde::Serialize;

/// An error as an HTTP answer: a status, and a code of the registry in a JSON body.
#[derive(Debug)]
pub(crate) struct HttpError {
    status: StatusCode,
    header: Option<(HeaderName, &'static str)>,
    detail: Box<Detail>,
}

#[derive(Debug, Serialize)]
struct Detail {
    code: Code,
    number: u16,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl HttpError {
    /// Makes an error about the request itself.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::coded(status, Code::BadFrame, message)
    }

    /// Makes an error with a code of its own.
    pub(crate) fn coded(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let detail = Box::new(Detail {
            code,
            number: code.number(),
            message: message.into(),
            field: None,
            limit: None,
            retry_after_ms: None,
        });
        Self {
            status,
            header: None,
            detail,
        }
    }

    /// Adds a header that the status calls for.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Names the field that is wrong.
    pub(crate) fn with_field(mut self, field: &'static str) -> Self {
        self.detail.field = Some(field);
        self
    }

    /// Names the limit that is exceeded.
    pub(crate) fn with_limit(mut self, limit: u64) -> Self {
        self.detail.limit = Some(limit);
        self
    }

    /// Says when to try again.
    pub(crate) fn with_retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.detail.retry_after_ms = Some(retry_after_ms);
        self
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: Box<Detail>,
        }

        let retry_after_s = self.detail.retry_after_ms.map(|ms| ms.div_ceil(1000));
        let body = serde_json::to_vec(&Body { error: self.detail })
            .expect("strings and numbers can be written");
        let mut response =
            (self.status, [(CONTENT_TYPE, "application/json")], body).into_response();
        if let Some((name, value)) = self.header {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
