//! What a program is told.

use crate::id::{Cmid, ConversationId, Epoch, Seq, UserId};
use crate::model::{Entry, UserPresence};
use crate::time::Timestamp;

use super::outbox::SendState;

/// What a program is told; everything told is in the storage already.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The next entry of a conversation, own ones too: each once, in order.
    Entry {
        /// Where.
        conversation: ConversationId,
        /// What.
        entry: Entry,
    },
    /// A page of earlier entries joined the storage.
    Earlier {
        /// Where.
        conversation: ConversationId,
        /// The first entry that the storage has now.
        start: Seq,
    },
    /// Title, members, marks, unread number or setting changed.
    Conversation {
        /// Which.
        conversation: ConversationId,
    },
    /// The state of an own message changed.
    Outgoing {
        /// Where.
        conversation: ConversationId,
        /// Which.
        cmid: Cmid,
        /// What it is now.
        state: SendState,
    },
    /// A message that was never sent has another cmid now.
    Renamed {
        /// Where.
        conversation: ConversationId,
        /// The one it had.
        old: Cmid,
        /// The one it has.
        new: Cmid,
    },
    /// Everything that had changed is here; what follows is live.
    CaughtUp,
    /// The session fell behind and is catching up again.
    Lag,
    /// The server's store was restored from a backup; lost messages of this user are sent again.
    Reset {
        /// Its epoch now.
        epoch: Epoch,
    },
    /// The entries of a conversation above a seq are gone from the log and from the storage.
    Dropped {
        /// Where.
        conversation: ConversationId,
        /// The last one that stayed.
        kept: Seq,
    },
    /// A user came or went.
    Presence {
        /// Who.
        user: UserId,
        /// What they are now.
        state: UserPresence,
        /// When they were last online, if that may be told.
        last_seen: Option<Timestamp>,
    },
    /// A user is typing, or no longer.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// No longer.
        stopped: bool,
    },
}
