//! What a sender sees of one message: the state diagram of the delivery contract, section 5.
//!
//! ```text
//!   pending ──delivered──► delivered ──read──► read          per recipient
//!      │ └───────────────read────────────────►
//!      └─relay time passes─► expired (stays)
//!   any ──left, removed, deleted──► out of the audience
//! ```
//!
//! Nothing is kept per message: the state follows from one pair of marks per member (LIFE-2).

/// The state of a message for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recipient {
    /// On none of the recipient's devices.
    Pending,
    /// On one of them.
    Delivered,
    /// Read.
    Read,
    /// Its time to live passed before.
    Expired,
}

/// What happens to a message on its way to one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The delivered mark reaches it.
    Delivered,
    /// The read mark reaches it.
    Read,
    /// Its `relay` time to live passes.
    Expired,
    /// The recipient leaves, is removed, or deleted, in a group.
    Left,
}

impl Recipient {
    /// The state after an event; `None` when the recipient leaves the audience.
    #[must_use]
    pub fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (_, Event::Left) => None,
            (Self::Expired, _) => Some(Self::Expired),
            (Self::Read, _) | (_, Event::Read) => Some(Self::Read),
            (Self::Pending, Event::Expired) => Some(Self::Expired),
            (Self::Delivered, Event::Expired) => Some(Self::Delivered),
            (Self::Pending | Self::Delivered, Event::Delivered) => Some(Self::Delivered),
        }
    }
}

/// How far a message has come with everybody in its audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Recipients.
    pub audience: usize,
    /// Of them, those who have it.
    pub delivered: usize,
    /// Of them, those who have read it.
    pub read: usize,
}

/// What the sender sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Durable; or nobody is in the audience.
    Sent,
    /// Everybody in the audience has it.
    Delivered,
    /// Everybody in the audience has read it.
    Read,
}

impl Aggregate {
    /// Counts the recipients of an audience by their states.
    pub fn of(recipients: impl IntoIterator<Item = Recipient>) -> Self {
        let mut aggregate = Self::default();
        for recipient in recipients {
            aggregate.audience += 1;
            aggregate.delivered +=
                usize::from(matches!(recipient, Recipient::Delivered | Recipient::Read));
            aggregate.read += usize::from(recipient == Recipient::Read);
        }
        aggregate
    }

    /// The tick that stands for the whole audience; `sent` when it is empty (LIFE-2).
    pub fn delivery(&self) -> Delivery {
        match self {
            Self { audience: 0, .. } => Delivery::Sent,
            Self { audience, read, .. } if read == audience => Delivery::Read,
            Self {
                audience,
                delivered,
                ..
            } if delivered == audience => Delivery::Delivered,
            Self { .. } => Delivery::Sent,
        }
    }
}
