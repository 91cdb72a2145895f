//! The 16 bytes at the start of each of the relay's frames.
//!
//! ```text
//!   byte   0      1 … 3    4 … 7              8 … 15
//!          kind   zero     user, u32 LE       number, u64 LE
//! ```

/// The length of a head.
pub(crate) const HEAD: usize = 16;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first frame of a client: `user` is here.
    Hello,
    /// Its answer.
    Welcome,
    /// A message with the sender's `number`; the body follows.
    Send,
    /// The message with that number was taken, and is on disk if there is a journal.
    Accepted,
    /// A message of `user` for somebody else; the body follows.
    Push,
    /// All messages of `user` up to `number` arrived here.
    Received,
    /// All messages up to `number` arrived at the peer.
    Receipt,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Hello,
        Self::Welcome,
        Self::Send,
        Self::Accepted,
        Self::Push,
        Self::Received,
        Self::Receipt,
    ];
}

/// A parsed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// What the frame says.
    pub(crate) kind: Kind,
    /// A user's number.
    pub(crate) user: u32,
    /// The number that a message has at its sender.
    pub(crate) number: u64,
}

impl Head {
    /// Parses the head of a payload; `None` if it is none.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (head, _) = payload.split_first_chunk::<HEAD>()?;
        let [kind, _, _, _, u0, u1, u2, u3, number @ ..] = *head;
        Some(Self {
            kind: *Kind::ALL.get(usize::from(kind))?,
            user: u32::from_le_bytes([u0, u1, u2, u3]),
            number: u64::from_le_bytes(number),
        })
    }

    /// The sixteen bytes.
    pub(crate) fn bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0] = self.kind as u8;
        bytes[4..8].copy_from_slice(&self.user.to_le_bytes());
        bytes[8..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_each_kind_comes_back() {
        for kind in Kind::ALL {
            let head = Head {
                kind,
                user: 70_000,
                number: u64::MAX - 3,
            };
            assert_eq!(Head::parse(&head.bytes()), Some(head));
        }
        assert_eq!(Head::parse(&[7; HEAD]), None, "an unknown kind");
        assert_eq!(Head::parse(&[0; HEAD - 1]), None, "too short");
    }
}
