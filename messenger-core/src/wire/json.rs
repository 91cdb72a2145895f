//! JSON, one frame in a text message: `{"send": {"conversation": "anna/ben", …}}`.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{ClientFrame, DecodeError, DecodeErrorKind, ServerFrame};

impl ClientFrame {
    /// Reads a frame from a text message.
    ///
    /// # Errors
    /// [`DecodeError`] tells an unknown frame type from malformed input.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(text).map_err(|error| explain(text, &error, Self::TAGS))
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
        serde_json::from_str(text).map_err(|error| explain(text, &error, Self::TAGS))
    }

    /// Writes the frame as a text message.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

fn write(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing parts")
}

/// Looks at a text that is no frame: only on the way to an error, so its cost does not matter.
#[cold]
fn explain(text: &str, error: &serde_json::Error, tags: &[(&str, u16)]) -> DecodeError {
    #[derive(Deserialize)]
    struct Id {
        id: Option<u64>,
    }
    let tag = serde_json::from_str::<std::collections::BTreeMap<String, IgnoredAny>>(text)
        .ok()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.into_keys().next());
    let id = serde_json::from_str::<std::collections::BTreeMap<String, Id>>(text)
        .ok()
        .and_then(|map| map.into_values().next())
        .and_then(|body| body.id);
    match tag {
        Some(tag) if !tags.iter().any(|(known, _)| *known == tag) => DecodeError {
            kind: DecodeErrorKind::UnknownFrame,
            detail: format!("there is no frame type {:?}", clip(&tag)),
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
    let what = match what.split_once("string \"") {
        Some((before, after)) => match after.rfind("\", ") {
            Some(end) => format!("{before}a string{}", &after[end + 1..]),
            None => format!("{before}a string"),
        },
        None => what.to_owned(),
    };
    format!("{}{place}", clip(&what))
}

fn clip(text: &str) -> &str {
    text.char_indices()
        .nth(120)
        .map_or(text, |(end, _)| &text[..end])
}
