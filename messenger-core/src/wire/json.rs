//! JSON, one frame in a text message: `{"send": {"conversation": "anna/ben", …}}`.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::codec::MAX_INTEGER;

use super::shape::{self, Misshapen};
use super::{ClientFrame, DecodeError, DecodeErrorKind, ServerFrame};

impl ClientFrame {
    /// Reads a frame from a text message.
    ///
    /// # Errors
    /// [`DecodeError`] tells an unknown frame type from malformed input.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        read(text, Self::TAGS)
    }

    /// Writes the frame as a text message.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

impl ServerFrame {
    /// Reads a frame from a text message.
    ///
    /// # Errors
    /// [`DecodeError`] tells an unknown frame type from malformed input.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        read(text, Self::TAGS)
    }

    /// Writes the frame as a text message.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing parts")
}

fn read<'t, T: Deserialize<'t>>(text: &'t str, tags: &[(&str, u16)]) -> Result<T, DecodeError> {
    if let Err(Misshapen { what, at }) = shape::check_json(text) {
        return Err(DecodeError {
            kind: DecodeErrorKind::Malformed,
            detail: format!("{what}, at byte {at}"),
            id: None,
        });
    }
    serde_json::from_str(text).map_err(|error| explain(text, &error, tags))
}

/// Looks at a text that is no frame: only on the way to an error, so its cost does not matter.
#[cold]
fn explain(text: &str, error: &serde_json::Error, tags: &[(&str, u16)]) -> DecodeError {
    #[derive(Deserialize)]
    struct Id {
        id: Option<u64>,
    }
    let tag = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text)
        .ok()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.into_keys().next());
    let id = serde_json::from_str::<BTreeMap<String, Id>>(text)
        .ok()
        .and_then(|map| map.into_values().next())
        .and_then(|body| body.id)
        .filter(|id| *id <= MAX_INTEGER);
    match tag {
        Some(tag) if !tags.iter().any(|(known, _)| *known == tag) => DecodeError {
            kind: DecodeErrorKind::UnknownFrame,
            detail: match is_word(&tag) {
                true => format!("there is no frame type {tag}"),
                false => "there is no such frame type".to_owned(),
            },
            id,
        },
        _ => DecodeError {
            kind: DecodeErrorKind::Malformed,
            detail: describe(error),
            id,
        },
    }
}

/// What is wrong and where, without the value that serde quotes: it may be a piece of a body (SEC-6).
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    // The value may hold anything; what serde expected comes last and is ours.
    let found = QUOTING
        .iter()
        .find(|found| what.starts_with(**found))
        .zip(what.rfind(", expected "));
    match found {
        Some((found, expected)) => {
            let found = found.trim_end_matches([' ', ':', '`', '"']);
            format!("{found}{}{place}", &what[expected..])
        }
        None => format!("{what}{place}"),
    }
}

/// How serde begins a sentence that goes on with a value from the input.
const QUOTING: &[&str] = &[
    "invalid type: string \"",
    "invalid type: character `",
    "invalid type: integer `",
    "invalid type: floating point `",
    "invalid type: boolean `",
    "invalid value: string \"",
    "invalid value: character `",
    "invalid value: integer `",
    "invalid value: floating point `",
    "invalid value: boolean `",
    "unknown variant `",
    "unknown field `",
];

/// True for what can be the name of a frame type of some version, and is no piece of a body.
fn is_word(text: &str) -> bool {
    text.len() <= 24 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}
