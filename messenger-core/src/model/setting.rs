//! Settings: small records of a user and conversation with a version (SET-1).

use crate::codec::record;
use crate::id::Seq;
use crate::time::Timestamp;

record! {
    /// What a user set for one conversation; written by compare-and-set on `version`.
    #[derive(Default, Eq)]
    pub struct Setting {
        /// Raised by one with each write; 0 was never written.
        #[n(0)]
        #[cbor(default)]
        #[serde(default, deserialize_with = "crate::codec::integer")]
        #[cfg_attr(feature = "schema", ts(type = "number"))]
        pub version: u64,
        /// No notifications until then.
        #[n(1)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub muted_until: Option<Timestamp>,
        /// Out of the way; absent is false.
        #[n(2)]
        #[cbor(default)]
        #[serde(default)]
        pub archived: bool,
        /// On top; absent is false.
        #[n(3)]
        #[cbor(default)]
        #[serde(default)]
        pub pinned: bool,
        /// Marked as unread while the read mark was here; void once it rises above (MARK-6).
        #[n(4)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub unread_at: Option<Seq>,
        /// The user's own name for it, at most 256 bytes.
        #[n(5)]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", ts(optional))]
        pub alias: Option<String>,
    }
}
