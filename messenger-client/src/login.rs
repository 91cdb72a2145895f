//! Logging in with a password: one HTTP request, on a connection of its own.
//!
//! ```text
//!   POST /v1/login {"user", "password"} ──► 200 {"token"}     401, 403, 429: refused
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::address::Address;
use crate::error::Error;
use crate::stream::open;

/// How long a log-in may take: checking a password is slow on purpose.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_MAX_BYTES: u64 = 64 * 1024;
/// Where a server takes log-ins.
const LOGIN_PATH: &str = "/v1/login";

#[derive(Serialize)]
struct Credentials<'a> {
    user: &'a str,
    password: &'a str,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
}

/// What a refusal may say of itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    code: String,
    message: String,
}

/// Exchanges a password for a token.
///
/// # Errors
/// [`Error::Login`] when the server refuses, [`Error::Unreachable`] when it does not answer.
///
/// # Examples
/// ```no_run
/// # async fn example() -> Result<(), messenger_client::Error> {
/// let token = messenger_client::login("http://127.0.0.1:8080", "anna", "the password").await?;
/// # Ok(())
/// # }
/// ```
pub async fn login(server: &str, user: &str, password: &str) -> Result<String, Error> {
    let address = Address::parse(server)?;
    let answer = timeout(LOGIN_TIMEOUT, ask(&address, user, password))
        .await
        .map_err(|_| Error::Unreachable(format!("{} did not answer", address.authority())))?
        .map_err(|error| {
            Error::Unreachable(format!("cannot reach {}: {error}", address.authority()))
        })?;
    understand(&answer)
}

async fn ask(address: &Address, user: &str, password: &str) -> std::io::Result<Vec<u8>> {
    let body = serde_json::to_vec(&Credentials { user, password }).expect("two strings");
    let head = format!(
        "POST {LOGIN_PATH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\naccept: application/json\r\nconnection: close\r\n\r\n",
        address.authority(),
        body.len()
    );
    let mut stream = open(address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_MAX_BYTES)
        .read_to_end(&mut answer)
        .await?;
    Ok(answer)
}

fn understand(answer: &[u8]) -> Result<String, Error> {
    let unreadable = || Error::Unreachable("the answer to the log-in is no HTTP".into());
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(unreadable)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| unreadable())?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or_else(unreadable)?;
    let chunked = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.contains("chunked")
    });
    let body = match chunked {
        true => unchunked(&answer[end + 4..]),
        false => answer[end + 4..].to_vec(),
    };
    if status == 200 {
        return serde_json::from_slice::<Granted>(&body)
            .map(|granted| granted.token)
            .map_err(|_| Error::Login("the answer carries no token".into()));
    }
    let refused: Refused = serde_json::from_slice(&body).unwrap_or_default();
    Err(Error::Login(match (status, refused.message.as_str()) {
        (401 | 403, "") => "user or password is wrong".into(),
        (429, "") => "too many tries, wait a while".into(),
        (status, "") => format!("HTTP status {status} {}", refused.code)
            .trim()
            .to_owned(),
        (_, message) => message.to_owned(),
    }))
}

/// The body of a chunked answer, as far as it came.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end])
            .ok()
            .and_then(|line| usize::from_str_radix(line.split(';').next()?.trim(), 16).ok());
        let Some(size) = size.filter(|&size| size > 0) else {
            break;
        };
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else {
            break;
        };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_whole_or_in_chunks() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"token\":\"t\"}";
        assert_eq!(understand(whole).expect("a token"), "t");
        let chunks =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"toke\r\n7\r\nn\":\"t\"}\r\n0\r\n\r\n";
        assert_eq!(understand(chunks).expect("a token"), "t");
    }

    #[test]
    fn a_refusal_says_why() {
        let refused = |answer: &[u8]| understand(answer).expect_err("it is refused").to_string();
        assert!(refused(b"HTTP/1.1 401 Unauthorized\r\n\r\n").contains("password is wrong"));
        assert!(refused(b"HTTP/1.1 500 Oops\r\n\r\n").contains("500"));
        assert!(
            refused(b"HTTP/1.1 403 No\r\n\r\n{\"code\":\"banned\",\"message\":\"Sign out.\"}")
                .contains("Sign out.")
        );
        assert!(understand(b"SSH-2.0").is_err());
    }
}
