//! Password hashes and tokens of the accounts in the data folder.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use messenger::core::error::{StoreError, StoreErrorKind};
use messenger::core::id::UserId;
use messenger::core::store::{Accounts, TokenDigest, TokenRecord};
use messenger::core::time::Timestamp;

use crate::secret::Secret;

/// How long a token for a program is good.
const TOKEN_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Groups of four characters of a token: 160 bits.
const TOKEN_GROUPS: usize = 8;

/// Hashes a password with argon2id, in PHC string format.
///
/// # Errors
///
/// Returns a text if the system has no random bytes for the salt.
pub fn hash(password: &Secret) -> Result<String, String> {
    Argon2::default()
        .hash_password(password.reveal().as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| format!("the password cannot be hashed: {error}"))
}

/// Issues a token for a program that connects as this user.
///
/// # Errors
///
/// Returns the error of the store.
pub async fn mint(
    accounts: &Arc<dyn Accounts>,
    user: &UserId,
    now: Timestamp,
) -> Result<Secret, StoreError> {
    let token = Secret::random(TOKEN_GROUPS).map_err(|failure| {
        StoreError::new(StoreErrorKind::Unavailable, "mint").with_source(failure)
    })?;
    let digest = TokenDigest(*blake3::hash(token.reveal().as_bytes()).as_bytes());
    let record = TokenRecord {
        user: user.clone(),
        device: None,
        issued: now,
        expires: now.plus(TOKEN_LIFE),
    };
    accounts.put_token(digest, Some(record)).await?;
    Ok(token)
}
