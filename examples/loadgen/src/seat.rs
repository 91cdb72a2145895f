//! Who talks to whom: users in a row form rooms of one size.

/// The place of a simulated user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// The user's number, from 0.
    pub(crate) user: u32,
    /// So many users in a row talk with each other; two are a direct conversation.
    pub(crate) room_size: u32,
}

impl Seat {
    /// The room's first user.
    pub(crate) fn first(self) -> u32 {
        self.user - self.user % self.room_size
    }

    /// The user's name at a messenger.
    pub(crate) fn name(user: u32) -> String {
        format!("load-{user:06}")
    }
}
