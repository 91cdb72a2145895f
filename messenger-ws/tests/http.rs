//! The embedded accounts, devices, blocks and health over real sockets.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::{Answer, request, start};
use messenger_core::id::{Epoch, UserId};
use messenger_core::memory::Memory;
use messenger_core::store::{DeviceStore, Registered, Registration};
use messenger_core::time::Timestamp;
use messenger_ws::{
    AccountsConfig, AccountsService, Health, RouterConfig, ServeConfig, Signup, health_router,
    router,
};
use serde_json::json;

const JSON: &str = "content-type: application/json";

async fn server(config: AccountsConfig) -> (SocketAddr, Arc<Memory>) {
    let store = Arc::new(Memory::new(Epoch(1)));
    let accounts = Arc::new(AccountsService::new(store.clone(), config));
    let hub = common::hub(&store, accounts.clone()).await;
    let config = RouterConfig {
        accounts: Some(accounts),
        ..RouterConfig::default()
    };
    (
        start(router(hub, config), ServeConfig::default()).await,
        store,
    )
}

fn open() -> AccountsConfig {
    AccountsConfig {
        signup: Signup::Open,
        ..AccountsConfig::default()
    }
}

async fn post(address: SocketAddr, path: &str, body: serde_json::Value) -> Answer {
    request(address, &format!("POST {path}"), &[JSON], &body.to_string()).await
}

/// Signs a user up and logs in; answers the header with the token.
async fn logged_in(address: SocketAddr, user: &str) -> String {
    let answer = post(
        address,
        "/v1/accounts",
        json!({"user": user, "password": "long enough"}),
    )
    .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = post(
        address,
        "/v1/login",
        json!({"user": user, "password": "long enough"}),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    format!(
        "authorization: Bearer {}",
        answer.json()["token"].as_str().expect("a token")
    )
}

#[tokio::test]
async fn a_person_signs_up_logs_in_is_found_and_logs_out() {
    let (address, _) = server(open()).await;
    let body = json!({"user": "anna", "name": " Anna Ångström ", "password": "long enough"});
    let answer = post(address, "/v1/accounts", body).await;
    assert_eq!(
        (answer.status, answer.json()),
        (201, json!({"user": "anna", "name": "Anna Ångström"}))
    );

    let ben = logged_in(address, "ben").await;
    let people = request(address, "GET /v1/people?q=AN", &[&ben], "").await;
    assert_eq!(
        people.json(),
        json!({"people": [{"user": "anna", "name": "Anna Ångström"}]})
    );
    assert!(
        people.head.contains("cache-control: no-store"),
        "{people:?}"
    );
    let own = request(address, "GET /v1/accounts", &[&ben], "").await;
    assert_eq!(own.json(), json!({"user": "ben", "name": "ben"}));

    assert_eq!(
        request(address, "DELETE /v1/login", &[&ben], "")
            .await
            .status,
        204
    );
    let after = request(address, "GET /v1/accounts", &[&ben], "").await;
    assert_eq!(
        (after.status, after.error().0.as_str()),
        (401, "unauthorized")
    );
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one() {
    let (address, _) = server(open()).await;
    let anna = logged_in(address, "anna").await;
    let change = json!({"old_password": "long enough", "new_password": "longer still"}).to_string();
    assert_eq!(
        request(address, "PUT /v1/accounts", &[&anna, JSON], &change)
            .await
            .status,
        204
    );
    assert_eq!(
        request(address, "PUT /v1/accounts", &[&anna, JSON], &change)
            .await
            .status,
        401
    );
    let login = json!({"user": "anna", "password": "longer still"});
    assert_eq!(post(address, "/v1/login", login).await.status, 200);
}

#[tokio::test]
async fn too_many_wrong_passwords_are_told_when_to_come_back() {
    let (address, _) = server(AccountsConfig {
        attempts_per_account: 1,
        ..open()
    })
    .await;
    logged_in(address, "anna").await;
    let wrong = json!({"user": "anna", "password": "wrong"});
    assert_eq!(post(address, "/v1/login", wrong.clone()).await.status, 401);
    let limited = post(address, "/v1/login", wrong).await;
    assert_eq!(
        (limited.status, limited.error().0.as_str()),
        (429, "rate_limited")
    );
    let retry_after_ms = limited.json()["error"]["retry_after_ms"]
        .as_u64()
        .expect("a time");
    assert!((1..=30_000).contains(&retry_after_ms), "{retry_after_ms}");
    assert!(limited.head.contains("retry-after: "), "{limited:?}");
}

#[tokio::test]
async fn devices_are_listed_and_revoked_by_their_user_alone() {
    let (address, store) = server(open()).await;
    let (anna, ben) = (
        logged_in(address, "anna").await,
        logged_in(address, "ben").await,
    );
    let registration = Registration {
        user: UserId::parse("anna").expect("a user id"),
        key: "key".into(),
        name: Some("phone".into()),
        limit: 5,
        now: Timestamp::from_millis(1_790_000_000_000),
    };
    let Registered::Device(device) = store
        .register(&registration)
        .await
        .expect("memory has room")
    else {
        panic!("the first device")
    };

    let listed = request(address, "GET /v1/devices", &[&anna], "")
        .await
        .json();
    assert_eq!(listed["devices"][0]["device"], device.0);
    assert_eq!(listed["devices"][0]["name"], "phone");

    let path = format!("DELETE /v1/devices/{}", device.0);
    let of_another = request(address, &path, &[&ben], "").await;
    assert_eq!(
        (of_another.status, of_another.error().0.as_str()),
        (404, "device_unknown")
    );
    assert_eq!(request(address, &path, &[&anna], "").await.status, 204);
    assert_eq!(
        request(address, "GET /v1/devices", &[&anna], "")
            .await
            .json(),
        json!({"devices": []})
    );
}

#[tokio::test]
async fn blocks_are_set_listed_and_lifted() {
    let (address, _) = server(open()).await;
    let anna = logged_in(address, "anna").await;
    assert_eq!(
        request(address, "PUT /v1/blocks/ben", &[&anna], "")
            .await
            .status,
        204
    );
    assert_eq!(
        request(address, "GET /v1/blocks", &[&anna], "")
            .await
            .json(),
        json!({"blocks": ["ben"]})
    );
    assert_eq!(
        request(address, "DELETE /v1/blocks/ben", &[&anna], "")
            .await
            .status,
        204
    );
    assert_eq!(
        request(address, "GET /v1/blocks", &[&anna], "")
            .await
            .json(),
        json!({"blocks": []})
    );
}

#[tokio::test]
async fn wrong_requests_are_answered_with_what_is_wrong() {
    let (address, _) = server(open()).await;
    let anna = logged_in(address, "anna").await;
    let anna = anna.as_str();
    let long = format!("{{\"user\": \"{}\"}}", "x".repeat(9_000));
    let deep = "[".repeat(5_000);
    type Case<'a> = (
        &'a str,
        &'a [&'a str],
        &'a str,
        u16,
        &'a str,
        Option<&'a str>,
    );
    let cases: &[Case<'_>] = &[
        ("POST /v1/login", &[], "{}", 415, "bad_frame", None),
        (
            "POST /v1/login",
            &["content-type: text/plain"],
            "{}",
            415,
            "bad_frame",
            None,
        ),
        ("POST /v1/login", &[JSON], "{}", 400, "bad_frame", None),
        (
            "POST /v1/login",
            &[JSON],
            "{\"user\": 1",
            400,
            "bad_frame",
            None,
        ),
        ("POST /v1/login", &[JSON], &deep, 400, "bad_frame", None),
        (
            "POST /v1/login",
            &[JSON],
            &long,
            413,
            "frame_too_large",
            None,
        ),
        (
            "POST /v1/login",
            &[JSON],
            r#"{"user": "anna", "password": "wrong"}"#,
            401,
            "unauthorized",
            None,
        ),
        (
            "POST /v1/accounts",
            &[JSON],
            r#"{"user": "a/b", "password": "long enough"}"#,
            400,
            "bad_field",
            Some("user"),
        ),
        (
            "POST /v1/accounts",
            &[JSON],
            r#"{"user": "ben", "password": "short"}"#,
            400,
            "bad_field",
            Some("password"),
        ),
        (
            "POST /v1/accounts",
            &[JSON],
            r#"{"user": "anna", "password": "long enough"}"#,
            409,
            "bad_field",
            Some("user"),
        ),
        ("GET /v1/people", &[], "", 401, "unauthorized", None),
        (
            "GET /v1/people",
            &["authorization: Basic YTpi"],
            "",
            401,
            "unauthorized",
            None,
        ),
        (
            "GET /v1/devices",
            &["authorization: Bearer wrong"],
            "",
            401,
            "unauthorized",
            None,
        ),
        (
            "DELETE /v1/devices/99",
            &[anna],
            "",
            404,
            "device_unknown",
            Some("device"),
        ),
        (
            "DELETE /v1/devices/x",
            &[anna],
            "",
            404,
            "device_unknown",
            Some("device"),
        ),
        (
            "PUT /v1/blocks/anna",
            &[anna],
            "",
            400,
            "bad_field",
            Some("user"),
        ),
        (
            "PUT /v1/blocks/a%2Fb",
            &[anna],
            "",
            400,
            "bad_field",
            Some("user"),
        ),
        ("PATCH /v1/login", &[JSON], "{}", 405, "unknown_frame", None),
    ];
    for (line, headers, body, status, code, field) in cases {
        let answer = request(address, line, headers, body).await;
        let (got_code, got_field, _) = answer.error();
        let what = format!(
            "{line} {headers:?} {}: {answer:?}",
            &body[..body.len().min(80)]
        );
        assert_eq!(
            (answer.status, got_code.as_str(), got_field.as_deref()),
            (*status, *code, *field),
            "{what}"
        );
    }
}

#[tokio::test]
async fn signing_up_can_be_off() {
    let (address, _) = server(AccountsConfig::default()).await;
    let answer = post(
        address,
        "/v1/accounts",
        json!({"user": "anna", "password": "long enough"}),
    )
    .await;
    assert_eq!((answer.status, answer.error().0.as_str()), (403, "refused"));
}

#[tokio::test]
async fn health_says_whether_and_why_not() {
    let well = health_router(Health::new(|| Ok(())).with_metrics(|| "messenger_up 1\n".into()));
    let address = start(well, ServeConfig::default()).await;
    assert_eq!(request(address, "GET /livez", &[], "").await.body, "ok\n");
    assert_eq!(request(address, "GET /readyz", &[], "").await.status, 200);
    let metrics = request(address, "GET /metrics", &[], "").await;
    assert_eq!(metrics.body, "messenger_up 1\n");
    assert!(
        metrics
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{metrics:?}"
    );

    let ill = health_router(Health::new(|| Err("the store is full".into())));
    let address = start(ill, ServeConfig::default()).await;
    let answer = request(address, "GET /readyz", &[], "").await;
    assert_eq!(
        (answer.status, answer.error().0.as_str()),
        (503, "unavailable")
    );
    assert_eq!(answer.json()["error"]["message"], "the store is full");
    assert_eq!(request(address, "GET /livez", &[], "").await.status, 200);
    assert_eq!(request(address, "GET /metrics", &[], "").await.status, 404);
}
