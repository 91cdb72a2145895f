//! The hub: what all links, shards and the node task share, and how it starts and stops.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use messenger_core::conversation;
use messenger_core::error::StoreError;
use messenger_core::id::{ConversationId, NodeId, SessionId, UserId};
use messenger_core::limits::{FEED_MAX_AGE, Limits};
use messenger_core::session;
use messenger_core::store::{Authenticator, Backend, FeedItem, Policy};
use messenger_core::wire::Codec;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::link::Link;
use crate::node::{Node, NodeInbox};
use crate::registry::Registry;
use crate::shard::{Shard, ShardInbox, ShardInput};

/// A shard with more inputs than this holds links back from reading.
const SHARD_BACKLOG_MAX: usize = 100_000;
/// Drained links come back within this time (RES-7).
const DRAIN_SPREAD: Duration = Duration::from_secs(8);

/// How a hub is set up.
#[derive(Clone)]
pub struct HubConfig {
    /// The limits in force.
    pub limits: Limits,
    /// The key of the content digests: one for all nodes of a cluster, kept across restarts (LOG-3).
    pub digest_key: [u8; 16],
    /// Tasks that own conversations: one per core.
    pub shards: usize,
    /// Within this time a lost push between nodes is made good.
    pub recheck: Duration,
}

impl HubConfig {
    /// The default set-up under this digest key.
    pub fn new(digest_key: [u8; 16]) -> Self {
        Self {
            limits: Limits::default(),
            digest_key,
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            recheck: Duration::from_secs(60),
        }
    }
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("limits", &self.limits)
            .field("shards", &self.shards)
            .field("recheck", &self.recheck)
            .finish_non_exhaustive()
    }
}

/// Why a hub could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A store did not answer.
    #[error("the hub cannot start: {0}")]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error("the hub cannot start: no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// What all tasks of a hub share.
pub(crate) struct Shared {
    pub(crate) node_id: NodeId,
    pub(crate) backend: Backend,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) sessions: Arc<session::Config>,
    pub(crate) conversations: Arc<conversation::Config>,
    pub(crate) registry: Registry,
    pub(crate) shards: Vec<Arc<ShardInbox>>,
    pub(crate) node: NodeInbox,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Other nodes with a lease.
    pub(crate) peers: AtomicUsize,
    /// When the feed was last read (SEC-4).
    pub(crate) feed_read: AtomicU64,
    draining: AtomicBool,
    next_session: AtomicU64,
}

impl Shared {
    pub(crate) fn shard_of(&self, conversation: &ConversationId) -> &Arc<ShardInbox> {
        use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(conversation);
        &self.shards[(hash % self.shards.len() as u64) as usize]
    }

    pub(crate) fn tell(&self, conversation: ConversationId, input: conversation::Input) {
        let shard = self.shard_of(&conversation);
        shard.push(ShardInput::Tell(conversation, input));
    }

    pub(crate) fn tell_if_loaded(&self, conversation: ConversationId, input: conversation::Input) {
        let shard = self.shard_of(&conversation);
        shard.push(ShardInput::TellIfLoaded(conversation, input));
    }

    pub(crate) fn has_peers(&self) -> bool {
        self.peers.load(Ordering::Relaxed) > 0
    }

    /// True while the feed is too old for anything to be read or pushed (SEC-4).
    pub(crate) fn is_blind(&self) -> bool {
        let read = messenger_core::time::Timestamp(self.feed_read.load(Ordering::Relaxed));
        clock::now().since(read) > FEED_MAX_AGE
    }

    pub(crate) fn is_overloaded(&self) -> bool {
        self.shards
            .iter()
            .any(|shard| shard.len() > SHARD_BACKLOG_MAX)
    }
}

/// One node: runs the machines over a back end.
pub struct Hub {
    shared: Arc<Shared>,
}

impl Hub {
    /// Starts the tasks of a node in the present tokio runtime.
    ///
    /// # Errors
    /// [`HubError`] when the feed cannot be read or the system gives no random bytes.
    pub async fn start(
        backend: Backend,
        authenticator: Arc<dyn Authenticator>,
        policy: Arc<dyn Policy>,
        config: HubConfig,
    ) -> Result<Self, HubError> {
        let info = backend.messages.info();
        let (_, feed) = backend.devices.feed(None, 1).await?;
        let node_id = NodeId(getrandom::u64()?);
        let shared = Arc::new(Shared {
            node_id,
            sessions: Arc::new(session::Config {
                limits: config.limits.clone(),
                epoch: info.epoch,
                durability: info.durability.as_str(),
                recheck: config.recheck,
            }),
            conversations: Arc::new(conversation::Config {
                limits: config.limits,
                digest_key: config.digest_key,
            }),
            backend,
            authenticator,
            policy,
            registry: Registry::default(),
            shards: (0..config.shards.max(1)).map(|_| Arc::default()).collect(),
            node: NodeInbox::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            peers: AtomicUsize::new(0),
            feed_read: AtomicU64::new(clock::now().get()),
            draining: AtomicBool::new(false),
            // Session ids are never used twice within a cluster in practice: 44 random bits above a counter.
            next_session: AtomicU64::new((getrandom::u64()? >> 20) << 9 & ((1 << 53) - 1)),
        });
        let subscription = shared.backend.broker.subscribe(node_id).await?;
        // A node that no other knows of must not serve: nobody would look for what it could no longer tell (RES-5).
        shared.backend.presence.beat(node_id, clock::now()).await?;
        for inbox in &shared.shards {
            shared
                .tasks
                .spawn(Shard::new(Arc::clone(&shared), Arc::clone(inbox)).run());
        }
        Node::start(&shared, feed, subscription);
        tracing::info!(node = %node_id, epoch = %info.epoch, durability = info.durability.as_str(), "hub started");
        Ok(Self { shared })
    }

    /// A new link, for a transport to drive.
    pub fn link(&self, codec: Codec) -> Link {
        let id = self.shared.next_session.fetch_add(1, Ordering::Relaxed);
        Link::new(Arc::clone(&self.shared), SessionId(id), codec)
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.shared.sessions.limits
    }

    /// Who tells what a token stands for.
    pub fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.shared.authenticator
    }

    /// The stores that the hub runs on.
    pub fn backend(&self) -> &Backend {
        &self.shared.backend
    }

    /// This node.
    pub fn node_id(&self) -> NodeId {
        self.shared.node_id
    }

    /// True while the node can serve: its stores answer, and it is not about to stop.
    pub fn is_ready(&self) -> bool {
        !self.shared.draining.load(Ordering::Relaxed) && !self.shared.is_blind()
    }

    /// Links of this node, admitted or not.
    pub fn link_count(&self) -> usize {
        self.shared.registry.link_count()
    }

    /// True while a user has a session on this node.
    pub fn is_connected(&self, user: &UserId) -> bool {
        self.shared.registry.has(user)
    }

    /// Publishes a revocation, ban or block, and applies it on this node at once (SEC-4).
    ///
    /// # Errors
    /// [`StoreError`] when it could not be made durable.
    pub async fn publish(&self, item: FeedItem) -> Result<(), StoreError> {
        self.shared.backend.devices.publish(&item).await?;
        crate::node::apply(&self.shared, item);
        Ok(())
    }

    /// Tells all links to go, each to come back at another moment (RES-7); new links are told the same.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        let links = self.shared.registry.all_links();
        tracing::info!(links = links.len(), "draining");
        let count = links.len().max(1) as u32;
        for (index, mailbox) in links.into_iter().enumerate() {
            let retry_after = DRAIN_SPREAD * index as u32 / count;
            mailbox.post(session::Input::Goaway { retry_after });
        }
    }

    /// Stops all tasks; call it after [`drain`](Self::drain), once the links are gone.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        tracing::info!("hub stopped");
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("node", &self.shared.node_id)
            .finish_non_exhaustive()
    }
}
