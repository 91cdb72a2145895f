//! Every limit of the protocol, by name, in one table (BP-4).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long claims are kept, from the append (LOG-3).
pub const CLAIM_KEPT: Duration = Duration::from_secs(32 * 24 * 60 * 60);
/// How far a `cmid`'s own time may lie back (LOG-3).
pub const CMID_MAX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How far a `cmid`'s own time may lie ahead (LOG-3).
pub const CMID_MAX_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a client keeps trying to send (contract 5).
pub const OUTBOX_MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a `relay` body waits for its audience.
pub const RELAY_TIME_TO_LIVE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// After this long without a sign of life a device is unregistered (RET-1).
pub const DEVICE_MAX_UNSEEN: Duration = Duration::from_secs(45 * 24 * 60 * 60);
/// How long after its last device a user still counts as online (PRES-4).
pub const OFFLINE_GRACE: Duration = Duration::from_secs(15);
/// How long drained sessions count as live (RES-7).
pub const DRAINED_GRACE: Duration = Duration::from_secs(45);
/// A typing notice ends by itself after this long (PRES-8).
pub const TYPING_SHOWN: Duration = Duration::from_secs(6);
/// At most one typing notice per conversation in this time (PRES-8).
pub const TYPING_EVERY: Duration = Duration::from_secs(3);
/// The largest first frame in bytes (SEC-1).
pub const HELLO_MAX_BYTES: usize = 4 * 1024;
/// How long a link may wait with its `hello` (SEC-1).
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// A node may go on this long without reading the feed (SEC-4).
pub const FEED_MAX_AGE: Duration = Duration::from_secs(5);
/// How often a node reads the feed (SEC-4).
pub const FEED_EVERY: Duration = Duration::from_secs(1);
/// A session that reads nothing for this long is closed (BP-1).
pub const SLOW_MAX: Duration = Duration::from_secs(60);
/// At most this many conversation entries pass between two saves of `as_of` (RIGHT-2).
pub const SAVE_EVERY_ENTRIES: u64 = 256;
/// The most intervals of one user's right to a conversation (RIGHT-1).
pub const RIGHTS_MAX_INTERVALS: usize = 16;
/// Exact unread numbers are computed over at most this many entries (MARK-6).
pub const UNREAD_EXACT_MAX: u64 = 1_000;
/// Members whose marks are pushed live (MARK-7).
pub const MARKS_LIVE_MEMBERS: usize = 64;
/// Members whose marks are told on request (MARK-7).
pub const MARKS_REQUEST_MEMBERS: usize = 1_000;
/// Pages of catching up that a client may leave unconfirmed (RES-2).
pub const PAGES_UNCONFIRMED: u64 = 2;
/// How often the server sends a newer `since` to a live session (RES-1).
pub const SINCE_EVERY: Duration = Duration::from_secs(10 * 60);
/// Reactions shown with a message (EDIT-3).
pub const REACTIONS_SHOWN: usize = 20;
/// The longest emoji of a reaction in bytes.
pub const EMOJI_MAX_BYTES: usize = 64;
/// The longest title of a group in bytes.
pub const TITLE_MAX_BYTES: usize = 256;
/// The longest media type in bytes.
pub const MEDIA_TYPE_MAX_BYTES: usize = 128;
/// The most attachments of one message.
pub const ATTACHMENTS_MAX: usize = 16;
/// The shortest and longest time of `timed` retention in seconds: 5 s to 365 days.
pub const TIMED_SECONDS: std::ops::RangeInclusive<u64> = 5..=365 * 24 * 60 * 60;

macro_rules! limits {
    ($( $(#[$meta:meta])* $index:literal $name:ident: $ty:ty = $default:expr, )+) => {
        /// The limits that an operator may set; `welcome` carries them to each client.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode, minicbor::Decode)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
        #[serde(default)]
        #[cbor(map)]
        pub struct Limits {
            $( $(#[$meta])* #[n($index)] #[serde(deserialize_with = "crate::codec::integer")] #[cfg_attr(feature = "schema", ts(type = "number"))] pub $name: $ty, )+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )+ }
            }
        }

        impl Limits {
            /// The names of all limits, in the order of declaration.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// The limits with their keys in CBOR, in the order of declaration.
            pub const FIELDS: &'static [(&'static str, u16)] = &[$((stringify!($name), $index)),+];
        }
    };
}

limits! {
    /// Members of a group.
    0 group_members: u64 = 1_000,
    /// Members up to which a group is listed as changed for each message (LOG-4).
    1 listed_members: u64 = 256,
    /// Users added by one entry.
    2 adds_per_entry: u64 = 100,
    /// Registered devices of a user.
    3 devices_per_user: u64 = 5,
    /// Conversations of a user.
    4 conversations_per_user: u64 = 10_000,
    /// Groups above `listed_members` of a user.
    5 large_groups_per_user: u64 = 100,
    /// Bytes of a message body.
    6 body_bytes: u64 = 64 * 1024,
    /// Bytes of one frame.
    7 frame_bytes: u64 = 256 * 1024,
    /// Drafts that ride in one append.
    8 drafts_per_append: u64 = 32,
    /// Entries of one page.
    9 page_entries: u64 = 100,
    /// Messages of one session that are not yet answered, per conversation.
    10 in_flight_per_conversation: u64 = 16,
    /// Conversations whose presence a session follows.
    11 presence_subscriptions: u64 = 500,
    /// Edits and reactions of one message.
    12 changes_per_target: u64 = 1_000,
    /// Bytes queued for a session before it falls back to catching up (BP-1).
    13 session_queue_bytes: u64 = 1024 * 1024,
    /// Frames of one device in a second, on average.
    14 frames_per_second: u64 = 50,
    /// Frames of one device at once.
    15 frames_burst: u64 = 200,
    /// Messages of one user to one conversation in a second, on average.
    16 sends_per_second: u64 = 20,
    /// Messages of one user to one conversation at once.
    17 sends_burst: u64 = 100,
    /// Bytes of all bodies of a conversation; 0 is no limit (RET-4).
    18 conversation_bytes: u64 = 0,
    /// Milliseconds between two signs of life of a link (RES-5).
    19 heartbeat_ms: u64 = 20_000,
}
