//! Log-in, accounts, people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use messenger_core::error::StoreError;
use messenger_core::id::UserId;
use messenger_core::time::Timestamp;
use messenger_core::wire::Code;
use serde::{Deserialize, Serialize};

use super::HttpError;
use super::request::{
    bearer, client_address, json, now, principal, read_json, unauthorized, unavailable,
};
use crate::{AccountsError, AccountsService};

/// People in one answer.
const PEOPLE_MAX: usize = 20;

pub(super) fn routes(accounts: Arc<AccountsService>) -> Router {
    Router::new()
        .route("/v1/login", post(log_in).delete(log_out))
        .route(
            "/v1/accounts",
            get(own_account).post(sign_up).put(change_password),
        )
        .route("/v1/people", get(people))
        .with_state(accounts)
}

#[derive(Deserialize)]
struct LoginRequest {
    user: String,
    password: String,
}

#[derive(Serialize)]
struct LoginAnswer {
    token: String,
    user: UserId,
    name: String,
    expires: Timestamp,
}

async fn log_in(
    State(accounts): State<Arc<AccountsService>>,
    request: Request,
) -> Result<Response, HttpError> {
    let address = client_address(request.extensions(), request.headers());
    let body: LoginRequest = read_json(request).await?;
    let login = accounts
        .log_in(&body.user, &body.password, address, now())
        .await?;
    let answer = LoginAnswer {
        token: login.token,
        user: login.user,
        name: login.name,
        expires: login.expires,
    };
    Ok(json(StatusCode::OK, &answer))
}

async fn log_out(
    State(accounts): State<Arc<AccountsService>>,
    headers: HeaderMap,
) -> Result<StatusCode, HttpError> {
    let token = bearer(&headers)?;
    principal(&*accounts, &headers).await?;
    accounts.log_out(token).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct SignUpRequest {
    user: String,
    #[serde(default)]
    name: Option<String>,
    password: String,
}

#[derive(Serialize)]
struct Person {
    user: UserId,
    name: String,
}

async fn sign_up(
    State(accounts): State<Arc<AccountsService>>,
    request: Request,
) -> Result<Response, HttpError> {
    let address = client_address(request.extensions(), request.headers());
    let body: SignUpRequest = read_json(request).await?;
    let name = body.name.unwrap_or_else(|| body.user.clone());
    let user = accounts
        .sign_up(&body.user, &name, &body.password, address, now())
        .await?;
    Ok(json(
        StatusCode::CREATED,
        &Person {
            user,
            name: name.trim().to_owned(),
        },
    ))
}

async fn own_account(
    State(accounts): State<Arc<AccountsService>>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let principal = principal(&*accounts, &headers).await?;
    let account = accounts.store().load(&principal.user).await?;
    let account = account.ok_or_else(|| unauthorized("the account is gone"))?;
    Ok(json(
        StatusCode::OK,
        &Person {
            user: account.user,
            name: account.name,
        },
    ))
}

#[derive(Deserialize)]
struct PasswordRequest {
    old_password: String,
    new_password: String,
}

async fn change_password(
    State(accounts): State<Arc<AccountsService>>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    let address = client_address(request.extensions(), request.headers());
    let principal = principal(&*accounts, request.headers()).await?;
    let body: PasswordRequest = read_json(request).await?;
    accounts
        .change_password(
            &principal.user,
            &body.old_password,
            &body.new_password,
            address,
            now(),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct PeopleQuery {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
struct People {
    people: Vec<Person>,
}

async fn people(
    State(accounts): State<Arc<AccountsService>>,
    Query(query): Query<PeopleQuery>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    principal(&*accounts, &headers).await?;
    let found = accounts.store().search(&query.q, PEOPLE_MAX).await?;
    let people = found
        .into_iter()
        .map(|account| Person {
            user: account.user,
            name: account.name,
        })
        .collect();
    Ok(json(StatusCode::OK, &People { people }))
}

impl From<AccountsError> for HttpError {
    fn from(error: AccountsError) -> Self {
        let message = error.to_string();
        match error {
            AccountsError::SignupOff => Self::coded(StatusCode::FORBIDDEN, Code::Refused, message),
            AccountsError::Taken => {
                Self::coded(StatusCode::CONFLICT, Code::BadField, message).with_field("user")
            }
            AccountsError::BadField { field, limit, .. } => {
                let error =
                    Self::coded(StatusCode::BAD_REQUEST, Code::BadField, message).with_field(field);
                match limit {
                    Some(limit) => error.with_limit(limit),
                    None => error,
                }
            }
            AccountsError::Refused => unauthorized("user or password is wrong"),
            AccountsError::TooManyAttempts { retry_after } => {
                Self::coded(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message)
                    .with_retry_after_ms(retry_after.as_millis() as u64)
            }
            AccountsError::Busy => unavailable("too many log-ins at once"),
            AccountsError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, source = ?std::error::Error::source(&error), "request failed");
        unavailable("the store cannot answer now")
    }
}

impl IntoResponse for AccountsError {
    fn into_response(self) -> Response {
        HttpError::from(self).into_response()
    }
}
