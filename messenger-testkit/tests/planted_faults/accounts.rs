//! Faults of accounts and tokens.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use messenger_core::id::UserId;
use messenger_core::store::{Account, Accounts, NewAccount, StoreResult, TokenDigest, TokenRecord};
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    CreateOverwrites,
    CreateIgnoresCase,
    NamesAreAscii,
    PasswordStays,
    PasswordOfNobodyIsSet,
    SearchMindsTheCase,
    SearchFindsTheMiddle,
    SearchIgnoresNames,
    SearchIgnoresItsLimit,
    SearchIsInOrderOfNames,
    TokensAreNeverForgotten,
    TokenKeepsItsFirstRecord,
    TokensAreComparedInPart,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    CreateOverwrites,
    CreateIgnoresCase,
    NamesAreAscii,
    PasswordStays,
    PasswordOfNobodyIsSet,
    SearchMindsTheCase,
    SearchFindsTheMiddle,
    SearchIgnoresNames,
    SearchIgnoresItsLimit,
    SearchIsInOrderOfNames,
    TokensAreNeverForgotten,
    TokenKeepsItsFirstRecord,
    TokensAreComparedInPart,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Accounts, ALL, |parts, wrong| {
        let inner = parts.accounts.take().expect("memory has it");
        let last = Mutex::default();
        parts.accounts = Some(Arc::new(Book { inner, wrong, last }));
    })
}

struct Book {
    inner: Arc<dyn Accounts>,
    wrong: Wrong,
    /// The last account that somebody tried to create.
    last: Mutex<Option<Account>>,
}

#[async_trait]
impl Accounts for Book {
    async fn create(&self, account: &NewAccount) -> StoreResult<bool> {
        let mut account = account.clone();
        match self.wrong {
            CreateIgnoresCase => {
                let lower = account.user.as_str().to_lowercase();
                account.user = messenger_testkit::fixtures::user(&lower);
            }
            NamesAreAscii => account.name.retain(|c| c.is_ascii()),
            _ => {}
        }
        let created = Account {
            user: account.user.clone(),
            name: account.name.clone(),
            password_hash: account.password_hash.clone(),
            created: account.now,
        };
        *self.last.lock().expect("no fault panics") = Some(created);
        let created = self.inner.create(&account).await?;
        Ok(created || self.wrong == CreateOverwrites)
    }

    async fn load(&self, user: &UserId) -> StoreResult<Option<Account>> {
        if self.wrong == CreateOverwrites {
            let last = self.last.lock().expect("no fault panics").clone();
            return Ok(last.filter(|last| last.user == *user));
        }
        self.inner.load(user).await
    }

    async fn set_password(&self, user: &UserId, password_hash: &str) -> StoreResult<bool> {
        match self.wrong {
            PasswordStays => Ok(self.inner.load(user).await?.is_some()),
            PasswordOfNobodyIsSet => {
                self.inner.set_password(user, password_hash).await?;
                Ok(true)
            }
            _ => self.inner.set_password(user, password_hash).await,
        }
    }

    async fn search(&self, prefix: &str, limit: usize) -> StoreResult<Vec<Account>> {
        let mut found = self.inner.search(prefix, limit).await?;
        match self.wrong {
            SearchMindsTheCase => found.retain(|account| {
                account.user.as_str().starts_with(prefix) || account.name.starts_with(prefix)
            }),
            SearchFindsTheMiddle => {
                let all = self.inner.search("", usize::MAX).await?;
                found = all
                    .into_iter()
                    .filter(|account| account.user.as_str().contains(prefix))
                    .take(limit)
                    .collect();
            }
            SearchIgnoresNames => {
                let prefix = prefix.to_lowercase();
                found.retain(|account| {
                    let user = account.user.as_str().to_lowercase();
                    user.starts_with(&prefix)
                });
            }
            SearchIgnoresItsLimit => found = self.inner.search(prefix, usize::MAX).await?,
            SearchIsInOrderOfNames => found.sort_by(|a, b| a.name.cmp(&b.name)),
            _ => {}
        }
        Ok(found)
    }

    async fn put_token(&self, digest: TokenDigest, record: Option<TokenRecord>) -> StoreResult<()> {
        let digest = self.twisted(digest);
        match self.wrong {
            TokensAreNeverForgotten if record.is_none() => return Ok(()),
            TokenKeepsItsFirstRecord if self.inner.token(digest).await?.is_some() => return Ok(()),
            _ => {}
        }
        self.inner.put_token(digest, record).await
    }

    async fn token(&self, digest: TokenDigest) -> StoreResult<Option<TokenRecord>> {
        self.inner.token(self.twisted(digest)).await
    }
}

impl Book {
    fn twisted(&self, mut digest: TokenDigest) -> TokenDigest {
        if self.wrong == TokensAreComparedInPart {
            digest.0[16..].fill(0);
        }
        digest
    }
}
