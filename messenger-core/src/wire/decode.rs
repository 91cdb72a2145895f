//! Why bytes are no frame.

use super::Code;

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DecodeError {
    /// What kind of fault it is.
    pub kind: DecodeErrorKind,
    /// What is wrong, for the developer of the client; never a piece of a body.
    pub detail: String,
    /// The `id` of the request, if it could be read.
    pub id: Option<u64>,
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// A well-formed frame of a type that is not known.
    UnknownFrame,
    /// Anything else.
    Malformed,
}

impl DecodeError {
    /// The error code that answers it.
    pub fn code(&self) -> Code {
        match self.kind {
            DecodeErrorKind::UnknownFrame => Code::UnknownFrame,
            DecodeErrorKind::Malformed => Code::BadFrame,
        }
    }
}
