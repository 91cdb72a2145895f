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
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, user, password] = args.as_slice() else {
        return Err("give it SERVER USER PASSWORD".into());
    };
    let storage = DiskStorage::open(format!("{user}.messages"))?;
    let token = login(server, user, password).await?;
    let (client, mut events) = Client::connect(Config::new(server, token).storage(storage)).await?;
    while let Some(event) = events.next().await {
        if let Event::Entry {
            conversation,
            entry,
        } = event
            && let Content::Message(message) = entry.content
            && entry.sender.as_str() != user
        {
            client.send_message(&conversation, message);
            client.read(&conversation, entry.seq);
        }
    }
    Ok(())
}
