//! CBOR, one frame in a binary message: `[number of the type, body]`, bodies as maps with small integers as keys.

use minicbor::Decoder;

use super::shape::{self, Misshapen};
use super::{ClientFrame, DecodeError, DecodeErrorKind, ServerFrame};

impl ClientFrame {
    /// Reads a frame from a binary message.
    ///
    /// # Errors
    /// [`DecodeError`] tells an unknown frame type from malformed input.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        read(bytes, Self::TAGS)
    }

    /// Writes the frame as a binary message.
    pub fn to_cbor(&self) -> Vec<u8> {
        write(self)
    }
}

impl ServerFrame {
    /// Reads a frame from a binary message.
    ///
    /// # Errors
    /// [`DecodeError`] tells an unknown frame type from malformed input.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        read(bytes, Self::TAGS)
    }

    /// Writes the frame as a binary message.
    pub fn to_cbor(&self) -> Vec<u8> {
        write(self)
    }
}

/// Frames without a body of a person fit into this: one allocation instead of one for each doubling.
const USUAL_BYTES: usize = 128;

pub(super) fn write(value: &impl minicbor::Encode<()>) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    minicbor::encode(value, &mut out).expect("writing to a Vec cannot fail");
    out
}

fn read<'b, T: minicbor::Decode<'b, ()>>(
    bytes: &'b [u8],
    tags: &[(&str, u16)],
) -> Result<T, DecodeError> {
    if let Err(Misshapen { what, at }) = shape::check_cbor(bytes) {
        return Err(DecodeError {
            kind: DecodeErrorKind::Malformed,
            detail: format!("{what}, at byte {at}"),
            id: None,
        });
    }
    Decoder::new(bytes)
        .decode::<T>()
        .map_err(|error| explain(bytes, &error, tags))
}

/// Looks at bytes that are no frame: only on the way to an error, so its cost does not matter.
#[cold]
fn explain(bytes: &[u8], error: &minicbor::decode::Error, tags: &[(&str, u16)]) -> DecodeError {
    let mut decoder = Decoder::new(bytes);
    let number = match decoder.array() {
        Ok(Some(2)) => decoder.u64().ok(),
        _ => None,
    };
    let id = number.and_then(|_| id_of(decoder));
    match number {
        Some(number) if !tags.iter().any(|(_, known)| u64::from(*known) == number) => DecodeError {
            kind: DecodeErrorKind::UnknownFrame,
            detail: format!("there is no frame type {number}"),
            id,
        },
        _ => DecodeError {
            kind: DecodeErrorKind::Malformed,
            detail: error
                .to_string()
                .trim_start_matches("decode error: ")
                .to_owned(),
            id,
        },
    }
}

/// The request's `id`, which has key 0 in each frame that carries one.
fn id_of(mut body: Decoder<'_>) -> Option<u64> {
    let fields = body.map().ok()??;
    for _ in 0..fields {
        if body.u64().ok()? == 0 {
            return body.u64().ok();
        }
        body.skip().ok()?;
    }
    None
}
