//! Runs the website with its chat: `cargo run -p messenger-example-embed`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use messenger::embedded::{Options, Store};
use messenger::ws::{ServeConfig, serve};
use messenger_example_embed::{Website, app, chat, digest_key};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("embed-data");
    std::fs::create_dir_all(folder)?;
    let store = Store::open(folder.join("store"), Options::default())?;
    let website = Arc::new(Website::with_users(&[("anna", "tulip"), ("ben", "acorn")]));
    let key = digest_key(&folder.join("digest.key"))?;
    let hub = chat(store.backend(), website.clone(), key).await?;

    let listener = TcpListener::bind("127.0.0.1:8088").await?;
    let draining = hub.clone();
    serve(
        listener,
        app(website, hub.clone()),
        ServeConfig::default(),
        async move {
            // Links are told to come back later; what they sent before is answered.
            let _ = tokio::signal::ctrl_c().await;
            draining.drain();
        },
    )
    .await;
    hub.stop().await;
    Ok(())
}
