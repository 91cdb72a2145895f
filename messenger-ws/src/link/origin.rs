//! Which web pages may use the server (SEC-2).
//!
//! ```text
//!   no Origin ──► not a browser: allowed, the token in the first frame decides
//!   Origin of the host that was asked ──► allowed        listed ──► allowed        else ──► 403
//! ```

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// The pages of other origins that may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    /// Takes origins as browsers write them (`https://chat.example.org`), or `*` for all.
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self(
            allowed
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase())
                .collect(),
        )
    }

    /// Returns whether the page that sends a request may do so.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return true;
        };
        let (Ok(origin), None) = (origin.to_str(), origins.next()) else {
            return false;
        };
        let origin = origin.to_ascii_lowercase();
        self.0
            .iter()
            .any(|allowed| *allowed == origin || allowed == "*")
            || is_same_origin(&origin, headers)
    }
}

/// Compares hosts and ports alone: whether the page came over TLS, a proxy in front knows and this process does not.
fn is_same_origin(origin: &str, headers: &HeaderMap) -> bool {
    let default_port = match origin.split_once("://") {
        Some(("http", _)) => ":80",
        Some(("https", _)) => ":443",
        Some(_) | None => return false,
    };
    let Some((_, page)) = origin.split_once("://") else {
        return false;
    };
    let Some(Ok(host)) = headers.get(HOST).map(|host| host.to_str()) else {
        return false;
    };
    let host = host.to_ascii_lowercase();
    let without_default = |authority: &str| {
        authority
            .strip_suffix(default_port)
            .unwrap_or(authority)
            .to_owned()
    };
    without_default(page) == without_default(&host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn allowed(origins: &Origins, origin: Option<&'static str>, host: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        origins.allow(&headers)
    }

    #[test]
    fn only_the_same_origin_and_listed_ones_are_allowed() {
        let origins = Origins::new(&["https://App.example.org/".into()]);
        for (origin, host, expected) in [
            (None, "chat.example.org", true),
            (Some("https://chat.example.org"), "chat.example.org", true),
            (
                Some("https://chat.example.org"),
                "chat.example.org:443",
                true,
            ),
            (
                Some("https://Chat.example.org:443"),
                "chat.example.org",
                true,
            ),
            (Some("http://localhost:8080"), "localhost:8080", true),
            (Some("http://[::1]:8080"), "[::1]:8080", true),
            (Some("https://app.example.org"), "chat.example.org", true),
            (Some("http://app.example.org"), "chat.example.org", false),
            (Some("http://localhost:8081"), "localhost:8080", false),
            (Some("https://evil.org"), "chat.example.org", false),
            (
                Some("https://chat.example.org.evil.org"),
                "chat.example.org",
                false,
            ),
            (Some("null"), "chat.example.org", false),
            (Some(""), "chat.example.org", false),
            (Some("file://"), "", false),
        ] {
            assert_eq!(
                allowed(&origins, origin, host),
                expected,
                "{origin:?} at {host}"
            );
        }
    }

    #[test]
    fn a_star_allows_all() {
        assert!(allowed(
            &Origins::new(&["*".into()]),
            Some("https://anywhere.org"),
            "chat.example.org"
        ));
    }

    #[test]
    fn two_origins_are_none() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a"));
        headers.append(ORIGIN, HeaderValue::from_static("https://a"));
        headers.append(ORIGIN, HeaderValue::from_static("https://b"));
        assert!(!Origins::default().allow(&headers));
    }
}
