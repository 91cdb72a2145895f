//! Who is who: the accounts in the data folder, or the JWTs of an integrator.
//!
//! ```text
//! auth.mode = "accounts" ──► AccountsService: log-in with a password ──► opaque token ──► Principal
//! auth.mode = "jwt" ───────► JwtAuthenticator: whoever brings a signed token is its `sub`
//! ```

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use messenger::core::id::UserId;
use messenger::core::store::{Accounts, AllowAll, Authenticator, Backend, Policy};
use messenger::ws::{AccountsService, JwtAuthenticator, JwtKey};

use crate::config::{self, AuthMode, Config, JwtAlgorithm};
use crate::exit::{Exit, Failure};

/// How this server knows its users.
#[derive(Clone)]
pub enum Identity {
    /// By the accounts in its data folder.
    Accounts(Arc<AccountsService>),
    /// By tokens that others sign.
    Jwt(Arc<JwtAuthenticator>),
}

impl Identity {
    /// Sets up what the configuration says over the accounts of a store.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the setting and the file if a key cannot be read or used.
    pub fn new(config: &Config, backend: &Backend) -> Result<Self, Failure> {
        match config.auth.mode {
            AuthMode::Accounts => {
                let store = backend
                    .accounts
                    .clone()
                    .expect("the embedded store keeps accounts");
                Ok(Self::Accounts(Arc::new(AccountsService::new(
                    store,
                    config.accounts.clone(),
                ))))
            }
            AuthMode::Jwt => {
                let audience = config
                    .auth
                    .audience
                    .clone()
                    .expect("the configuration was checked");
                let mut authenticator = JwtAuthenticator::new(audience);
                if let Some(issuer) = &config.auth.issuer {
                    authenticator = authenticator.with_issuer(issuer);
                }
                for (at, key) in config.auth.jwt_keys.iter().enumerate() {
                    authenticator = authenticator.with_key(read_key(at, key)?);
                }
                Ok(Self::Jwt(Arc::new(authenticator)))
            }
        }
    }

    /// Returns the accounts, if this server keeps them.
    pub fn accounts(&self) -> Option<&Arc<AccountsService>> {
        match self {
            Self::Accounts(accounts) => Some(accounts),
            Self::Jwt(_) => None,
        }
    }

    /// Returns what turns a token into a principal.
    pub fn authenticator(&self) -> Arc<dyn Authenticator> {
        match self {
            Self::Accounts(accounts) => Arc::clone(accounts) as Arc<dyn Authenticator>,
            Self::Jwt(authenticator) => Arc::clone(authenticator) as Arc<dyn Authenticator>,
        }
    }

    /// Returns who may write to whom: everybody to every account; with JWTs nobody here knows who exists.
    pub fn policy(&self) -> Arc<dyn Policy> {
        match self {
            Self::Accounts(accounts) => Arc::new(AccountsExist(Arc::clone(accounts.store()))),
            Self::Jwt(_) => Arc::new(AllowAll),
        }
    }
}

/// Everybody may write to everybody who has an account.
struct AccountsExist(Arc<dyn Accounts>);

#[async_trait]
impl Policy for AccountsExist {
    async fn may_contact(&self, _: &UserId, other: &UserId) -> bool {
        match self.0.load(other).await {
            Ok(account) => account.is_some(),
            Err(error) => {
                tracing::warn!(%error, "accounts cannot be looked up");
                false
            }
        }
    }
}

fn read_key(at: usize, key: &config::JwtKey) -> Result<JwtKey, Failure> {
    let refused = |reason: String| {
        Failure::new(
            Exit::Usage,
            format!("auth.jwt_keys[{at}].file: {}: {reason}", key.file.display()),
        )
    };
    let bytes = fs::read(&key.file).map_err(|error| refused(error.to_string()))?;
    let parsed = match key.algorithm {
        JwtAlgorithm::HS256 => JwtKey::hs256(&bytes),
        JwtAlgorithm::RS256 => JwtKey::rs256(&bytes),
        JwtAlgorithm::ES256 => JwtKey::es256(&bytes),
        JwtAlgorithm::EdDSA => JwtKey::eddsa(&bytes),
    };
    let parsed = parsed.map_err(|error| refused(error.to_string()))?;
    Ok(match &key.id {
        Some(id) => parsed.with_id(id),
        None => parsed,
    })
}
