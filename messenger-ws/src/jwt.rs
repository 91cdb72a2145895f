//! Tokens of an integrator: JSON Web Tokens, verified with keys that are pinned to one algorithm each.
//!
//! ```text
//!   token ──header──► kid ──► key, which fixes the algorithm (what the token says of it must agree)
//!         ──claims──► exp in the future · nbf not · aud ours · iss ours, if set · sub a user id ──► Principal
//! ```

use std::fmt;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use messenger_core::id::{DeviceId, UserId};
use messenger_core::store::{AuthError, Authenticator, Principal};
use messenger_core::time::Timestamp;
use serde::Deserialize;

/// How far the clock of the issuer may differ, in milliseconds.
const LEEWAY_MS: u64 = 30_000;

/// A key that verifies tokens, with the only algorithm that it is used for.
#[derive(Clone)]
pub struct JwtKey {
    id: Option<String>,
    key: DecodingKey,
    algorithm: Algorithm,
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key for {algorithm} cannot be used: {reason}")]
pub struct JwtKeyError {
    algorithm: &'static str,
    reason: String,
}

impl JwtKey {
    /// A secret that issuer and server share, for HS256; at least 32 bytes.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`] for a shorter secret: it could be guessed from one token.
    pub fn hs256(secret: &[u8]) -> Result<Self, JwtKeyError> {
        if secret.len() < 32 {
            let reason = format!("it has {} bytes and must have 32", secret.len());
            return Err(JwtKeyError {
                algorithm: "HS256",
                reason,
            });
        }
        Ok(Self::new(
            DecodingKey::from_secret(secret),
            Algorithm::HS256,
        ))
    }

    /// An RSA public key in PEM, for RS256.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`] if it is none.
    pub fn rs256(pem: &[u8]) -> Result<Self, JwtKeyError> {
        Self::from_pem(DecodingKey::from_rsa_pem(pem), Algorithm::RS256, "RS256")
    }

    /// A public key on the curve P-256 in PEM, for ES256.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`] if it is none.
    pub fn es256(pem: &[u8]) -> Result<Self, JwtKeyError> {
        Self::from_pem(DecodingKey::from_ec_pem(pem), Algorithm::ES256, "ES256")
    }

    /// An Ed25519 public key in PEM, for EdDSA.
    ///
    /// # Errors
    ///
    /// [`JwtKeyError`] if it is none.
    pub fn eddsa(pem: &[u8]) -> Result<Self, JwtKeyError> {
        Self::from_pem(DecodingKey::from_ed_pem(pem), Algorithm::EdDSA, "EdDSA")
    }

    /// Names the key as tokens do in `kid`. A token without `kid` is tried only with keys that have no name.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    fn new(key: DecodingKey, algorithm: Algorithm) -> Self {
        Self {
            id: None,
            key,
            algorithm,
        }
    }

    fn from_pem(
        key: Result<DecodingKey, jsonwebtoken::errors::Error>,
        algorithm: Algorithm,
        name: &'static str,
    ) -> Result<Self, JwtKeyError> {
        key.map(|key| Self::new(key, algorithm))
            .map_err(|error| JwtKeyError {
                algorithm: name,
                reason: error.to_string(),
            })
    }
}

/// Takes the tokens of an integrator's own log-in: `sub` is the user, `device` (optional) the only device that it is good for.
///
/// `exp`, `sub` and `aud` are required; `nbf` and, if an issuer is set, `iss` are checked as well.
///
/// # Examples
///
/// ```
/// use messenger_ws::{JwtAuthenticator, JwtKey};
///
/// let secret = b"a secret of at least thirty-two bytes";
/// let authenticator = JwtAuthenticator::new("chat.example.org")
///     .with_issuer("login.example.org")
///     .with_key(JwtKey::hs256(secret)?.with_id("2026"));
/// # Ok::<(), messenger_ws::JwtKeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwtAuthenticator {
    audience: String,
    issuer: Option<String>,
    keys: Vec<JwtKey>,
}

impl JwtAuthenticator {
    /// Takes tokens that are meant for `audience`; add a key before it takes any.
    #[must_use]
    pub fn new(audience: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            issuer: None,
            keys: Vec::new(),
        }
    }

    /// Takes tokens of this issuer only.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds a key.
    #[must_use]
    pub fn with_key(mut self, key: JwtKey) -> Self {
        self.keys.push(key);
        self
    }

    fn verify(&self, token: &str, now: Timestamp) -> Option<Principal> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid;
        let claims = self
            .keys
            .iter()
            .filter(|key| key.id == kid)
            .find_map(|key| {
                jsonwebtoken::decode::<Claims>(token, &key.key, &self.validation(key.algorithm))
                    .ok()
            })?
            .claims;
        let expires = Timestamp::from_millis(claims.exp.checked_mul(1000)?);
        if expires.as_millis().saturating_add(LEEWAY_MS) <= now.as_millis() {
            return None;
        }
        if claims
            .nbf
            .is_some_and(|nbf| nbf.saturating_mul(1000) > now.as_millis().saturating_add(LEEWAY_MS))
        {
            return None;
        }
        let user = UserId::parse(&claims.sub).ok()?;
        Some(Principal {
            user,
            device: claims.device.map(DeviceId),
            expires: Some(expires),
        })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "sub", "aud"]);
        validation.set_audience(&[&self.audience]);
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".into());
        }
        // Time is an argument here, so it is compared here.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        self.verify(token, now).ok_or(AuthError::Refused)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    nbf: Option<u64>,
    device: Option<u64>,
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
    const NOW_S: u64 = 1_790_000_000;

    fn sign(header: &Header, claims: &Value, secret: &[u8]) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret))
            .expect("it can be signed")
    }

    fn claims() -> Value {
        json!({"sub": "anna", "exp": NOW_S + 60, "aud": "chat", "iss": "login"})
    }

    fn changed(field: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[field] = value;
        claims
    }

    fn without(field: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(field);
        claims
    }

    fn authenticator() -> JwtAuthenticator {
        JwtAuthenticator::new("chat")
            .with_issuer("login")
            .with_key(JwtKey::hs256(SECRET).expect("long enough"))
    }

    fn verify(claims: &Value) -> Option<Principal> {
        let token = sign(&Header::new(Algorithm::HS256), claims, SECRET);
        authenticator().verify(&token, Timestamp::from_millis(NOW_S * 1000))
    }

    #[test]
    fn a_valid_token_names_user_device_and_end() {
        let principal = verify(&changed("device", json!(3))).expect("valid");
        assert_eq!(principal.user, UserId::parse("anna").unwrap());
        assert_eq!(principal.device, Some(DeviceId(3)));
        assert_eq!(
            principal.expires,
            Some(Timestamp::from_millis((NOW_S + 60) * 1000))
        );
    }

    #[test]
    fn what_a_token_must_have_is_required() {
        for (claims, what) in [
            (without("exp"), "no exp"),
            (without("sub"), "no sub"),
            (without("aud"), "no aud"),
            (without("iss"), "no iss"),
            (changed("exp", json!(NOW_S - 31)), "expired"),
            (changed("nbf", json!(NOW_S + 31)), "not yet valid"),
            (changed("aud", json!("mail")), "another audience"),
            (changed("iss", json!("elsewhere")), "another issuer"),
            (changed("sub", json!("a/b")), "not a user id"),
            (changed("exp", json!(u64::MAX)), "an end beyond all time"),
        ] {
            assert_eq!(verify(&claims), None, "{what}");
        }
    }

    #[test]
    fn a_key_verifies_its_own_algorithm_only() {
        let now = Timestamp::from_millis(NOW_S * 1000);
        let token = sign(&Header::new(Algorithm::HS512), &claims(), SECRET);
        assert_eq!(authenticator().verify(&token, now), None);

        // alg "none", unsigned.
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIiwiZXhwIjoxNzkwMDAwMDYwLCJhdWQiOiJjaGF0IiwiaXNzIjoibG9naW4ifQ.";
        assert_eq!(authenticator().verify(unsigned, now), None);

        let other = sign(
            &Header::new(Algorithm::HS256),
            &claims(),
            b"another secret of thirty-two bytes!!",
        );
        assert_eq!(authenticator().verify(&other, now), None);
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let now = Timestamp::from_millis(NOW_S * 1000);
        let authenticator = JwtAuthenticator::new("chat")
            .with_key(JwtKey::hs256(SECRET).expect("long").with_id("new"));
        let named = |kid: &str| Header {
            kid: Some(kid.into()),
            ..Header::new(Algorithm::HS256)
        };
        assert!(
            authenticator
                .verify(&sign(&named("new"), &claims(), SECRET), now)
                .is_some()
        );
        assert!(
            authenticator
                .verify(&sign(&named("old"), &claims(), SECRET), now)
                .is_none()
        );
        assert!(
            authenticator
                .verify(
                    &sign(&Header::new(Algorithm::HS256), &claims(), SECRET),
                    now
                )
                .is_none()
        );
    }

    #[test]
    fn keys_that_prove_nothing_are_refused() {
        assert!(JwtKey::hs256(b"short").is_err());
        assert!(JwtKey::rs256(b"not a key").is_err());
        assert!(JwtKey::es256(b"not a key").is_err());
        assert!(JwtKey::eddsa(b"not a key").is_err());
    }
}
