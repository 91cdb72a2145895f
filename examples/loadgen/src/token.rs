//! The tokens with which simulated users log in: JWTs under a secret that this program shares with the server it starts.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::seat::Seat;

/// What `aud` says.
pub(crate) const AUDIENCE: &str = "loadgen";

/// Tokens hold this long: longer than any run.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    secret: Arc<[u8; 32]>,
}

#[derive(Serialize)]
struct Claims {
    sub: String,
    aud: &'static str,
    exp: u64,
}

impl Tokens {
    /// Makes a secret.
    pub(crate) fn new() -> io::Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        Ok(Self {
            secret: Arc::new(secret),
        })
    }

    /// Writes the secret for the server.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, self.secret.as_slice())
    }

    /// The token of a user.
    pub(crate) fn of(&self, user: u32) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let claims = Claims {
            sub: Seat::name(user),
            aud: AUDIENCE,
            exp: (now + LIFETIME).as_secs(),
        };
        encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(self.secret.as_slice()),
        )
        .expect("these claims are plain JSON and the key fits the algorithm")
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}
