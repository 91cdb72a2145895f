//! The embedded accounts: passwords, opaque tokens, people. An integrator with accounts of its own needs none of this.
//!
//! ```text
//!   sign up ──► hash (argon2id) ──► Accounts.create
//!   log in ──► attempts left, of the account and of the address? ──► verify ──► token: 32 random bytes
//!                                                                               └► only its digest is stored
//!   hello{token} ──► digest ──► Accounts.token ──► not expired? ──► Principal
//! ```
//!
//! Hashing costs 19 MiB and some 20 ms, so it runs beside the runtime, few at a time, and a log-in that has to wait too
//! long is told so.

mod attempts;
mod config;
mod password;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messenger_core::error::StoreError;
use messenger_core::id::{DeviceId, UserId};
use messenger_core::store::{
    Account, Accounts, AuthError, Authenticator, NewAccount, Principal, TokenRecord,
};
use messenger_core::time::Timestamp;

pub use config::{AccountsConfig, Signup};

use attempts::LoginAttempts;
use password::Passwords;

/// Names for display are this long at most, in bytes.
const NAME_MAX_BYTES: usize = 128;

/// Why an account could not be made, changed or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// [`Signup::Off`].
    #[error("new accounts are made by the operator")]
    SignupOff,
    /// The id belongs, or belonged, to somebody.
    #[error("the user id is taken")]
    Taken,
    /// A field breaks its rule.
    #[error("{field} {rule}")]
    BadField {
        /// The field.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
        /// The limit that it breaks, if it is one.
        limit: Option<u64>,
    },
    /// User and password do not belong together; or the token is not valid.
    #[error("user or password is wrong")]
    Refused,
    /// Too many attempts of this account or address.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When the next one is looked at.
        retry_after: Duration,
    },
    /// More passwords wait to be checked than can be in a reasonable time.
    #[error("too many log-ins at once")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A successful log-in.
#[derive(Clone)]
pub struct Login {
    /// What the client shows from now on; it is nowhere stored in this form.
    pub token: String,
    /// Who logged in.
    pub user: UserId,
    /// The name for display.
    pub name: String,
    /// When the token ends.
    pub expires: Timestamp,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Accounts with passwords over a store; also the [`Authenticator`] of the tokens that it gives out.
///
/// # Examples
///
/// ```
/// use messenger_core::id::{Epoch, UserId};
/// use messenger_core::memory::Memory;
/// use messenger_core::store::Authenticator;
/// use messenger_core::time::Timestamp;
/// use messenger_ws::{AccountsConfig, AccountsService};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let store = std::sync::Arc::new(Memory::new(Epoch(1)));
/// let accounts = AccountsService::new(store, AccountsConfig::default());
/// let anna = UserId::parse("anna")?;
/// let now = Timestamp::from_millis(1_790_000_000_000);
///
/// accounts.create(&anna, "Anna", "correct horse", now).await?;
/// let login = accounts.log_in("anna", "correct horse", Some("192.0.2.1".parse()?), now).await?;
///
/// let principal = accounts.authenticate(&login.token, now).await?;
/// assert_eq!(principal.user, anna);
/// # Ok(())
/// # }
/// ```
pub struct AccountsService {
    store: Arc<dyn Accounts>,
    config: AccountsConfig,
    passwords: Passwords,
    attempts: LoginAttempts,
}

impl fmt::Debug for AccountsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsService")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl AccountsService {
    /// Makes the service of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Accounts>, config: AccountsConfig) -> Self {
        let passwords = Passwords::new(
            config.hashing_at_once,
            Duration::from_millis(config.hashing_wait_ms),
        );
        let attempts = LoginAttempts::new(&config);
        Self {
            store,
            config,
            passwords,
            attempts,
        }
    }

    /// Returns the store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Accounts> {
        &self.store
    }

    /// Makes an account on behalf of the person that it is for.
    ///
    /// # Errors
    ///
    /// [`AccountsError::SignupOff`], [`AccountsError::TooManyAttempts`] of the address, and those of
    /// [`create`](Self::create).
    pub async fn sign_up(
        &self,
        user: &str,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<UserId, AccountsError> {
        match self.config.signup {
            Signup::Off => return Err(AccountsError::SignupOff),
            Signup::Open => {}
        }
        let user = parse_user(user)?;
        self.attempts.take_of_address(address, now)?;
        self.create(&user, name, password, now).await?;
        Ok(user)
    }

    /// Makes an account on behalf of the operator: whatever `signup` says, and without a limit of attempts.
    ///
    /// # Errors
    ///
    /// [`AccountsError::BadField`], [`AccountsError::Taken`], or that of the store.
    pub async fn create(
        &self,
        user: &UserId,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<(), AccountsError> {
        let name = check_name(name)?;
        self.check_new_password(password)?;
        if self.store.load(user).await?.is_some() {
            return Err(AccountsError::Taken);
        }
        let password_hash = self.passwords.hash(password).await?;
        let account = NewAccount {
            user: user.clone(),
            name: name.to_owned(),
            password_hash,
            now,
        };
        if self.store.create(&account).await? {
            Ok(())
        } else {
            Err(AccountsError::Taken)
        }
    }

    /// Gives out a token for user and password.
    ///
    /// An unknown user takes as long as a wrong password and is answered alike.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Refused`], [`AccountsError::TooManyAttempts`], [`AccountsError::Busy`], or that of the store.
    pub async fn log_in(
        &self,
        user: &str,
        password: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Login, AccountsError> {
        // What cannot be a user id is nobody; saying more would help nobody but an attacker.
        let user = UserId::parse(user).map_err(|_| AccountsError::Refused)?;
        let account = self.verified(&user, password, address, now).await?;
        self.mint(&account.user, now)
            .await
            .map(|(token, expires)| Login {
                token,
                user: account.user,
                name: account.name,
                expires,
            })
    }

    /// Replaces a password, given the old one.
    ///
    /// # Errors
    ///
    /// As [`log_in`](Self::log_in), and [`AccountsError::BadField`] for the new password.
    pub async fn change_password(
        &self,
        user: &UserId,
        old: &str,
        new: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AccountsError> {
        self.check_new_password(new)?;
        self.verified(user, old, address, now).await?;
        self.set_password(user, new).await
    }

    /// Replaces a password on behalf of the operator.
    ///
    /// # Errors
    ///
    /// [`AccountsError::BadField`], [`AccountsError::Refused`] if there is no such user, or that of the store.
    pub async fn set_password(&self, user: &UserId, new: &str) -> Result<(), AccountsError> {
        self.check_new_password(new)?;
        let hash = self.passwords.hash(new).await?;
        if self.store.set_password(user, &hash).await? {
            Ok(())
        } else {
            Err(AccountsError::Refused)
        }
    }

    /// Gives out a token without a password, on behalf of the operator; answers it with its end.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn mint(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<(String, Timestamp), AccountsError> {
        let token = token::generate();
        let expires = now.plus(self.config.token_lifetime());
        let record = TokenRecord {
            user: user.clone(),
            device: None,
            issued: now,
            expires,
        };
        self.store
            .put_token(token::digest(&token), Some(record))
            .await?;
        Ok((token, expires))
    }

    /// Binds a token to the device that was registered with it.
    ///
    /// # Errors
    ///
    /// [`AccountsError::Refused`] if the token is not valid, or bound to another device, or that of the store.
    pub async fn bind(
        &self,
        token: &str,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<(), AccountsError> {
        let digest = token::digest(token);
        let record = self
            .store
            .token(digest)
            .await?
            .filter(|record| record.expires > now);
        match record {
            Some(record) if record.device.is_none() => {
                let bound = TokenRecord {
                    device: Some(device),
                    ..record
                };
                Ok(self.store.put_token(digest, Some(bound)).await?)
            }
            Some(record) if record.device == Some(device) => Ok(()),
            Some(_) | None => Err(AccountsError::Refused),
        }
    }

    /// Forgets a token.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn log_out(&self, token: &str) -> Result<(), AccountsError> {
        Ok(self.store.put_token(token::digest(token), None).await?)
    }

    /// Returns the account whose password this is.
    async fn verified(
        &self,
        user: &UserId,
        password: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Account, AccountsError> {
        self.attempts.take(user, address, now)?;
        let account = self.store.load(user).await?;
        let hash = account
            .as_ref()
            .map(|account| account.password_hash.clone());
        let matches = password.len() <= self.config.password_max_bytes
            && self.passwords.verify(password, hash).await?;
        match account {
            Some(account) if matches => {
                self.attempts.give_back(user, address, now);
                Ok(account)
            }
            Some(_) | None => Err(AccountsError::Refused),
        }
    }

    fn check_new_password(&self, password: &str) -> Result<(), AccountsError> {
        let (min, max) = (
            self.config.password_min_chars,
            self.config.password_max_bytes,
        );
        if password.chars().count() < min {
            let rule = "must have at least `limit` characters";
            return Err(AccountsError::BadField {
                field: "password",
                rule,
                limit: Some(min as u64),
            });
        }
        if password.len() > max {
            let rule = "must have at most `limit` bytes";
            return Err(AccountsError::BadField {
                field: "password",
                rule,
                limit: Some(max as u64),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Authenticator for AccountsService {
    async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        let record = self
            .store
            .token(token::digest(token))
            .await
            .map_err(|error| {
                tracing::warn!(%error, "tokens cannot be looked up");
                AuthError::Unavailable
            })?;
        match record {
            Some(record) if record.expires > now => Ok(Principal {
                user: record.user,
                device: record.device,
                expires: Some(record.expires),
            }),
            Some(_) | None => Err(AuthError::Refused),
        }
    }
}

fn parse_user(user: &str) -> Result<UserId, AccountsError> {
    UserId::parse(user).map_err(|_| AccountsError::BadField {
        field: "user",
        rule: "must be 1 to `limit` visible ASCII characters without `/`",
        limit: Some(64),
    })
}

fn check_name(name: &str) -> Result<&str, AccountsError> {
    let name = name.trim();
    if name.is_empty() || name.len() > NAME_MAX_BYTES || name.chars().any(char::is_control) {
        let rule = "must be 1 to `limit` bytes without control characters";
        return Err(AccountsError::BadField {
            field: "name",
            rule,
            limit: Some(NAME_MAX_BYTES as u64),
        });
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
