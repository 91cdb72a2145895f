//! A bot that answers every message with the same words.
//!
//! ```sh
//! messenger-server user add bot              # note the password
//! cargo run -p messenger-example-bot -- http://127.0.0.1:8080 bot PASSWORD
//! ```

use messenger_client::model::Content;
use messenger_client::{Client, Config, DiskStorage, Event, login};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [server, user, password]: [String; 3] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "SERVER USER PASSWORD")?;
    let config = Config::new(&server, login(&server, &user, &password).await?)
        .storage(DiskStorage::open(format!("{user}.messages"))?);
    let (client, mut events) = Client::connect(config).await?;
    while let Some(event) = events.next().await {
        let Event::Entry {
            conversation,
            entry,
        } = event
        else {
            continue;
        };
        if let Content::Message(message) = entry.content
            && entry.sender.as_str() != user
        {
            client.send_message(&conversation, message);
            client.read(&conversation, entry.seq);
        }
    }
    Ok(())
}
