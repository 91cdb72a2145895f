//! The frames of the bare relay server. A message's position is its number at its author.

use super::{Heard, Newest, Outgoing};
use crate::identity::Identity;
use crate::relay::head::{HEAD, Head, Kind};
use crate::stamp::Stamp;

pub(super) fn hello(who: &Identity, out: &mut Vec<u8>) {
    out.extend_from_slice(
        &Head {
            kind: Kind::Hello,
            user: who.seat.user,
            number: 0,
        }
        .bytes(),
    );
}

pub(super) fn message(who: &Identity, message: &Outgoing<'_>, out: &mut Vec<u8>) {
    let head = Head {
        kind: Kind::Send,
        user: who.seat.user,
        number: message.number.into(),
    };
    out.extend_from_slice(&head.bytes());
    out.extend_from_slice(message.body.as_bytes());
}

pub(super) fn ack(newest: Newest, out: &mut Vec<u8>) {
    let head = Head {
        kind: Kind::Received,
        user: newest.author,
        number: newest.position,
    };
    out.extend_from_slice(&head.bytes());
}

pub(super) fn read(payload: &[u8], heard: &mut Vec<Heard>) -> Option<()> {
    let head = Head::parse(payload)?;
    let position = head.number;
    heard.push(match head.kind {
        Kind::Welcome => Heard::Live,
        Kind::Accepted => Heard::Accepted {
            number: u32::try_from(head.number).ok()?,
            position,
        },
        Kind::Receipt => Heard::Delivered { position },
        Kind::Push => Heard::Entry {
            stamp: Stamp::read(&payload[HEAD..])?,
            position,
        },
        Kind::Hello | Kind::Send | Kind::Received => return None,
    });
    Some(())
}
