//! Marks: positions in a log that only rise (MARK-1).
//!
//! ```text
//!   acked(device)   everything up to it is in that device's storage
//!   delivered(user) = max over its devices, from join − 1
//!   read(user)      shown to others       read_private(user)  for the own devices
//!   cleared(user)   nothing up to it is shown or sent to this user any more
//! ```

use crate::codec::{record, symbols};
use crate::id::{ConversationId, DeviceId, Ordinal, Seq, UserId};

symbols! {
    /// The kinds of marks.
    pub enum MarkKind {
        /// In the device's storage.
        0 "acked" Acked,
        /// On one of the user's devices.
        1 "delivered" Delivered,
        /// Read, shown to others.
        2 "read" Read,
        /// Read, for the user's own devices.
        3 "read_private" ReadPrivate,
        /// Cut off from the front by the user.
        4 "cleared" Cleared,
    }
}

/// Whose mark it is: a device's for `acked`, a user's for the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The user.
    pub user: UserId,
    /// The device, for `acked` alone.
    pub device: Option<DeviceId>,
}

/// A position in a log with the ordinal that it has there.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, ts_rs::TS))]
#[cbor(map)]
pub struct Position {
    /// The seq.
    #[n(0)]
    pub seq: Seq,
    /// Countable entries up to it.
    #[n(1)]
    pub ordinal: Ordinal,
}

/// One mark to be raised: lower or equal values are ignored without error (MARK-2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raise {
    /// Where.
    pub conversation: ConversationId,
    /// Whose.
    pub holder: Holder,
    /// Which.
    pub kind: MarkKind,
    /// Up to where.
    pub to: Position,
}

record! {
    /// The marks of one user in a conversation, without its devices'.
    #[derive(Default, Copy, Eq)]
    pub struct UserMarks {
        /// On one of the user's devices.
        #[n(0)]
        pub delivered: Position,
        /// Read, shown to others.
        #[n(1)]
        pub read: Position,
        /// Read, for the own devices.
        #[n(2)]
        pub read_private: Position,
        /// Cut off from the front.
        #[n(3)]
        pub cleared: Position,
    }
}

impl UserMarks {
    /// The mark of this kind; `acked` belongs to devices and has none here.
    pub fn of(&mut self, kind: MarkKind) -> Option<&mut Position> {
        match kind {
            MarkKind::Acked => None,
            MarkKind::Delivered => Some(&mut self.delivered),
            MarkKind::Read => Some(&mut self.read),
            MarkKind::ReadPrivate => Some(&mut self.read_private),
            MarkKind::Cleared => Some(&mut self.cleared),
        }
    }
}
