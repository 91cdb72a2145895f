//! Password hashes: argon2id beside the runtime, few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use messenger_core::error::{StoreError, StoreErrorKind};
use tokio::sync::Semaphore;

use super::AccountsError;

/// Hashes passwords and checks them.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    wait: Duration,
}

impl Passwords {
    pub(super) fn new(at_once: usize, wait: Duration) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once.max(1))),
            wait,
        }
    }

    /// Returns the hash of a password as a PHC string with a salt of its own.
    pub(super) async fn hash(&self, password: &str) -> Result<String, AccountsError> {
        let password = password.to_owned();
        self.in_turn(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash: PasswordHash| hash.to_string())
        })
        .await?
        .map_err(|error| {
            StoreError::new(StoreErrorKind::Unavailable, "hash a password")
                .with_source(error)
                .into()
        })
    }

    /// Returns whether a password belongs to a hash; without a hash it takes as long and says no.
    pub(super) async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, AccountsError> {
        let password = password.to_owned();
        self.in_turn(move || match hash {
            Some(hash) => Argon2::default()
                .verify_password(password.as_bytes(), hash.as_str())
                .is_ok(),
            None => {
                let _: Result<PasswordHash, _> =
                    Argon2::default().hash_password(password.as_bytes());
                false
            }
        })
        .await
    }

    async fn in_turn<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, AccountsError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_elapsed| AccountsError::Busy)?
            .expect("the semaphore is never closed");
        // The turn goes with the work, not with the caller: a caller that goes away frees no thread.
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        worked.await.map_err(|_panicked| AccountsError::Busy)
    }
}
