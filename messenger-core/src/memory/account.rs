//! Accounts and tokens in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::id::UserId;
use crate::store::{Account, Accounts, NewAccount, StoreResult, TokenDigest, TokenRecord};

use super::{Memory, locked};

#[async_trait]
impl Accounts for Memory {
    async fn create(&self, account: &NewAccount) -> StoreResult<bool> {
        let mut book = locked(&self.shared.accounts);
        if book.accounts.contains_key(&account.user) {
            return Ok(false);
        }
        let created = Account {
            user: account.user.clone(),
            name: account.name.clone(),
            password_hash: account.password_hash.clone(),
            created: account.now,
        };
        book.accounts.insert(account.user.clone(), created);
        Ok(true)
    }

    async fn load(&self, user: &UserId) -> StoreResult<Option<Account>> {
        Ok(locked(&self.shared.accounts).accounts.get(user).cloned())
    }

    async fn set_password(&self, user: &UserId, password_hash: &str) -> StoreResult<bool> {
        let mut book = locked(&self.shared.accounts);
        let account = book.accounts.get_mut(user);
        let known = account.map(|account| password_hash.clone_into(&mut account.password_hash));
        Ok(known.is_some())
    }

    async fn search(&self, prefix: &str, limit: usize) -> StoreResult<Vec<Account>> {
        let prefix = prefix.to_lowercase();
        let begins = |text: &str| text.to_lowercase().starts_with(&prefix);
        let book = locked(&self.shared.accounts);
        Ok(book
            .accounts
            .values()
            .filter(|account| begins(account.user.as_str()) || begins(&account.name))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn put_token(&self, digest: TokenDigest, record: Option<TokenRecord>) -> StoreResult<()> {
        let mut book = locked(&self.shared.accounts);
        match record {
            Some(record) => book.tokens.insert(digest, record),
            None => book.tokens.remove(&digest),
        };
        Ok(())
    }

    async fn token(&self, digest: TokenDigest) -> StoreResult<Option<TokenRecord>> {
        Ok(locked(&self.shared.accounts).tokens.get(&digest).cloned())
    }
}

/// All accounts and tokens.
#[derive(Clone, Default)]
pub(super) struct AccountBook {
    accounts: BTreeMap<UserId, Account>,
    tokens: BTreeMap<TokenDigest, TokenRecord>,
}
