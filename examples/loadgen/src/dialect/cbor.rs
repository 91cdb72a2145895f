//! The messenger's binary frames: `[number of the type, {field: value, …}]`.
//!
//! Fields that the generator does not need are skipped, whatever they are.

use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};

use super::{Heard, Outgoing, PROTOCOL};
use crate::identity::{Cmid, Identity, number};
use crate::stamp::Stamp;

/// The numbers of the frames that a client sends.
mod client {
    pub(super) const HELLO: u8 = 1;
    pub(super) const SEND: u8 = 2;
    pub(super) const ACK: u8 = 3;
    pub(super) const CONFIRM: u8 = 7;
    pub(super) const CREATE: u8 = 9;
}

/// The numbers of the frames of a server that say something to the generator.
mod server {
    pub(super) const WELCOME: u64 = 1;
    pub(super) const ENTRIES: u64 = 3;
    pub(super) const PAGE: u64 = 5;
    pub(super) const CAUGHT_UP: u64 = 6;
    pub(super) const ACCEPTED: u64 = 7;
    pub(super) const REJECTED: u64 = 8;
    pub(super) const ERROR: u64 = 9;
    pub(super) const MARKS: u64 = 10;
    pub(super) const LAG: u64 = 12;
    pub(super) const GOAWAY: u64 = 16;
}

/// The number of `message` among the contents of `send` and of an entry.
const MESSAGE: u8 = 0;

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

pub(super) fn hello(who: &Identity, token: &str, out: &mut Vec<u8>) {
    write(out, |e| {
        e.array(2)?.u8(client::HELLO)?.map(4)?;
        e.u8(0)?.u64(PROTOCOL)?.u8(1)?.str(token)?;
        match who.device {
            Some(device) => e.u8(2)?.u64(device)?,
            None => e.u8(3)?.str(&who.register)?,
        };
        e.u8(5)?.u64(who.generation)?.ok()
    });
}

pub(super) fn create(who: &Identity, cmid: Cmid, members: &[String], out: &mut Vec<u8>) {
    write(out, |e| {
        e.array(2)?.u8(client::CREATE)?.map(4)?;
        e.u8(1)?
            .str(&who.conversation)?
            .u8(2)?
            .bytes(&cmid)?
            .u8(3)?
            .str("load")?;
        e.u8(4)?.array(members.len() as u64)?;
        for member in members {
            e.str(member)?;
        }
        Ok(())
    });
}

pub(super) fn message(who: &Identity, message: &Outgoing<'_>, out: &mut Vec<u8>) {
    write(out, |e| {
        e.array(2)?
            .u8(client::SEND)?
            .map(if message.after.is_some() { 4 } else { 3 })?;
        e.u8(1)?
            .str(&who.conversation)?
            .u8(2)?
            .bytes(&message.cmid)?;
        if let Some(after) = &message.after {
            e.u8(3)?.bytes(after)?;
        }
        e.u8(4)?
            .array(2)?
            .u8(MESSAGE)?
            .map(1)?
            .u8(0)?
            .str(message.body)?
            .ok()
    });
}

pub(super) fn ack(who: &Identity, position: u64, out: &mut Vec<u8>) {
    write(out, |e| {
        e.array(2)?.u8(client::ACK)?.map(1)?.u8(0)?.array(1)?;
        e.map(2)?
            .u8(0)?
            .str(&who.conversation)?
            .u8(1)?
            .u64(position)?
            .ok()
    });
}

pub(super) fn confirm(page: u64, out: &mut Vec<u8>) {
    write(out, |e| {
        e.array(2)?
            .u8(client::CONFIRM)?
            .map(1)?
            .u8(0)?
            .u64(page)?
            .ok()
    });
}

fn write(out: &mut Vec<u8>, frame: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Written) {
    frame(&mut Encoder::new(out)).expect("writing to a Vec cannot fail");
}

pub(super) fn read(payload: &[u8], heard: &mut Vec<Heard>) -> Option<()> {
    frame(&mut Decoder::new(payload), heard).ok()
}

fn frame(d: &mut Decoder<'_>, heard: &mut Vec<Heard>) -> Result<(), Error> {
    d.array()?;
    match d.u64()? {
        server::WELCOME => fields(d, |key, d| match key {
            2 => {
                heard.push(Heard::Device(d.u64()?));
                Ok(true)
            }
            _ => Ok(false),
        }),
        server::ENTRIES => fields(d, |key, d| match key {
            1 => {
                items(d, |d| entry(d, heard))?;
                Ok(true)
            }
            _ => Ok(false),
        }),
        server::PAGE => fields(d, |key, d| match key {
            0 => {
                heard.push(Heard::Page(d.u64()?));
                Ok(true)
            }
            _ => Ok(false),
        }),
        server::CAUGHT_UP => {
            heard.push(Heard::Live);
            Ok(())
        }
        server::ACCEPTED => accepted(d, heard),
        server::REJECTED => refused(d, heard, Some(1), 3, 5),
        server::ERROR => refused(d, heard, None, 1, 3),
        server::MARKS => marks(d, heard),
        kind @ (server::LAG | server::GOAWAY) => {
            let reason = if kind == server::LAG { "lag" } else { "goaway" };
            heard.push(Heard::Refused {
                number: None,
                reason: reason.to_owned(),
            });
            Ok(())
        }
        _ => Ok(()),
    }
}

fn entry(d: &mut Decoder<'_>, heard: &mut Vec<Heard>) -> Result<(), Error> {
    let (mut position, mut stamp) = (0, None);
    fields(d, |key, d| {
        match key {
            0 => position = d.u64()?,
            5 => {
                d.array()?;
                if d.u8()? == MESSAGE {
                    stamp = text(d)?.and_then(|text| Stamp::read(text.as_bytes()));
                } else {
                    d.skip()?;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if let Some(stamp) = stamp {
        heard.push(Heard::Entry { stamp, position });
    }
    Ok(())
}

/// The text of a message.
fn text<'b>(d: &mut Decoder<'b>) -> Result<Option<&'b str>, Error> {
    let mut text = None;
    fields(d, |key, d| match key {
        0 => {
            text = Some(d.str()?);
            Ok(true)
        }
        _ => Ok(false),
    })?;
    Ok(text)
}

fn accepted(d: &mut Decoder<'_>, heard: &mut Vec<Heard>) -> Result<(), Error> {
    let (mut position, mut which) = (0, None);
    fields(d, |key, d| {
        match key {
            1 => which = number(d.bytes()?),
            2 => position = d.u64()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let number = which.ok_or_else(|| Error::message("accepted without cmid"))?;
    heard.push(Heard::Accepted { number, position });
    Ok(())
}

/// Reads `rejected` or `error`, whose fields have other numbers.
fn refused(
    d: &mut Decoder<'_>,
    heard: &mut Vec<Heard>,
    cmid: Option<u64>,
    code: u64,
    message: u64,
) -> Result<(), Error> {
    let (mut which, mut number_of_code, mut words) = (None, 0, String::new());
    fields(d, |key, d| {
        if Some(key) == cmid {
            which = number(d.bytes()?);
        } else if key == code {
            number_of_code = d.u64()?;
        } else if key == message {
            words = d.str()?.to_owned();
        } else {
            return Ok(false);
        }
        Ok(true)
    })?;
    heard.push(Heard::Refused {
        number: which,
        reason: format!("{number_of_code} {words}"),
    });
    Ok(())
}

fn marks(d: &mut Decoder<'_>, heard: &mut Vec<Heard>) -> Result<(), Error> {
    fields(d, |key, d| match key {
        2 => {
            items(d, |d| {
                fields(d, |key, d| match key {
                    1 => {
                        heard.push(Heard::Delivered { position: d.u64()? });
                        Ok(true)
                    }
                    _ => Ok(false),
                })
            })?;
            Ok(true)
        }
        _ => Ok(false),
    })
}

/// Walks over a map; what `field` does not take is skipped.
fn fields<'b>(
    d: &mut Decoder<'b>,
    mut field: impl FnMut(u64, &mut Decoder<'b>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let count = d
        .map()?
        .ok_or_else(|| Error::message("a map of unknown length"))?;
    for _ in 0..count {
        let key = d.u64()?;
        if !field(key, d)? {
            d.skip()?;
        }
    }
    Ok(())
}

/// Walks over an array.
fn items<'b>(
    d: &mut Decoder<'b>,
    mut item: impl FnMut(&mut Decoder<'b>) -> Result<(), Error>,
) -> Result<(), Error> {
    let count = d
        .array()?
        .ok_or_else(|| Error::message("an array of unknown length"))?;
    for _ in 0..count {
        item(d)?;
    }
    Ok(())
}
