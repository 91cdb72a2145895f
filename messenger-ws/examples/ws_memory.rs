//! A whole node in memory, to measure what an idle, logged-in connection costs; it prints a token to log in with.
//!
//! ```text
//! cargo run --release -p messenger-ws --example ws_memory -- 127.0.0.1:9003
//! ```

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use messenger_core::id::{Epoch, UserId};
use messenger_core::memory::Memory;
use messenger_core::store::AllowAll;
use messenger_core::time::Timestamp;
use messenger_hub::{Hub, HubConfig};
use messenger_ws::{AccountsConfig, AccountsService, RouterConfig, ServeConfig, router, serve};
use tokio::net::TcpListener;

#[tokio::main]
#[allow(clippy::print_stdout, reason = "the token is what it is started for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9003".into());
    let store = Arc::new(Memory::new(Epoch(1)));
    let accounts = Arc::new(AccountsService::new(
        store.clone(),
        AccountsConfig::default(),
    ));
    let hub = Hub::start(
        store.backend(),
        accounts.clone(),
        Arc::new(AllowAll),
        HubConfig::new([7; 16]),
    )
    .await?;
    let now =
        Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64);
    let (token, _) = accounts.mint(&UserId::parse("anna")?, now).await?;
    println!("{token}");
    let config = ServeConfig {
        max_half_open_per_address: 0,
        ..ServeConfig::default()
    };
    let app = router(Arc::new(hub), RouterConfig::default());
    serve(
        TcpListener::bind(&address).await?,
        app,
        config,
        std::future::pending(),
    )
    .await;
    Ok(())
}
