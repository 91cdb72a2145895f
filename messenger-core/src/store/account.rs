//! The accounts of the embedded identity service; an integrator with accounts of its own needs none of this.

use async_trait::async_trait;

use crate::id::{DeviceId, UserId};
use crate::time::Timestamp;

use super::StoreResult;

/// Accounts with passwords, and opaque tokens.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Creates an account, unless the id is taken or was ever deleted; true when created.
    ///
    /// # Contract
    /// - `an_account_is_created_once` (contract 1, User)
    /// - `an_acknowledged_account_is_there_after_opening_again` (contract 1, User)
    async fn create(&self, account: &NewAccount) -> StoreResult<bool>;

    /// The account of a user.
    ///
    /// # Contract
    /// - `a_created_account_is_loaded` (contract 1, User)
    async fn load(&self, user: &UserId) -> StoreResult<Option<Account>>;

    /// Replaces the password hash; false when there is no such account.
    ///
    /// # Contract
    /// - `a_new_password_replaces_the_old` (contract 1, User)
    async fn set_password(&self, user: &UserId, password_hash: &str) -> StoreResult<bool>;

    /// Accounts whose id or name begins with `prefix`, whatever the case, by id.
    ///
    /// # Contract
    /// - `people_are_found_by_a_prefix_of_id_or_name` (contract 1, User)
    async fn search(&self, prefix: &str, limit: usize) -> StoreResult<Vec<Account>>;

    /// Keeps a token by its digest; or, with `None`, forgets it.
    ///
    /// # Contract
    /// - `a_token_is_known_until_it_is_forgotten` (SEC-4)
    async fn put_token(&self, digest: TokenDigest, record: Option<TokenRecord>) -> StoreResult<()>;

    /// The user and device of a token.
    ///
    /// # Contract
    /// - `an_unknown_token_has_no_user` (SEC-4)
    async fn token(&self, digest: TokenDigest) -> StoreResult<Option<TokenRecord>>;
}

/// An account to be created.
#[derive(Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The user id.
    pub user: UserId,
    /// The name for display.
    pub name: String,
    /// The password, hashed in PHC string format.
    pub password_hash: String,
    /// When.
    pub now: Timestamp,
}

/// An account.
#[derive(Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Account {
    /// The user id.
    #[n(0)]
    pub user: UserId,
    /// The name for display.
    #[n(1)]
    pub name: String,
    /// The password, hashed in PHC string format.
    #[n(2)]
    pub password_hash: String,
    /// When it was created.
    #[n(3)]
    pub created: Timestamp,
}

/// The SHA-256 or BLAKE3 digest of a token: the token itself is never stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest(pub [u8; 32]);

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TokenRecord {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The device that the token is bound to, once it has registered one.
    #[n(1)]
    pub device: Option<DeviceId>,
    /// When it was issued.
    #[n(2)]
    pub issued: Timestamp,
    /// When it ends.
    #[n(3)]
    pub expires: Timestamp,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}
