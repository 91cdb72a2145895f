//! The messenger's text frames: `{"type": {"field": value, …}}`.
//!
//! Fields that the generator does not need are skipped, whatever they are.

use std::borrow::Cow;
use std::io::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Heard, Outgoing, PROTOCOL};
use crate::identity::{Cmid, Identity};
use crate::stamp::Stamp;

pub(super) fn hello(who: &Identity, token: &str, out: &mut Vec<u8>) {
    write!(
        out,
        r#"{{"hello":{{"protocol":{PROTOCOL},"token":"{token}","#
    )
    .expect(INFALLIBLE);
    match who.device {
        Some(device) => write!(out, r#""device":{device},"#),
        None => write!(out, r#""register":"{}","#, who.register),
    }
    .expect(INFALLIBLE);
    write!(out, r#""generation":{}}}}}"#, who.generation).expect(INFALLIBLE);
}

pub(super) fn create(who: &Identity, cmid: Cmid, members: &[String], out: &mut Vec<u8>) {
    write!(
        out,
        r#"{{"create":{{"conversation":"{}","cmid":""#,
        who.conversation
    )
    .expect(INFALLIBLE);
    uuid(&cmid, out);
    out.extend_from_slice(br#"","title":"load","members":"#);
    serde_json::to_writer(&mut *out, members).expect(INFALLIBLE);
    out.extend_from_slice(b"}}");
}

pub(super) fn message(who: &Identity, message: &Outgoing<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"send":{"conversation":""#);
    out.extend_from_slice(who.conversation.as_bytes());
    out.extend_from_slice(br#"","cmid":""#);
    uuid(&message.cmid, out);
    if let Some(after) = &message.after {
        out.extend_from_slice(br#"","after_cmid":""#);
        uuid(after, out);
    }
    out.extend_from_slice(br#"","content":{"message":{"text":""#);
    // Stamp and filling are letters and digits: nothing to escape.
    out.extend_from_slice(message.body.as_bytes());
    out.extend_from_slice(br#""}}}}"#);
}

pub(super) fn ack(who: &Identity, position: u64, out: &mut Vec<u8>) {
    write!(
        out,
        r#"{{"ack":{{"marks":[{{"conversation":"{}","seq":{position}}}]}}}}"#,
        who.conversation
    )
    .expect(INFALLIBLE);
}

pub(super) fn confirm(page: u64, out: &mut Vec<u8>) {
    write!(out, r#"{{"confirm":{{"page":{page}}}}}"#).expect(INFALLIBLE);
}

const INFALLIBLE: &str = "writing to a Vec cannot fail";

fn uuid(bytes: &Cmid, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// A frame of a server: the one type that is there, with the fields that the generator needs.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    entries: Option<Entries<'a>>,
    #[serde(borrow)]
    accepted: Option<Accepted<'a>>,
    marks: Option<Marks>,
    welcome: Option<Welcome>,
    page: Option<Page>,
    caught_up: Option<IgnoredAny>,
    #[serde(borrow)]
    rejected: Option<Refusal<'a>>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
    lag: Option<IgnoredAny>,
    goaway: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    seq: u64,
    #[serde(borrow)]
    content: Content<'a>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Accepted<'a> {
    cmid: &'a str,
    seq: u64,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    cmid: Option<&'a str>,
    number: u64,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default)]
    marks: Vec<Mark>,
}

#[derive(Deserialize)]
struct Mark {
    delivered: u64,
}

#[derive(Deserialize)]
struct Welcome {
    device: Option<u64>,
}

#[derive(Deserialize)]
struct Page {
    page: u64,
}

pub(super) fn read(payload: &[u8], heard: &mut Vec<Heard>) -> Option<()> {
    let frame: Frame<'_> = serde_json::from_slice(payload).ok()?;
    if let Some(Entries { entries }) = frame.entries {
        for entry in entries {
            let text = entry.content.message.and_then(|message| message.text);
            if let Some(stamp) = text.and_then(|text| Stamp::read(text.as_bytes())) {
                heard.push(Heard::Entry {
                    stamp,
                    position: entry.seq,
                });
            }
        }
    }
    if let Some(Accepted { cmid, seq }) = frame.accepted {
        heard.push(Heard::Accepted {
            number: last_digits(cmid)?,
            position: seq,
        });
    }
    if let Some(Marks { marks }) = frame.marks {
        heard.extend(marks.iter().map(|mark| Heard::Delivered {
            position: mark.delivered,
        }));
    }
    if let Some(Welcome {
        device: Some(device),
    }) = frame.welcome
    {
        heard.push(Heard::Device(device));
    }
    if let Some(Page { page }) = frame.page {
        heard.push(Heard::Page(page));
    }
    if frame.caught_up.is_some() {
        heard.push(Heard::Live);
    }
    for Refusal {
        cmid,
        number,
        message,
    } in [frame.rejected, frame.error].into_iter().flatten()
    {
        let which = cmid.and_then(last_digits);
        heard.push(Heard::Refused {
            number: which,
            reason: format!("{number} {message}"),
        });
    }
    for (there, reason) in [(frame.lag, "lag"), (frame.goaway, "goaway")] {
        if there.is_some() {
            heard.push(Heard::Refused {
                number: None,
                reason: reason.to_owned(),
            });
        }
    }
    Some(())
}

/// The number of a message by its key in text.
fn last_digits(cmid: &str) -> Option<u32> {
    let digits = cmid.get(cmid.len().checked_sub(8)?..)?;
    u32::from_str_radix(digits, 16).ok()
}
