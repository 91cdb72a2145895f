//! What goes into the conversation machine and what comes out of it.
//!
//! ```text
//!   sessions ── Submit · Raise · Ask · Typing ──►┌─────────┐── Push · Frame · Pulled ──► sessions
//!   peers    ── Hint ───────────────────────────►│ machine │── Publish ────────────────► peers
//!   store    ── Answer ─────────────────────────►└─────────┘── Store(ticket, Request) ─► store
//! ```

use std::sync::Arc;

use crate::id::{Cmid, ConversationId, DeviceId, Ordinal, Seq, SessionId, UserId};
use crate::model::{
    Annotation, ClaimKey, Conversation, Draft, EraseReason, MarkKind, Overlay, Position, Rights,
    Setting, Standing, Stored, UserMarks,
};
use crate::time::Day;
use crate::wire::{Code, EncodedEntry, ServerFrame};

/// Names one store request until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Who asks: a session with its user and device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The link to answer on.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The registered device; `None` for a transient session.
    pub device: Option<DeviceId>,
}

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// A draft to append.
    Submit {
        /// Who sends it.
        asker: Asker,
        /// The request's id.
        re: Option<u64>,
        /// What.
        draft: Draft,
    },
    /// A mark to raise.
    Raise {
        /// Whose.
        asker: Asker,
        /// The request's id.
        re: Option<u64>,
        /// Which.
        kind: MarkKind,
        /// Up to where.
        to: Seq,
    },
    /// A question.
    Ask {
        /// Who asks.
        asker: Asker,
        /// The request's id.
        re: Option<u64>,
        /// What.
        question: Question,
    },
    /// A user is typing.
    Typing {
        /// Who.
        user: UserId,
        /// No longer.
        stopped: bool,
    },
    /// Another node appended, raised marks, or passes on typing.
    Hint(Hint),
    /// Somebody blocks somebody, or no longer.
    Blocked {
        /// Who blocks.
        by: UserId,
        /// Who is blocked.
        user: UserId,
        /// True blocks.
        blocked: bool,
    },
    /// Erase what is due.
    Sweep(Day),
    /// A store request's answer.
    Answer(Ticket, Answer),
    /// A timer that was asked for has run out.
    Timer,
}

/// What a session asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// The conversation and the entries above `after`; above the device's acked mark when `None`.
    Pull {
        /// From where.
        after: Option<Seq>,
        /// Also the `conversation` frame.
        summary: bool,
    },
    /// A page of entries.
    History {
        /// Below this seq.
        before: Option<Seq>,
        /// Above this seq.
        after: Option<Seq>,
        /// Entries at most.
        limit: usize,
    },
    /// The conversation with its exact unread number.
    Open,
    /// Members after a user.
    Members {
        /// The list goes on after this user.
        after: Option<UserId>,
    },
    /// The members' marks.
    Marks,
    /// Who reacted.
    Reactions {
        /// To which message.
        target: Seq,
    },
    /// Write a setting.
    Set(Setting),
}

/// What one node tells the others of a conversation; may be lost (RES-5).
#[derive(Clone, Debug, PartialEq, minicbor::Encode, minicbor::Decode)]
pub enum Hint {
    /// Entries were appended.
    #[n(0)]
    Entries {
        /// Them, in seq order.
        #[n(0)]
        entries: Vec<Stored>,
    },
    /// Marks of a user rose.
    #[n(1)]
    Marks {
        /// Whose.
        #[n(0)]
        user: UserId,
        /// The marks now.
        #[n(1)]
        marks: UserMarks,
        /// The user's own devices are told too.
        #[n(2)]
        own: bool,
    },
    /// A user is typing.
    #[n(2)]
    Typing {
        /// Who.
        #[n(0)]
        user: UserId,
        /// No longer.
        #[n(1)]
        stopped: bool,
    },
}

/// What the machine wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Ask the store; the answer comes back with the ticket.
    Store(Ticket, Request),
    /// Answer one session.
    Frame(SessionId, ServerFrame),
    /// Answer a pull.
    Pulled(SessionId, Pulled),
    /// Push entries to the local sessions of these users.
    Push {
        /// To whom.
        users: Arc<[UserId]>,
        /// What.
        batch: Arc<Batch>,
    },
    /// Push a frame to the local sessions of these users.
    Tell {
        /// To whom.
        users: Arc<[UserId]>,
        /// What.
        frame: Arc<ServerFrame>,
    },
    /// Tell the nodes where these users are.
    Publish {
        /// Whom it concerns.
        users: Arc<[UserId]>,
        /// What.
        hint: Hint,
    },
    /// Call again with [`Input::Timer`] after this many milliseconds.
    Wake {
        /// How long from now.
        after_ms: u64,
    },
}

/// Entries pushed together, in seq order without holes but for gaps of right.
#[derive(Debug)]
pub struct Batch {
    /// Where.
    pub conversation: ConversationId,
    /// The first seq that the batch covers.
    pub from: Seq,
    /// The last seq that the batch covers.
    pub to: Seq,
    /// The entries; those missing between `from` and `to` are outside the reader's right.
    pub entries: Vec<Arc<EncodedEntry>>,
}

/// The answer to a pull.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// Where.
    pub conversation: ConversationId,
    /// What to send, in order.
    pub frames: Vec<PulledFrame>,
    /// Everything up to here is covered.
    pub upto: Seq,
    /// There is more above.
    pub more: bool,
    /// Why nothing could be pulled.
    pub refused: Option<Code>,
}

/// One piece of the answer to a pull.
#[derive(Clone, Debug)]
pub enum PulledFrame {
    /// A frame.
    Frame(Box<ServerFrame>),
    /// Entries, encoded once.
    Entries(Vec<Arc<EncodedEntry>>),
}

/// What the machine asks of the store. Each is one step that may fail and be tried again.
#[derive(Clone, Debug)]
pub enum Request {
    /// Everything to begin with: snapshot, head, what came after the snapshot, the newest entries, marks, standings.
    Open,
    /// Appends finished entries.
    Append {
        /// After this seq.
        after: Seq,
        /// Them.
        entries: Vec<Arc<Stored>>,
    },
    /// Reads what others appended after this seq.
    Learn {
        /// After this seq.
        after: Seq,
    },
    /// Looks up what a judgement needs.
    Find(Find),
    /// Overlays, erasures, schedule, listing: all that comes before `accepted` (LOG-4).
    Announce(Announcement),
    /// Raises marks; positions without an ordinal are completed first.
    Raise {
        /// The marks in order.
        marks: Vec<Mark>,
        /// List the conversation for these users before.
        list: Vec<UserId>,
    },
    /// Keeps a snapshot.
    Save(Box<Conversation>),
    /// Erases bodies.
    Erase {
        /// Which.
        seqs: Vec<Seq>,
        /// Why.
        reason: EraseReason,
    },
    /// Entries whose body is due; and, under `relay`, those that every device has.
    Due {
        /// From this seq.
        from: Seq,
        /// The users with their rights, whose devices count under `relay`; empty asks only for the time.
        audience: Vec<(UserId, Rights)>,
    },
    /// Forgets that something was due on this day.
    Settle(Day),
    /// Reads for a session.
    Fetch(Box<Fetch>),
    /// Writes a setting.
    Set {
        /// Whose.
        user: UserId,
        /// What.
        setting: Setting,
    },
}

/// A mark to be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub user: UserId,
    /// Which device, for `acked`.
    pub device: Option<DeviceId>,
    /// Which.
    pub kind: MarkKind,
    /// Up to where.
    pub to: Seq,
    /// The ordinal there, if it is known.
    pub ordinal: Option<Ordinal>,
}

/// What a judgement needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Find {
    /// Claims.
    pub claims: Vec<ClaimKey>,
    /// Messages that drafts change.
    pub targets: Vec<Seq>,
    /// Whether a user may contact another.
    pub contacts: Vec<(UserId, UserId)>,
}

/// What comes before `accepted`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// Overlays to raise.
    pub annotations: Vec<Annotation>,
    /// Messages to erase together with all their edits.
    pub retracted: Vec<Seq>,
    /// Days on which something expires.
    pub schedule: Vec<Day>,
    /// Users for whom the conversation is listed as changed.
    pub list: Vec<UserId>,
}

impl Announcement {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a session wants to read.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Who.
    pub user: UserId,
    /// The device whose acked mark is wanted.
    pub device: Option<DeviceId>,
    /// What the user may see.
    pub rights: Rights,
    /// Which entries.
    pub window: Window,
    /// The last seq to read.
    pub end: Seq,
    /// Entries at most.
    pub limit: usize,
    /// Seqs whose ordinals are wanted.
    pub ordinals: Vec<Seq>,
    /// Count what is unread exactly.
    pub exact: bool,
    /// The overlays of the messages read are wanted.
    pub overlays: bool,
    /// A message whose overlay is wanted.
    pub target: Option<Seq>,
    /// Users whose marks are wanted.
    pub marks_of: Vec<UserId>,
}

/// Which entries a session wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// None.
    Nothing,
    /// Above the device's acked mark, or above this seq if that is higher.
    AboveAcked(Seq),
    /// Above this seq.
    Above(Seq),
    /// Below this seq, the newest.
    Below(Seq),
}

/// What the store said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Request::Open`].
    Opened(Box<Opened>),
    /// To [`Request::Append`]: all entries are durable.
    Appended,
    /// To [`Request::Append`]: nothing was appended.
    Conflict {
        /// Claims that exist, with the index of the entry.
        duplicates: Vec<(usize, Claimed)>,
    },
    /// To [`Request::Learn`].
    Learned {
        /// The entries after.
        entries: Vec<Arc<Stored>>,
    },
    /// To [`Request::Find`].
    Found(Box<FoundAll>),
    /// To the requests that answer nothing.
    Done,
    /// To [`Request::Raise`]: the marks as raised, with whether each rose.
    Raised(Vec<(Mark, bool)>),
    /// To [`Request::Due`].
    Due {
        /// Entries whose time has passed, with the reason.
        expired: Vec<(Seq, EraseReason)>,
        /// Entries under `relay` that every device has.
        relayed: Vec<Seq>,
        /// The first entry that still has a body which will go by itself.
        next: Seq,
        /// The days on which more is due.
        later: Vec<Day>,
    },
    /// To [`Request::Fetch`].
    Fetched(Box<Fetched>),
    /// To [`Request::Set`]: the stored setting; not the one written when versions differ.
    Set {
        /// Written, or the one in the way.
        setting: Setting,
        /// True when written.
        written: bool,
    },
    /// The request failed.
    Failed {
        /// The outcome is unknown.
        unknown: bool,
        /// Trying again may help.
        retriable: bool,
    },
}

/// Everything to begin with.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The newest snapshot, with all later entries applied.
    pub state: Conversation,
    /// The first entry kept.
    pub base: Seq,
    /// The head at the last restore; 0 if there was none.
    pub kept: Seq,
    /// The newest entries, up to the head.
    pub tail: Vec<Arc<Stored>>,
    /// Countable entries up to the head.
    pub ordinal: Ordinal,
    /// The time of the head.
    pub time: crate::time::Timestamp,
    /// The members' marks, in conversations of up to 64.
    pub marks: Vec<(UserId, UserMarks)>,
    /// The standing of both users of a direct conversation.
    pub standings: Vec<(UserId, Standing)>,
}

/// An earlier entry found by its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Where.
    pub seq: Seq,
    /// Its time.
    pub time: crate::time::Timestamp,
    /// Its ordinal.
    pub ordinal: Ordinal,
    /// The digest of its content, unless erased.
    pub digest: Option<crate::model::ContentDigest>,
}

/// What a judgement needed to know, in the order asked.
#[derive(Clone, Debug, Default)]
pub struct FoundAll {
    /// Claims.
    pub claims: Vec<Option<Claimed>>,
    /// Targets with their overlays.
    pub targets: Vec<Option<(Arc<Stored>, Overlay)>>,
    /// Contacts.
    pub contacts: Vec<bool>,
}

/// What a session wanted to read.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The head of the log, before anything else was read.
    pub head: Seq,
    /// The device's acked mark.
    pub acked: Option<Position>,
    /// The user's marks.
    pub own: UserMarks,
    /// The user's setting.
    pub setting: Setting,
    /// The page lies above this seq; in [`Window::Below`] it ends with this seq.
    pub above: Seq,
    /// The entries, in seq order.
    pub entries: Vec<Arc<Stored>>,
    /// Everything from `above` to here was looked at.
    pub covered: Seq,
    /// The window was [`Window::Below`].
    pub below: bool,
    /// The overlays of the messages among them, with the edit that holds.
    pub overlays: Vec<(Seq, Overlay, Option<Arc<Stored>>)>,
    /// The ordinals asked for.
    pub ordinals: Vec<Ordinal>,
    /// What is unread, exactly; `None` when too many.
    pub unread: Option<u64>,
    /// Marks of all members, when asked for.
    pub marks: Vec<(UserId, UserMarks)>,
}

/// A draft under way, for its answer.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) asker: Asker,
    pub(super) re: Option<u64>,
    pub(super) draft: Draft,
    pub(super) digest: crate::model::ContentDigest,
}

impl Pending {
    pub(super) fn key(&self) -> ClaimKey {
        ClaimKey {
            sender: self.draft.sender.clone(),
            cmid: self.draft.cmid,
        }
    }

    pub(super) fn predecessor(&self) -> Option<ClaimKey> {
        self.draft.after_cmid.map(|cmid: Cmid| ClaimKey {
            sender: self.draft.sender.clone(),
            cmid,
        })
    }
}
