//! Frames of a server: unmasked, each message in one.

use super::{CloseFrame, OpCode};

/// Appends one whole frame to `out`.
pub fn encode_frame(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    out.reserve(payload.len() + 10);
    encode_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a close frame to `out`; `None` makes one without a code.
pub fn encode_close(out: &mut Vec<u8>, close: Option<&CloseFrame>) {
    let Some(close) = close else {
        return encode_header(out, OpCode::Close, 0);
    };
    let reason = close.sendable_reason();
    encode_header(out, OpCode::Close, 2 + reason.len());
    out.extend_from_slice(&close.status.0.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

fn encode_header(out: &mut Vec<u8>, opcode: OpCode, payload_len: usize) {
    out.push(0x80 | opcode.bits());
    if payload_len <= 125 {
        out.push(payload_len as u8);
    } else if let Ok(length) = u16::try_from(payload_len) {
        out.push(126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(payload_len as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::CloseStatus;

    #[test]
    fn a_length_takes_its_shortest_form() {
        for (length, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xFF, 0xFF]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            encode_frame(&mut out, OpCode::Binary, &vec![7; length]);
            assert_eq!(&out[..header.len()], header, "length {length}");
            assert_eq!(out.len(), header.len() + length);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        encode_close(
            &mut out,
            Some(&CloseFrame::new(CloseStatus::NORMAL, "\u{20ac}".repeat(50))),
        );
        assert_eq!(out[1], 125, "41 characters of three bytes and the code");
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}
