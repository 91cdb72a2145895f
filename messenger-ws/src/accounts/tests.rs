//! The accounts over the memory store.

use messenger_core::id::Epoch;
use messenger_core::memory::Memory;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

fn service(config: AccountsConfig) -> AccountsService {
    AccountsService::new(Arc::new(Memory::new(Epoch(1))), config)
}

async fn with_anna() -> AccountsService {
    let service = service(AccountsConfig::default());
    service
        .create(&user("anna"), "Anna", "correct horse", NOW)
        .await
        .expect("she is new");
    service
}

fn user(id: &str) -> UserId {
    UserId::parse(id).expect("a user id")
}

#[tokio::test]
async fn a_login_gives_a_token_that_is_stored_as_a_digest_only() {
    let service = with_anna().await;
    let login = service
        .log_in("anna", "correct horse", HOME, NOW)
        .await
        .expect("the password is right");
    let principal = service
        .authenticate(&login.token, NOW)
        .await
        .expect("the token is fresh");
    assert_eq!((principal.user, principal.device), (user("anna"), None));
    assert_eq!(principal.expires, Some(login.expires));
    assert!(!format!("{login:?}").contains(&login.token));
    assert_ne!(
        token::digest(&login.token).0.as_slice(),
        login.token.as_bytes()
    );
}

#[tokio::test]
async fn a_token_ends_with_its_time_or_its_logout() {
    let service = with_anna().await;
    let (token, expires) = service
        .mint(&user("anna"), NOW)
        .await
        .expect("memory has room");
    assert_eq!(
        service.authenticate(&token, expires).await,
        Err(AuthError::Refused)
    );
    assert!(service.authenticate(&token, NOW).await.is_ok());
    service.log_out(&token).await.expect("it is there");
    assert_eq!(
        service.authenticate(&token, NOW).await,
        Err(AuthError::Refused)
    );
}

#[tokio::test]
async fn a_bound_token_is_good_for_one_device() {
    let service = with_anna().await;
    let (token, _) = service
        .mint(&user("anna"), NOW)
        .await
        .expect("memory has room");
    service
        .bind(&token, DeviceId(7), NOW)
        .await
        .expect("it is free");
    service
        .bind(&token, DeviceId(7), NOW)
        .await
        .expect("it is bound to the same");
    assert!(matches!(
        service.bind(&token, DeviceId(8), NOW).await,
        Err(AccountsError::Refused)
    ));
    assert_eq!(
        service
            .authenticate(&token, NOW)
            .await
            .expect("valid")
            .device,
        Some(DeviceId(7))
    );
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_are_answered_alike() {
    let service = with_anna().await;
    for (user, password) in [
        ("anna", "wrong"),
        ("nobody", "correct horse"),
        ("not a user id", "x"),
        ("anna", ""),
    ] {
        let refused = service.log_in(user, password, HOME, NOW).await;
        assert!(
            matches!(refused, Err(AccountsError::Refused)),
            "{user}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn failed_logins_are_limited_even_for_the_right_password() {
    let config = AccountsConfig {
        attempts_per_account: 1,
        ..AccountsConfig::default()
    };
    let service = service(config);
    service
        .create(&user("anna"), "Anna", "correct horse", NOW)
        .await
        .expect("she is new");
    assert!(matches!(
        service.log_in("anna", "wrong", HOME, NOW).await,
        Err(AccountsError::Refused)
    ));
    let limited = service.log_in("anna", "correct horse", HOME, NOW).await;
    assert!(
        matches!(limited, Err(AccountsError::TooManyAttempts { .. })),
        "{limited:?}"
    );
    let later = NOW.plus(Duration::from_secs(30));
    assert!(
        service
            .log_in("anna", "correct horse", HOME, later)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_changed_password_replaces_the_old() {
    let service = with_anna().await;
    let anna = user("anna");
    assert!(matches!(
        service
            .change_password(&anna, "wrong", "battery staple", HOME, NOW)
            .await,
        Err(AccountsError::Refused)
    ));
    service
        .change_password(&anna, "correct horse", "battery staple", HOME, NOW)
        .await
        .expect("the old one is right");
    assert!(
        service
            .log_in("anna", "correct horse", HOME, NOW)
            .await
            .is_err()
    );
    assert!(
        service
            .log_in("anna", "battery staple", HOME, NOW)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn signing_up_is_off_by_default_and_judged_when_open() {
    let off = service(AccountsConfig::default());
    assert!(matches!(
        off.sign_up("ben", "Ben", "long enough", HOME, NOW).await,
        Err(AccountsError::SignupOff)
    ));

    let open = service(AccountsConfig {
        signup: Signup::Open,
        ..AccountsConfig::default()
    });
    let long = "x".repeat(300);
    for (id, name, password, wrong) in [
        ("b/n", "Ben", "long enough", "user"),
        ("", "Ben", "long enough", "user"),
        ("ben", " ", "long enough", "name"),
        ("ben", "B\u{7}n", "long enough", "name"),
        ("ben", "Ben", "short", "password"),
        ("ben", "Ben", &long, "password"),
    ] {
        match open.sign_up(id, name, password, HOME, NOW).await {
            Err(AccountsError::BadField { field, .. }) => assert_eq!(field, wrong),
            other => panic!("{id:?} {name:?}: {other:?}"),
        }
    }
    assert_eq!(
        open.sign_up("ben", "Ben", "long enough", HOME, NOW)
            .await
            .expect("he is new"),
        user("ben")
    );
    let again = open.sign_up("ben", "Ben", "long enough", HOME, NOW).await;
    assert!(matches!(again, Err(AccountsError::Taken)));
}
