//! A client of the world: the client's machine over a storage that survives its crashes.

use std::collections::BTreeMap;

use messenger_core::client::{Image, Replica, Saved};
use messenger_core::id::{Cmid, ConversationId, Seq, SessionId, UserId};

/// One device of a user.
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) name: String,
    pub(super) replica: Replica,
    /// What is durable.
    pub(super) image: Image,
    pub(super) link: Option<Dialled>,
    /// Counts the lives of the program: what an earlier life was waiting for is gone.
    pub(super) life: u64,
    pub(super) attempts: u32,
    /// What the user sent, in order, with the requests.
    pub(super) sent: Vec<(ConversationId, Cmid)>,
    /// The highest marks of others that this device has seen, which never fall (MARK-3).
    pub(super) seen_marks: BTreeMap<(ConversationId, UserId), (Seq, Seq)>,
    /// The device has ended: revoked.
    pub(super) ended: bool,
}

/// A link as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialled {
    pub(super) node: usize,
    pub(super) node_life: u64,
    pub(super) session: SessionId,
    pub(super) welcomed: bool,
}

impl Person {
    pub(super) fn new(user: UserId, name: String) -> Self {
        let key = format!("key-of-{name}");
        Self {
            user,
            replica: Replica::new(Saved::default(), &key),
            name,
            image: Image::default(),
            link: None,
            life: 0,
            attempts: 0,
            sent: Vec::new(),
            seen_marks: BTreeMap::new(),
            ended: false,
        }
    }

    /// The program dies and starts again from its storage.
    pub(super) fn crash(&mut self) {
        self.life += 1;
        self.link = None;
        let key = format!("key-of-{}", self.name);
        self.replica = Replica::new(self.image.saved(), &key);
    }
}
