//! Chat within one's own axum application, for the users that it has already.
//!
//! ```text
//!   browser ── POST /session {user, password} ──► Website: whatever log-in there was before ──► token
//!           ── GET /chat/v1/ws, hello{token} ───► Hub ── authenticate(token) ──► Website
//! ```
//!
//! The application keeps its users, its log-in and its routes. The chat asks it one thing: who a token stands for.

mod website;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use messenger::core::store::{AllowAll, Backend};
use messenger::hub::{Hub, HubConfig, HubError};
use messenger::ws::{RouterConfig, router};

pub use website::Website;

/// The whole application: its own routes, and the chat below `/chat`.
pub fn app(website: Arc<Website>, hub: Arc<Hub>) -> Router {
    website::routes(website).nest("/chat", router(hub, RouterConfig::default()))
}

/// Starts the chat over a back end, for the users of the website.
///
/// # Errors
/// [`HubError`] when the back end cannot be read.
pub async fn chat(
    backend: Backend,
    website: Arc<Website>,
    digest_key: [u8; 16],
) -> Result<Arc<Hub>, HubError> {
    let config = HubConfig::new(digest_key);
    let hub = Hub::start(backend, website, Arc::new(AllowAll), config).await?;
    Ok(Arc::new(hub))
}

/// The secret under which the hub compares messages: made once, and the same after each restart.
///
/// # Errors
/// When the file can be neither read nor written.
pub fn digest_key(file: &Path) -> io::Result<[u8; 16]> {
    match fs::read(file) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::other(format!("{} has not 16 bytes", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            fs::write(file, key)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}
