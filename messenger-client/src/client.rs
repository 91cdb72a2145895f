//! The handle of a client: its life, and what it holds.
//!
//! ```text
//!   client.rs   connect, status, conversations, ticks, read marks      talk.rs    everything that is sent with a cmid
//!   query.rs    everything that is asked of the server
//! ```

use std::sync::Arc;

use messenger_core::client::{
    ConversationRecord, Delivery, OutgoingRecord, Replica, SendState, Shown, ShownBody,
};
use messenger_core::id::{Cmid, ConversationId, Seq, UserId};
use messenger_core::limits::Limits;
use messenger_core::model::{Content, Kind, Message, Tombstone};
use messenger_core::wire::Unread;
use tokio::sync::{mpsc, watch};

use crate::address::Address;
use crate::config::Config;
use crate::driver::{Driver, Plan};
use crate::error::Error;
use crate::events::Events;
use crate::shared::{Goodbye, Shared, now, register_key};
use crate::status::Status;
use crate::storage::{Keeper, MemoryStorage};

/// Events that wait for a program, besides those that the client's task holds.
const EVENTS_QUEUED: usize = 64;

/// A client of one user on one device.
///
/// Its clones are handles of the same client; when the last one is dropped, the client stops.
#[derive(Clone, Debug)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Ends the client when the last handle goes.
struct Handle {
    shared: Arc<Shared>,
}

impl Client {
    /// Starts a client: reads its storage, then connects, and connects again whenever the link is lost.
    ///
    /// It does not wait for the connection: what is stored can be shown, and what is sent waits in the outbox.
    ///
    /// # Errors
    /// Fails when the address is none or the storage cannot be read.
    ///
    /// # Examples
    /// ```no_run
    /// use messenger_client::{Client, Config, Event};
    ///
    /// # async fn example() -> Result<(), messenger_client::Error> {
    /// let token = messenger_client::login("http://127.0.0.1:8080", "anna", "the password").await?;
    /// let (client, mut events) = Client::connect(Config::new("ws://127.0.0.1:8080", token)).await?;
    /// let conversation = client.direct("ben")?;
    /// let seq = client.send(&conversation, "Hello!").accepted().await?;
    /// println!("the server keeps it as number {seq}");
    /// while let Some(event) = events.next().await {
    ///     if let Event::Entry { entry, .. } = event {
    ///         println!("{}: {:?}", entry.sender, entry.content.kind());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(config: Config) -> Result<(Self, Events), Error> {
        let address = Address::parse(&config.server)?;
        let transient = config.storage.is_none();
        let storage = config
            .storage
            .unwrap_or_else(|| Box::new(MemoryStorage::new()));
        let (keeper, kept, saved) = Keeper::start(storage).await?;
        let replica = match transient {
            true => Replica::transient(),
            false => Replica::new(saved, &register_key()),
        };
        let shared = Arc::new(Shared::new(replica, keeper));
        let plan = Plan {
            address,
            token: config.token,
            device_name: config.device_name,
            codec: config.codec,
        };
        let (tell, events) = mpsc::channel(EVENTS_QUEUED);
        tokio::spawn(Driver::new(plan, Arc::clone(&shared), kept, tell).run());
        let handle = Arc::new(Handle { shared });
        Ok((Self { handle }, Events::new(events)))
    }

    /// Waits until everything that had changed is here.
    ///
    /// # Errors
    /// The reason when the client has stopped for good; a server that cannot be reached is waited for.
    pub async fn ready(&self) -> Result<(), Error> {
        let mut status = self.status();
        let reached = status
            .wait_for(|status| matches!(status, Status::Live | Status::Stopped(_)))
            .await
            .map_err(|_| Error::Stopped)?;
        match &*reached {
            Status::Stopped(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// What the client is doing about its connection, now and as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared().status.subscribe()
    }

    /// Who this client is; `None` before its storage has ever seen a server.
    pub fn user(&self) -> Option<UserId> {
        self.shared().lock().replica.user().cloned()
    }

    /// The limits that the server named last; the protocol's defaults before.
    pub fn limits(&self) -> Limits {
        let state = self.shared().lock();
        state
            .welcome
            .as_ref()
            .map_or_else(Limits::default, |welcome| welcome.limits.clone())
    }

    /// What `accepted` promises at this server: `memory`, `process`, `disk` or `quorum`.
    pub fn durability(&self) -> Option<String> {
        let state = self.shared().lock();
        state
            .welcome
            .as_ref()
            .map(|welcome| welcome.durability.clone())
    }

    /// All conversations, the one with the newest entry first.
    pub fn conversations(&self) -> Vec<ConversationRecord> {
        let state = self.shared().lock();
        let mut records: Vec<_> = state.replica.inbox().records().cloned().collect();
        records.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.id.cmp(&b.id)));
        records
    }

    /// One conversation.
    pub fn conversation(&self, id: &ConversationId) -> Option<ConversationRecord> {
        self.shared().lock().replica.inbox().record(id).cloned()
    }

    /// How many messages of a conversation are unread.
    pub fn unread(&self, id: &ConversationId) -> Unread {
        self.shared().lock().replica.inbox().unread(id)
    }

    /// The messages of a conversation that are not in its log yet, in the order of sending.
    pub fn outgoing(&self, id: &ConversationId) -> Vec<(OutgoingRecord, SendState)> {
        let state = self.shared().lock();
        state
            .replica
            .outbox()
            .of(id)
            .map(|(record, state)| (record.clone(), state))
            .collect()
    }

    /// How many messages are neither sent nor failed.
    pub fn unanswered(&self) -> usize {
        self.shared().lock().replica.outbox().unanswered()
    }

    /// How far an own message has come: its ticks.
    pub fn delivery(&self, id: &ConversationId, shown: &Shown) -> Option<Delivery> {
        let state = self.shared().lock();
        let content = match shown.body {
            ShownBody::Gone(reason) => Content::Tombstone(Tombstone {
                kind: Kind::Message,
                reason,
            }),
            _ => Content::Message(Message::default()),
        };
        let record = state.replica.inbox().record(id)?;
        Some(record.delivery(shown.seq, &content, state.replica.user()?))
    }

    /// Marks a conversation as read up to a seq, for everyone to see.
    pub fn read(&self, id: &ConversationId, seq: Seq) {
        self.shared()
            .with(|state| state.replica.read(now(), id, seq, false));
    }

    /// Marks a conversation as read up to a seq, for the user's own devices alone.
    pub fn read_privately(&self, id: &ConversationId, seq: Seq) {
        self.shared()
            .with(|state| state.replica.read(now(), id, seq, true));
    }

    /// Cuts a conversation off from the front: what is stored up to a seq goes, on all devices of this user.
    pub fn clear(&self, id: &ConversationId, upto: Seq) {
        self.shared()
            .with(|state| state.replica.clear(now(), id, upto));
    }

    /// Takes a failed message off the outbox; true when there was one.
    pub fn discard(&self, cmid: Cmid) -> bool {
        self.shared()
            .with(|state| state.replica.discard(now(), cmid))
    }

    /// Ends the session and the client; the user is offline at once if no other device is live.
    ///
    /// `forget` also unregisters the device: its storage is of no more use then.
    pub async fn logout(&self, forget: bool) {
        self.leave(Goodbye::Logout { forget }).await;
    }

    /// Stops the client, with a goodbye to the server; what was sent before is durable in the storage then.
    pub async fn close(&self) {
        self.leave(Goodbye::Close).await;
    }

    async fn leave(&self, goodbye: Goodbye) {
        let mut status = self.status();
        self.shared().with(|state| state.goodbye = Some(goodbye));
        // It can only fail when the client's task has ended.
        let _ = status
            .wait_for(|status| matches!(status, Status::Stopped(_)))
            .await;
        // The storage works off what it was given in order: when it has answered, all of that is durable.
        let nothing = Seq(1)..=Seq::ZERO;
        let any = ConversationId::group(Default::default());
        let _ = self.shared().keeper.clone().entries(any, nothing, 0).await;
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.goodbye.get_or_insert(Goodbye::Close);
        });
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
