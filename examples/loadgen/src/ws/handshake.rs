//! The opening handshake of RFC 6455, section 4, both sides.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The largest header that is taken from a peer.
const MAX_HEADER: usize = 16 * 1024;

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key that every client of this program sends. It guards against caches, of which loopback has none.
const KEY: &str = "bG9hZCBnZW5lcmF0b3IhIQ==";

/// Writes a client's request.
pub(crate) fn request(out: &mut Vec<u8>, host: &str, path: &str, subprotocol: Option<&str>) {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    );
    if let Some(name) = subprotocol {
        text.push_str("Sec-WebSocket-Protocol: ");
        text.push_str(name);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    out.extend_from_slice(text.as_bytes());
}

/// Reads a server's answer: the length of its header, or `None` if it is not whole yet.
///
/// # Errors
///
/// Any answer other than 101 with the right accept key, and with the subprotocol that was asked for.
pub(crate) fn read_answer(bytes: &[u8], subprotocol: Option<&str>) -> io::Result<Option<usize>> {
    let Some((length, text)) = header(bytes)? else {
        return Ok(None);
    };
    let status = text.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(refused(&format!("answered {status:?}")));
    }
    if field(text, "sec-websocket-accept") != Some(accept_key(KEY).as_str()) {
        return Err(refused("a wrong Sec-WebSocket-Accept"));
    }
    if field(text, "sec-websocket-protocol") != subprotocol {
        return Err(refused("another subprotocol than asked for"));
    }
    Ok(Some(length))
}

/// Reads a client's request and writes the answer: the length of the request, or `None` if it is not whole yet.
///
/// # Errors
///
/// A request that is no WebSocket handshake.
pub(crate) fn answer(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let Some((length, text)) = header(bytes)? else {
        return Ok(None);
    };
    let key = field(text, "sec-websocket-key").ok_or_else(|| refused("no Sec-WebSocket-Key"))?;
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ",
    );
    out.extend_from_slice(accept_key(key).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    Ok(Some(length))
}

fn header(bytes: &[u8]) -> io::Result<Option<(usize, &str)>> {
    match bytes.windows(4).position(|end| end == b"\r\n\r\n") {
        Some(end) => std::str::from_utf8(&bytes[..end])
            .map(|text| Some((end + 4, text)))
            .map_err(|_| refused("a header that is no text")),
        None if bytes.len() > MAX_HEADER => Err(refused("a header above the limit")),
        None => Ok(None),
    }
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn accept_key(key: &str) -> String {
    let digest = sha1_smol::Sha1::from(format!("{key}{GUID}"))
        .digest()
        .bytes();
    BASE64.encode(digest)
}

fn refused(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("WebSocket handshake: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_client_and_a_server_agree() {
        let mut asked = Vec::new();
        request(&mut asked, "127.0.0.1:80", "/", None);
        let mut answered = Vec::new();

        assert_eq!(
            answer(&asked[..asked.len() - 1], &mut answered).expect("not whole yet"),
            None
        );
        assert_eq!(
            answer(&asked, &mut answered).expect("a handshake"),
            Some(asked.len())
        );
        assert_eq!(
            read_answer(&answered, None).expect("an answer"),
            Some(answered.len())
        );
        assert!(
            read_answer(&answered, Some("chat")).is_err(),
            "the subprotocol was not granted"
        );
    }

    #[test]
    fn a_refusal_says_the_status_line() {
        let error = read_answer(b"HTTP/1.1 403 Forbidden\r\n\r\n", None).expect_err("refused");
        assert!(error.to_string().contains("403 Forbidden"), "{error}");
    }
}
