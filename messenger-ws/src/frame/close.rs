//! Close frames (RFC 6455, sections 5.5.1 and 7.4).

use std::borrow::Cow;

use super::Violation;
use super::header::MAX_CONTROL_BYTES;

/// Why a link is closed, as a number; 4000 to 4999 are the protocol's own, see the registry of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseStatus(pub u16);

impl CloseStatus {
    /// The link has done its work.
    pub const NORMAL: Self = Self(1000);
    /// The server goes away.
    pub const GOING_AWAY: Self = Self(1001);
    /// The other side broke the framing.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A text message was not UTF-8.
    pub const NOT_UTF8: Self = Self(1007);
    /// A message was longer than the limit.
    pub const TOO_BIG: Self = Self(1009);
    /// The server failed.
    pub const INTERNAL_ERROR: Self = Self(1011);

    /// Returns whether the code may be sent in a close frame.
    fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// The content of a close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// The number for the program.
    pub status: CloseStatus,
    /// The reason for the human; cut to 123 bytes when sent.
    pub reason: Cow<'static, str>,
}

impl CloseFrame {
    /// Makes a close frame.
    pub fn new(status: CloseStatus, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    /// Reads the payload of a close frame; an empty one carries no code.
    pub(super) fn parse(payload: &[u8]) -> Result<Option<Self>, Violation> {
        let Some((status, reason)) = payload.split_first_chunk() else {
            return if payload.is_empty() {
                Ok(None)
            } else {
                Err(Violation::Protocol("close frame of one byte"))
            };
        };
        let status = CloseStatus(u16::from_be_bytes(*status));
        if !status.is_sendable() {
            return Err(Violation::Protocol("close code that must not be sent"));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
        Ok(Some(Self::new(status, reason.to_owned())))
    }

    /// Returns as much of the reason as fits into the frame.
    pub(super) fn sendable_reason(&self) -> &str {
        const MAX_REASON_BYTES: usize = MAX_CONTROL_BYTES - 2;
        &self.reason[..self.reason.floor_char_boundary(MAX_REASON_BYTES)]
    }
}

impl From<Violation> for CloseFrame {
    fn from(violation: Violation) -> Self {
        let status = match violation {
            Violation::Protocol(_) => CloseStatus::PROTOCOL_ERROR,
            Violation::NotUtf8 => CloseStatus::NOT_UTF8,
            Violation::TooBig { .. } => CloseStatus::TOO_BIG,
        };
        Self::new(status, violation.to_string())
    }
}
