//! Accounts and tokens as `Accounts`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use messenger_core::id::UserId;
use messenger_core::store::{Account, Accounts, NewAccount, StoreResult, TokenDigest, TokenRecord};

use super::{Stores, from_cbor, to_cbor};
use crate::bytes::Malformed;
use crate::fault::Fault;
use crate::keys;
use crate::state::Transaction;

#[async_trait]
impl Accounts for Stores {
    async fn create(&self, account: &NewAccount) -> StoreResult<bool> {
        self.step("create", |engine| {
            let mut state = engine.state.begin();
            let key = keys::account(&account.user);
            if state.get(&key)?.is_some() {
                return Ok((false, state.commit(&engine.log, &[])?));
            }
            let stored = Account {
                user: account.user.clone(),
                name: account.name.clone(),
                password_hash: account.password_hash.clone(),
                created: account.now,
            };
            state.put(key, to_cbor(&stored));
            for text in [account.name.as_str(), account.user.as_str()] {
                state.put(keys::account_name(text, &account.user), Vec::new());
            }
            Ok((true, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn load(&self, user: &UserId) -> StoreResult<Option<Account>> {
        self.step("load account", |engine| {
            let mut state = engine.state.begin();
            let account = account(&mut state, user)?;
            Ok((account, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn set_password(&self, user: &UserId, password_hash: &str) -> StoreResult<bool> {
        self.step("set_password", |engine| {
            let mut state = engine.state.begin();
            let Some(mut account) = account(&mut state, user)? else {
                return Ok((false, state.commit(&engine.log, &[])?));
            };
            account.password_hash = password_hash.to_owned();
            state.put(keys::account(user), to_cbor(&account));
            Ok((true, state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn search(&self, prefix: &str, limit: usize) -> StoreResult<Vec<Account>> {
        self.step("search", |engine| {
            let (names, cycle) = engine.state.under(&keys::account_names(prefix))?;
            let mut users = BTreeSet::new();
            for (key, _) in &names {
                let user = keys::last_part(key).and_then(|text| UserId::parse(text).ok());
                users.insert(user.ok_or(Malformed("account name"))?);
            }
            let mut state = engine.state.begin();
            let mut found = Vec::with_capacity(limit.min(users.len()));
            for user in users.iter().take(limit) {
                found.extend(account(&mut state, user)?);
            }
            Ok((found, cycle.max(state.commit(&engine.log, &[])?)))
        })
        .await
    }

    async fn put_token(&self, digest: TokenDigest, record: Option<TokenRecord>) -> StoreResult<()> {
        self.step("put_token", |engine| {
            let mut state = engine.state.begin();
            match record {
                Some(record) => state.put(keys::token(digest), to_cbor(&record)),
                None => state.remove(keys::token(digest)),
            }
            Ok(((), state.commit(&engine.log, &[])?))
        })
        .await
    }

    async fn token(&self, digest: TokenDigest) -> StoreResult<Option<TokenRecord>> {
        self.step("token", |engine| {
            let mut state = engine.state.begin();
            let value = state.get(&keys::token(digest))?;
            let record = value.map(|value| from_cbor(&value, "token")).transpose()?;
            Ok((record, state.commit(&engine.log, &[])?))
        })
        .await
    }
}

fn account(state: &mut Transaction<'_>, user: &UserId) -> Result<Option<Account>, Fault> {
    let value = state.get(&keys::account(user))?;
    Ok(value
        .map(|value| from_cbor(&value, "account"))
        .transpose()?)
}
