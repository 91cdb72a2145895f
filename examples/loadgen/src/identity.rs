//! A simulated user: place, conversation, token and device.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::seat::Seat;

/// Who a client is, and what it remembers between two links.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Its place.
    pub(crate) seat: Seat,
    /// The conversation of its room.
    pub(crate) conversation: String,
    /// The key under which its device is registered.
    pub(crate) register: String,
    /// The device, once it is registered.
    pub(crate) device: Option<u64>,
    /// How often the device has connected.
    pub(crate) generation: u64,
}

impl Identity {
    /// The user of a seat; `salt` tells fleets apart.
    pub(crate) fn new(seat: Seat, salt: u32) -> Self {
        let conversation = match seat.room_size {
            2 => format!(
                "{}/{}",
                Seat::name(seat.first()),
                Seat::name(seat.first() + 1)
            ),
            size => format!("{salt:08x}-{size:04x}-7000-8000-{:012x}", seat.first()),
        };
        Self {
            seat,
            conversation,
            register: format!("loadgen-{salt:08x}"),
            device: None,
            generation: 0,
        }
    }
}

/// The key of a message: a UUID of version 7.
pub(crate) type Cmid = [u8; 16];

/// Makes the key of an author's message; `salt` tells runs apart.
///
/// The number lies in the last four bytes, so that an answer needs no table.
pub(crate) fn cmid(salt: u32, author: u32, number: u32) -> Cmid {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_millis());
    let [.., m0, m1, m2, m3, m4, m5] = millis.to_be_bytes();
    let [s0, s1, s2, _] = salt.to_be_bytes();
    let [_, a0, a1, a2] = author.to_be_bytes();
    let [n0, n1, n2, n3] = number.to_be_bytes();
    [
        m0,
        m1,
        m2,
        m3,
        m4,
        m5,
        0x70 | s0 & 0x0F,
        s1,
        0x80 | s2 & 0x3F,
        a0,
        a1,
        a2,
        n0,
        n1,
        n2,
        n3,
    ]
}

/// The number of a message by its key.
pub(crate) fn number(cmid: &[u8]) -> Option<u32> {
    cmid.last_chunk().map(|number| u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_uuid_of_version_7_that_knows_its_number() {
        let key = cmid(u32::MAX, 77, 123_456);
        assert_eq!(key[6] >> 4, 7);
        assert_eq!(key[8] >> 6, 0b10);
        assert_eq!(number(&key), Some(123_456));
        assert_ne!(key, cmid(u32::MAX, 78, 123_456));
    }

    #[test]
    fn two_users_share_a_conversation_in_byte_order() {
        let of = |user| Identity::new(Seat { user, room_size: 2 }, 1).conversation;
        assert_eq!(of(4), "load-000004/load-000005");
        assert_eq!(of(5), of(4));
        assert_ne!(of(6), of(4));
    }
}
