//! Where a server is: `ws://host:port/path` and its kin, taken apart once.

use crate::error::Error;

/// The path of the WebSocket, if the address names none.
const WEBSOCKET_PATH: &str = "/v1/ws";

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// From `/`; empty when none was named.
    pub(crate) path: String,
}

impl Address {
    /// Takes `ws`, `wss`, `http`, `https`, or a bare `host:port`, which is `ws`.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let bad = |reason| Error::Address {
            url: url.to_owned(),
            reason,
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("ws", url));
        let tls = match scheme {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(bad("it begins with ws://, wss://, http:// or https://")),
        };
        if tls && !cfg!(feature = "tls") {
            return Err(bad("this client was built without the feature `tls`"));
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') || path.contains(['?', '#']) {
            return Err(bad("credentials and queries have no place in it"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| bad("the port is a number"))?)
            }
            _ => (authority, if tls { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(bad("it names no host"));
        }
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            path: if path == "/" { "" } else { path }.to_owned(),
        })
    }

    /// What a `Host` header says.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The URL of the WebSocket.
    pub(crate) fn websocket(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        let path = match self.path.as_str() {
            "" => WEBSOCKET_PATH,
            path => path,
        };
        format!("{scheme}://{}{path}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = Address::parse("ws://127.0.0.1:8080").expect("it is one");
        assert_eq!(address.websocket(), "ws://127.0.0.1:8080/v1/ws");
        let address = Address::parse("localhost:8080").expect("it is one");
        assert_eq!((address.host.as_str(), address.port), ("localhost", 8080));
        let address = Address::parse("http://[::1]:8080/chat/ws").expect("it is one");
        assert_eq!(address.host, "::1");
        assert_eq!(address.websocket(), "ws://[::1]:8080/chat/ws");
        let address = Address::parse("http://example.org/").expect("it is one");
        assert_eq!(address.websocket(), "ws://example.org/v1/ws");
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for bad in [
            "ftp://a",
            "ws://",
            "ws://a:port",
            "ws://anna:secret@a",
            "ws://a/?token=secret",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
