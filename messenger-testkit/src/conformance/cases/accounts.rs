//! Accounts and tokens.

use std::time::Duration;

use messenger_core::id::{DeviceId, UserId};
use messenger_core::store::{Account, Accounts, NewAccount, TokenDigest, TokenRecord};

use super::case;
use crate::conformance::{Case, Ctx};
use crate::fixtures::{START, anna, ben, cleo, user};

pub(super) const CASES: &[Case] = &[
    case!(an_account_is_created_once, [Accounts], ["contract 1, User"]),
    case!(
        an_acknowledged_account_is_there_after_opening_again,
        [Accounts],
        ["contract 1, User"],
        reopens
    ),
    case!(
        a_created_account_is_loaded,
        [Accounts],
        ["contract 1, User"]
    ),
    case!(
        a_new_password_replaces_the_old,
        [Accounts],
        ["contract 1, User"]
    ),
    case!(
        people_are_found_by_a_prefix_of_id_or_name,
        [Accounts],
        ["contract 1, User"]
    ),
    case!(
        a_token_is_known_until_it_is_forgotten,
        [Accounts],
        ["SEC-4"]
    ),
    case!(an_unknown_token_has_no_user, [Accounts], ["SEC-4"]),
];

const TOKEN: TokenDigest = TokenDigest([0x5a; 32]);

async fn an_account_is_created_once(ctx: Ctx) {
    let accounts = ctx.accounts();
    assert!(accounts.create(&new(&anna(), "Anna")).await.unwrap());
    let again = NewAccount {
        password_hash: "another".to_owned(),
        ..new(&anna(), "Not Anna")
    };
    assert!(!accounts.create(&again).await.unwrap());
    assert!(!accounts.create(&new(&anna(), "Anna")).await.unwrap());
    assert!(
        accounts.create(&new(&user("Anna"), "Anna")).await.unwrap(),
        "ids compare as bytes"
    );
    let kept = accounts.load(&anna()).await.unwrap();
    assert!(
        kept == Some(account(&anna(), "Anna")),
        "the first one stays"
    );
}

async fn an_acknowledged_account_is_there_after_opening_again(mut ctx: Ctx) {
    let accounts = ctx.accounts();
    accounts.create(&new(&anna(), "Anna")).await.unwrap();
    accounts.create(&new(&ben(), "Ben")).await.unwrap();
    accounts.set_password(&ben(), "new").await.unwrap();
    let kept = record(&anna(), Some(DeviceId(3)));
    let forgotten = TokenDigest([1; 32]);
    for digest in [TOKEN, forgotten] {
        accounts
            .put_token(digest, Some(kept.clone()))
            .await
            .unwrap();
    }
    accounts.put_token(forgotten, None).await.unwrap();
    drop(accounts);

    ctx.open_again().await;

    let accounts = ctx.accounts();
    let loaded = accounts.load(&anna()).await.unwrap();
    assert!(loaded == Some(account(&anna(), "Anna")));
    let loaded = accounts.load(&ben()).await.unwrap();
    assert!(loaded.is_some_and(|account| account.password_hash == "new"));
    assert_eq!(accounts.token(TOKEN).await.unwrap(), Some(kept));
    assert_eq!(accounts.token(forgotten).await.unwrap(), None);
    assert!(!accounts.create(&new(&anna(), "Anna")).await.unwrap());
}

async fn a_created_account_is_loaded(ctx: Ctx) {
    let accounts = ctx.accounts();
    let name = "Анна 👩🏿‍🔬 שָׁלוֹם";
    accounts.create(&new(&anna(), name)).await.unwrap();
    accounts.create(&new(&ben(), "")).await.unwrap();
    let loaded = accounts.load(&anna()).await.unwrap();
    assert!(loaded == Some(account(&anna(), name)));
    let loaded = accounts.load(&ben()).await.unwrap();
    assert!(loaded == Some(account(&ben(), "")));
    assert!(accounts.load(&cleo()).await.unwrap().is_none());
}

async fn a_new_password_replaces_the_old(ctx: Ctx) {
    let accounts = ctx.accounts();
    for user in [anna(), ben()] {
        accounts.create(&new(&user, "somebody")).await.unwrap();
    }
    assert!(accounts.set_password(&anna(), "new").await.unwrap());
    assert!(!accounts.set_password(&cleo(), "new").await.unwrap());
    let expected = Account {
        password_hash: "new".to_owned(),
        ..account(&anna(), "somebody")
    };
    assert!(accounts.load(&anna()).await.unwrap() == Some(expected));
    let other = accounts.load(&ben()).await.unwrap();
    assert!(other == Some(account(&ben(), "somebody")));
    assert!(accounts.load(&cleo()).await.unwrap().is_none());
}

async fn people_are_found_by_a_prefix_of_id_or_name(ctx: Ctx) {
    let accounts = ctx.accounts();
    for (id, name) in [
        ("zoe", "Anna the second"),
        ("anna", "Zoe"),
        ("ANNIKA", "nobody"),
        ("ben", "Ärger mit Ben"),
        ("cleo", "שָׁלוֹם cleo"),
        ("banana", "does not begin so"),
    ] {
        accounts.create(&new(&user(id), name)).await.unwrap();
    }
    for (prefix, expected) in [
        ("ann", &["ANNIKA", "anna", "zoe"][..]),
        ("ANN", &["ANNIKA", "anna", "zoe"]),
        ("zoe", &["anna", "zoe"]),
        ("ärg", &["ben"]),
        ("ÄRG", &["ben"]),
        ("שָׁ", &["cleo"]),
        ("nana", &[]),
        ("%", &[]),
        ("annaa", &[]),
        ("", &["ANNIKA", "anna", "banana", "ben", "cleo", "zoe"]),
    ] {
        assert_eq!(found(&*accounts, prefix, 10).await, expected, "{prefix:?}");
    }
    assert_eq!(found(&*accounts, "ann", 2).await, ["ANNIKA", "anna"]);
}

async fn a_token_is_known_until_it_is_forgotten(ctx: Ctx) {
    let accounts = ctx.accounts();
    let other = TokenDigest([0xa5; 32]);
    let before = record(&anna(), None);
    accounts
        .put_token(TOKEN, Some(before.clone()))
        .await
        .unwrap();
    accounts
        .put_token(other, Some(before.clone()))
        .await
        .unwrap();
    assert_eq!(accounts.token(TOKEN).await.unwrap(), Some(before.clone()));

    let bound = record(&anna(), Some(DeviceId(3)));
    accounts
        .put_token(TOKEN, Some(bound.clone()))
        .await
        .unwrap();
    assert_eq!(accounts.token(TOKEN).await.unwrap(), Some(bound));

    accounts.put_token(TOKEN, None).await.unwrap();
    accounts.put_token(TOKEN, None).await.unwrap();
    assert_eq!(accounts.token(TOKEN).await.unwrap(), None);
    assert_eq!(accounts.token(other).await.unwrap(), Some(before));
}

async fn an_unknown_token_has_no_user(ctx: Ctx) {
    let accounts = ctx.accounts();
    assert_eq!(accounts.token(TOKEN).await.unwrap(), None);
    accounts
        .put_token(TOKEN, Some(record(&anna(), None)))
        .await
        .unwrap();
    let mut nearly = TOKEN;
    nearly.0[31] ^= 1;
    assert_eq!(accounts.token(nearly).await.unwrap(), None);
}

fn new(user: &UserId, name: &str) -> NewAccount {
    let account = account(user, name);
    NewAccount {
        user: account.user,
        name: account.name,
        password_hash: account.password_hash,
        now: account.created,
    }
}

fn account(user: &UserId, name: &str) -> Account {
    Account {
        user: user.clone(),
        name: name.to_owned(),
        password_hash: format!("$argon2id$of-{user}"),
        created: START,
    }
}

fn record(user: &UserId, device: Option<DeviceId>) -> TokenRecord {
    TokenRecord {
        user: user.clone(),
        device,
        issued: START,
        expires: START.plus(Duration::from_secs(3600)),
    }
}

async fn found(accounts: &dyn Accounts, prefix: &str, limit: usize) -> Vec<String> {
    let found = accounts
        .search(prefix, limit)
        .await
        .expect("people are searched");
    found
        .iter()
        .map(|account| account.user.to_string())
        .collect()
}
