//! Steps on accounts and tokens.

use messenger_core::store::{Account, NewAccount, TokenDigest, TokenRecord};
use messenger_core::time::DAY;

use super::pair::{Pair, both};

const NAMES: [&str; 5] = ["Anna", "ANNABEL", "ben", "Ärger", "ἀθήνα"];
const PREFIXES: [&str; 7] = ["", "a", "AN", "anna", "är", "Ἀ", "x"];

pub(super) async fn step(pair: &mut Pair) {
    match pair.rng.below(6) {
        0 => create(pair).await,
        1 => load(pair).await,
        2 => set_password(pair).await,
        3 => search(pair).await,
        4 => put_token(pair).await,
        _ => token(pair).await,
    }
}

async fn create(pair: &mut Pair) {
    let account = NewAccount {
        user: pair.user(),
        name: pair.rng.pick(&NAMES).to_owned(),
        password_hash: format!("hash {}", pair.rng.below(9)),
        now: pair.now,
    };
    let (reference, subject) = both!(pair.accounts);
    let a = reference.create(&account).await.unwrap();
    let b = subject.create(&account).await.unwrap();
    pair.same(
        format!("create {} named {}", account.user, account.name),
        &a,
        &b,
    );
}

async fn load(pair: &mut Pair) {
    let user = pair.user();
    let (reference, subject) = both!(pair.accounts);
    let a = reference.load(&user).await.unwrap();
    let b = subject.load(&user).await.unwrap();
    pair.same(format!("load {user}"), &a, &b);
}

async fn set_password(pair: &mut Pair) {
    let user = pair.user();
    let hash = format!("hash {}", pair.rng.below(9));
    let (reference, subject) = both!(pair.accounts);
    let a = reference.set_password(&user, &hash).await.unwrap();
    let b = subject.set_password(&user, &hash).await.unwrap();
    pair.same(format!("set password of {user}"), &a, &b);
}

async fn search(pair: &mut Pair) {
    let prefix = pair.rng.pick(&PREFIXES);
    let limit = usize::try_from(1 + pair.rng.below(4)).expect("it is small");
    let (reference, subject) = both!(pair.accounts);
    let a: Vec<Account> = reference.search(prefix, limit).await.unwrap();
    let b = subject.search(prefix, limit).await.unwrap();
    pair.same(format!("search {prefix:?}, at most {limit}"), &a, &b);
}

async fn put_token(pair: &mut Pair) {
    let digest = digest(pair);
    let record = (!pair.rng.once_in(3)).then(|| TokenRecord {
        user: pair.user(),
        device: None,
        issued: pair.now,
        expires: pair.now.plus(DAY),
    });
    let (reference, subject) = both!(pair.accounts);
    reference.put_token(digest, record.clone()).await.unwrap();
    subject.put_token(digest, record.clone()).await.unwrap();
    pair.did(format!("put token {} {record:?}", digest.0[0]));
}

async fn token(pair: &mut Pair) {
    let digest = digest(pair);
    let (reference, subject) = both!(pair.accounts);
    let a = reference.token(digest).await.unwrap();
    let b = subject.token(digest).await.unwrap();
    pair.same(format!("token {}", digest.0[0]), &a, &b);
}

fn digest(pair: &mut Pair) -> TokenDigest {
    let mut digest = [7; 32];
    digest[31] = u8::try_from(pair.rng.below(4)).expect("it is small");
    digest[0] = digest[31];
    TokenDigest(digest)
}
