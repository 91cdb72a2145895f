//! The node task: hints to peers, presence, the feed, sweeps.
//!
//! ```text
//!   each second   lease, beats to peers, the feed
//!   each 2 s      where watched users are
//!   each 15 s     heartbeats of all sessions, in batches
//!   each minute   what is due for erasing
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use messenger_core::conversation::{Hint, Input as ConversationInput};
use messenger_core::id::{ConversationId, DeviceId, Generation, NodeId, SessionId, UserId};
use messenger_core::limits::FEED_EVERY;
use messenger_core::model::UserPresence;
use messenger_core::node::{Payload, Peers, PeersOutput, Seen, Watch};
use messenger_core::session::Input as SessionInput;
use messenger_core::store::{FeedItem, FeedPosition, Heartbeat, Subscription};
use messenger_core::wire::{CloseCode, PresenceFrame, ServerFrame};

use crate::clock;
use crate::hub::Shared;
use crate::inbox::Inbox;

/// How often watched users are looked for.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// How often heartbeats are written (PRES-2).
const HEARTBEATS_EVERY: Duration = Duration::from_secs(15);
/// How often due conversations are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Records of one batch.
const BATCH: usize = 1_000;
/// Members of one conversation whose presence is followed.
const WATCHED_MEMBERS: usize = 64;

/// What the node task is told.
#[derive(Debug)]
pub(crate) enum NodeInput {
    /// A conversation has news for users who may be elsewhere.
    Publish {
        conversation: ConversationId,
        users: Arc<[UserId]>,
        hint: Hint,
    },
    /// A device that was connected elsewhere is connected here now.
    Replaced {
        node: NodeId,
        user: UserId,
        device: DeviceId,
        generation: Generation,
    },
    /// Presence did not take a session of this user in: others do not find it yet.
    Unlocated { user: UserId },
    /// A session of this user came or went.
    Changed { user: UserId },
    /// The user logged out.
    LoggedOut { user: UserId },
    /// A session follows the presence of these conversations' members.
    Subscribe {
        session: SessionId,
        user: UserId,
        conversations: Vec<ConversationId>,
    },
    /// A session ends.
    Unsubscribe { session: SessionId },
    /// A frame of another node.
    Frame(bytes::Bytes),
}

/// The queue of the node task.
pub(crate) type NodeInbox = Inbox<NodeInput>;

/// The node task.
pub(crate) struct Node {
    shared: Arc<Shared>,
    peers: Peers,
    watch: Watch,
    observers: BTreeMap<SessionId, BTreeSet<UserId>>,
    /// Users with a session that presence does not know yet.
    unlocated: BTreeSet<UserId>,
}

impl Node {
    /// Starts the node's tasks.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        feed: FeedPosition,
        subscription: Box<dyn Subscription>,
    ) {
        let node = Self {
            peers: Peers::new(shared.node_id),
            watch: Watch::default(),
            observers: BTreeMap::new(),
            unlocated: BTreeSet::new(),
            shared: Arc::clone(shared),
        };
        shared.tasks.spawn(node.run());
        shared.tasks.spawn(listen(Arc::clone(shared), subscription));
        shared.tasks.spawn(read_feed(Arc::clone(shared), feed));
        shared.tasks.spawn(sweep(Arc::clone(shared)));
        shared.tasks.spawn(heartbeats(Arc::clone(shared)));
    }

    async fn run(mut self) {
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        let mut watch = tokio::time::interval(WATCH_EVERY);
        let stop = self.shared.stop.clone();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = self.shared.node.take(&mut batch) => self.take(std::mem::take(&mut batch)).await,
                _ = beat.tick() => self.beat().await,
                _ = watch.tick() => {
                    let users: Vec<UserId> = self.watch.users().cloned().collect();
                    self.look(&users).await;
                }
                () = stop.cancelled() => return,
            }
            self.carry_out().await;
        }
    }

    async fn take(&mut self, batch: Vec<NodeInput>) {
        let mut hints = Vec::new();
        let mut changed = BTreeSet::new();
        for input in batch {
            match input {
                NodeInput::Publish {
                    conversation,
                    users,
                    hint,
                } => hints.push((conversation, users, hint)),
                NodeInput::Replaced {
                    node,
                    user,
                    device,
                    generation,
                } => self.peers.tell(
                    node,
                    Payload::Replaced {
                        user,
                        device,
                        generation,
                    },
                ),
                NodeInput::Unlocated { user } => {
                    self.unlocated.insert(user);
                }
                NodeInput::Changed { user } => {
                    changed.insert(user);
                }
                NodeInput::LoggedOut { user } => {
                    if let Some(seen) = self.watch.logged_out(&user) {
                        self.tell_observers(&seen);
                    }
                }
                NodeInput::Subscribe {
                    session,
                    user,
                    conversations,
                } => self.subscribe(session, &user, conversations).await,
                NodeInput::Unsubscribe { session } => self.unsubscribe(session),
                NodeInput::Frame(frame) => self.peers.receive(clock::now(), &frame),
            }
        }
        self.publish(hints).await;
        let watched: Vec<UserId> = self
            .watch
            .users()
            .filter(|user| changed.contains(*user))
            .cloned()
            .collect();
        self.look(&watched).await;
    }

    /// Finds out where the users are, with one call for all, and hints their nodes.
    async fn publish(&mut self, hints: Vec<(ConversationId, Arc<[UserId]>, Hint)>) {
        if hints.is_empty() {
            return;
        }
        let users: Vec<UserId> = hints
            .iter()
            .flat_map(|(_, users, _)| users.iter())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let located = match self
            .shared
            .backend
            .presence
            .locate(&users, clock::now())
            .await
        {
            Ok(located) => located,
            Err(error) => {
                tracing::warn!(%error, "users cannot be located; all nodes recheck");
                self.peers.tell_all_to_recheck();
                return;
            }
        };
        let nodes: BTreeMap<&UserId, BTreeSet<NodeId>> = users
            .iter()
            .zip(located)
            .map(|(user, devices)| (user, devices.iter().map(|device| device.node).collect()))
            .collect();
        for (conversation, users, hint) in hints {
            let targets: BTreeSet<NodeId> = users
                .iter()
                .filter_map(|user| nodes.get(user))
                .flatten()
                .copied()
                .collect();
            for node in targets {
                self.peers.tell(
                    node,
                    Payload::Conversation {
                        conversation: conversation.clone(),
                        hint: hint.clone(),
                    },
                );
            }
        }
    }

    async fn beat(&mut self) {
        let now = clock::now();
        self.locate_again().await;
        match self
            .shared
            .backend
            .presence
            .beat(self.shared.node_id, now)
            .await
        {
            Ok(live) => {
                let others = live
                    .iter()
                    .filter(|node| **node != self.shared.node_id)
                    .count();
                self.shared.peers.store(others, Ordering::Relaxed);
                self.peers.beat(now, &live);
            }
            Err(error) => {
                tracing::warn!(%error, "presence does not answer");
                for seen in self.watch.blind() {
                    self.tell_observers(&seen);
                }
            }
        }
    }

    /// Sessions that presence did not take in are written again; then they recheck, for what was hinted meanwhile is lost.
    async fn locate_again(&mut self) {
        let mut batch = Vec::new();
        for user in &self.unlocated {
            self.shared.registry.for_user(user, |entry| {
                batch.push(Heartbeat {
                    user: user.clone(),
                    device: entry.device,
                    node: self.shared.node_id,
                    generation: entry.generation,
                });
            });
        }
        if self.unlocated.is_empty()
            || self
                .shared
                .backend
                .presence
                .touch(&batch, clock::now())
                .await
                .is_err()
        {
            return;
        }
        for user in std::mem::take(&mut self.unlocated) {
            self.shared.registry.for_user(&user, |entry| {
                entry.mailbox.post(SessionInput::Recheck);
            });
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.peers.poll() {
            match output {
                PeersOutput::Send(node, frame) => {
                    // A hint that is lost is asked for (RES-5).
                    if let Err(error) = self.shared.backend.broker.publish(node, frame).await {
                        tracing::debug!(%node, %error, "a hint was lost");
                    }
                }
                PeersOutput::Told(payload) => self.told(payload),
                PeersOutput::Recheck => {
                    tracing::info!("hints were lost; sessions recheck");
                    for (_, entry) in self.shared.registry.all() {
                        entry.mailbox.post(SessionInput::Recheck);
                    }
                }
            }
        }
    }

    fn told(&self, payload: Payload) {
        match payload {
            Payload::Conversation { conversation, hint } => {
                self.shared
                    .tell(conversation, ConversationInput::Hint(hint));
            }
            Payload::Replaced {
                user,
                device,
                generation,
            } => self.shared.registry.for_user(&user, |entry| {
                if entry.device == Some(device) && entry.generation < generation {
                    entry.mailbox.post(SessionInput::Close(CloseCode::Replaced));
                }
            }),
            // The peers' machine answers it by itself.
            Payload::Recheck {} => {}
        }
    }

    async fn subscribe(
        &mut self,
        session: SessionId,
        user: &UserId,
        conversations: Vec<ConversationId>,
    ) {
        let mut wanted = BTreeSet::new();
        for conversation in conversations {
            match watchable(&self.shared, user, &conversation).await {
                Ok(users) => wanted.extend(users),
                Err(error) => tracing::warn!(%error, "a presence subscription failed"),
            }
        }
        let before = self
            .observers
            .insert(session, wanted.clone())
            .unwrap_or_default();
        for user in before.difference(&wanted) {
            self.watch.end(user);
        }
        let fresh: Vec<UserId> = wanted.difference(&before).cloned().collect();
        for user in &fresh {
            let state = self.watch.begin(user);
            if state != UserPresence::Unknown {
                self.tell(session, user, state);
            }
        }
        self.look(&fresh).await;
    }

    fn unsubscribe(&mut self, session: SessionId) {
        for user in self.observers.remove(&session).unwrap_or_default() {
            self.watch.end(&user);
        }
    }

    /// Looks where watched users are and tells the transitions.
    async fn look(&mut self, users: &[UserId]) {
        for chunk in users.chunks(BATCH) {
            let now = clock::now();
            match self.shared.backend.presence.locate(chunk, now).await {
                Ok(located) => {
                    for (user, devices) in chunk.iter().zip(located) {
                        if let Some(seen) = self.watch.learn(now, user, !devices.is_empty()) {
                            self.tell_observers(&seen);
                        }
                    }
                }
                Err(_) => {
                    for seen in self.watch.blind() {
                        self.tell_observers(&seen);
                    }
                }
            }
        }
    }

    fn tell_observers(&self, seen: &Seen) {
        for (session, users) in &self.observers {
            if users.contains(&seen.user) {
                self.tell(*session, &seen.user, seen.state);
            }
        }
    }

    fn tell(&self, session: SessionId, user: &UserId, state: UserPresence) {
        if let Some(mailbox) = self.shared.registry.link(session) {
            mailbox.post(SessionInput::Tell(Arc::new(ServerFrame::Presence(
                PresenceFrame {
                    user: user.clone(),
                    state,
                    last_seen: (state == UserPresence::Offline).then(clock::now),
                },
            ))));
        }
    }
}

/// The members of an established conversation whose presence a user may follow (PRES-7).
async fn watchable(
    shared: &Shared,
    user: &UserId,
    conversation: &ConversationId,
) -> Result<Vec<UserId>, messenger_core::error::StoreError> {
    if let Some(peer) = conversation.peer_of(user) {
        let head = shared.backend.messages.head(conversation).await?;
        let blocked = shared
            .backend
            .devices
            .standing(&peer)
            .await?
            .blocks
            .contains(user);
        let visible = head.head.get() > 0 && !blocked;
        return Ok(visible.then_some(peer).into_iter().collect());
    }
    let state = shared.backend.conversations.load(conversation).await?;
    let Some(state) = state.filter(|state| state.members.contains_key(user)) else {
        return Ok(Vec::new());
    };
    if state.members.len() > WATCHED_MEMBERS {
        return Ok(Vec::new());
    }
    let mut users = Vec::new();
    for member in state.members.keys().filter(|member| *member != user) {
        if !shared
            .backend
            .devices
            .standing(member)
            .await?
            .blocks
            .contains(user)
        {
            users.push(member.clone());
        }
    }
    Ok(users)
}

/// Takes frames of other nodes in.
async fn listen(shared: Arc<Shared>, mut subscription: Box<dyn Subscription>) {
    loop {
        let frame = tokio::select! {
            frame = subscription.next() => frame,
            () = shared.stop.cancelled() => return,
        };
        match frame {
            Some(frame) => shared.node.push(NodeInput::Frame(frame)),
            None => {
                tracing::warn!("the broker ended; subscribing again");
                tokio::time::sleep(Duration::from_secs(1)).await;
                if let Ok(again) = shared.backend.broker.subscribe(shared.node_id).await {
                    subscription = again;
                }
            }
        }
    }
}

/// Reads the feed each second (SEC-4).
async fn read_feed(shared: Arc<Shared>, mut position: FeedPosition) {
    let mut every = tokio::time::interval(FEED_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shared.stop.cancelled() => return,
        }
        loop {
            match shared.backend.devices.feed(Some(position), BATCH).await {
                Ok((items, next)) => {
                    let more = items.len() == BATCH;
                    position = next;
                    for item in items {
                        apply(&shared, item);
                    }
                    if !more {
                        shared
                            .feed_read
                            .store(clock::now().get(), Ordering::Relaxed);
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the feed cannot be read");
                    break;
                }
            }
        }
    }
}

/// Applies an item of the feed to the sessions and conversations of this node.
pub(crate) fn apply(shared: &Shared, item: FeedItem) {
    match item {
        FeedItem::DeviceRevoked { user, device } => shared.registry.for_user(&user, |entry| {
            if entry.device == Some(device) {
                entry
                    .mailbox
                    .post(SessionInput::Close(CloseCode::DeviceRevoked));
            }
        }),
        FeedItem::SessionsRevoked { user } => shared.registry.for_user(&user, |entry| {
            entry
                .mailbox
                .post(SessionInput::Close(CloseCode::Unauthorized));
        }),
        FeedItem::Banned { user, banned: true } => shared.registry.for_user(&user, |entry| {
            entry.mailbox.post(SessionInput::Close(CloseCode::Banned));
        }),
        FeedItem::Blocked { by, user, blocked } => {
            let conversation = ConversationId::direct(&by, &user);
            shared.tell_if_loaded(
                conversation,
                ConversationInput::Blocked { by, user, blocked },
            );
        }
        // A ban that is lifted ends no session; items of a later version are not ours to guess.
        _ => {}
    }
}

/// Looks each minute for conversations that have something to erase.
async fn sweep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shared.stop.cancelled() => return,
        }
        match shared
            .backend
            .retention
            .due(clock::now().day(), BATCH)
            .await
        {
            Ok(due) => {
                for due in due {
                    shared.tell(due.conversation, ConversationInput::Sweep(due.day));
                }
            }
            Err(error) => tracing::warn!(%error, "what is due cannot be read"),
        }
    }
}

/// Writes the heartbeats of all sessions, in batches (PRES-2).
async fn heartbeats(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(HEARTBEATS_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shared.stop.cancelled() => return,
        }
        let batch: Vec<Heartbeat> = shared
            .registry
            .all()
            .into_iter()
            .map(|(user, entry)| Heartbeat {
                user,
                device: entry.device,
                node: shared.node_id,
                generation: entry.generation,
            })
            .collect();
        for chunk in batch.chunks(BATCH) {
            if let Err(error) = shared.backend.presence.touch(chunk, clock::now()).await {
                tracing::warn!(%error, "heartbeats could not be written");
            }
        }
    }
}
