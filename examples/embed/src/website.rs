//! The application that was there before: it has users and sessions, and knows nothing of messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use messenger::core::id::UserId;
use messenger::core::store::{AuthError, Authenticator, Principal};
use messenger::core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The users of a website and who of them is logged in.
#[derive(Default)]
pub struct Website {
    passwords: BTreeMap<String, String>,
    sessions: Mutex<BTreeMap<String, UserId>>,
}

impl Website {
    /// A website with these users and passwords. (A real one keeps hashes.)
    pub fn with_users(users: &[(&str, &str)]) -> Self {
        let owned = |(user, password): &(&str, &str)| ((*user).to_owned(), (*password).to_owned());
        Self {
            passwords: users.iter().map(owned).collect(),
            sessions: Mutex::default(),
        }
    }

    /// Begins a session; `None` when user or password is wrong.
    fn log_in(&self, login: &LogIn) -> Option<String> {
        self.passwords
            .get(&login.user)
            .filter(|password| **password == login.password)?;
        let user = UserId::parse(&login.user).ok()?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.sessions().insert(token.clone(), user);
        Some(token)
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, UserId>> {
        self.sessions
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// All that the chat asks of the website.
#[async_trait]
impl Authenticator for Website {
    async fn authenticate(&self, token: &str, _now: Timestamp) -> Result<Principal, AuthError> {
        let user = self.sessions().get(token).cloned();
        Ok(Principal {
            user: user.ok_or(AuthError::Refused)?,
            device: None,
            expires: None,
        })
    }
}

/// The routes that were there before.
pub(crate) fn routes(website: Arc<Website>) -> Router {
    Router::new()
        .route("/", get(|| async { "A website. The chat is below /chat." }))
        .route("/session", post(log_in))
        .with_state(website)
}

#[derive(Deserialize)]
struct LogIn {
    user: String,
    password: String,
}

#[derive(Serialize)]
struct Session {
    token: String,
}

async fn log_in(
    State(website): State<Arc<Website>>,
    Json(login): Json<LogIn>,
) -> Result<Json<Session>, StatusCode> {
    let token = website.log_in(&login).ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(Session { token }))
}
