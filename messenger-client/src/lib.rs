//! Client SDK for the messenger protocol.
//!
//! ```text
//!   program ──send, read, history──► Client ──► task ──frames──► WebSocket
//!      ▲                               │          │
//!      └──────── Events ◄──────────────┴─ Replica ┴──changes──► ClientStorage (disk or memory)
//! ```
//!
//! What a program sends is stored first, and sent until the server has it, over any number of connections and runs, once.
//! What comes is stored, acknowledged and told in order, each entry once. The decisions are [`messenger_core::client`]'s; this
//! crate has the link, the clock and the storage.
//!
//! # Examples
//!
//! An echo bot:
//!
//! ```no_run
//! use messenger_client::model::Content;
//! use messenger_client::{Client, Config, Event};
//!
//! # async fn example() -> Result<(), messenger_client::Error> {
//! let token = messenger_client::login("http://127.0.0.1:8080", "bot", "the password").await?;
//! let (client, mut events) = Client::connect(Config::new("ws://127.0.0.1:8080", token)).await?;
//! while let Some(event) = events.next().await {
//!     let Event::Entry { conversation, entry } = event else { continue };
//!     if let Content::Message(message) = entry.content
//!         && client.user() != Some(entry.sender)
//!     {
//!         client.send_message(&conversation, message);
//!         client.read(&conversation, entry.seq);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod client;
mod config;
mod driver;
mod error;
mod events;
mod link;
mod login;
mod query;
mod sending;
mod shared;
mod status;
mod storage;
mod stream;
mod talk;

pub use client::Client;
pub use config::Config;
pub use error::Error;
pub use events::Events;
pub use login::login;
pub use messenger_core::client::{
    Change, ConversationRecord, Delivery, Event, Failure, OutgoingRecord, Request, Saved,
    SendState, Shown, ShownBody, Tick, Timeline,
};
pub use messenger_core::limits::Limits;
pub use messenger_core::wire::{Codec, MemberEntry, SendContent, Unread};
pub use messenger_core::{id, model, time};
pub use query::Page;
pub use sending::Sending;
pub use status::Status;
pub use storage::{ClientStorage, DiskStorage, MemoryStorage, StorageError};
