//! The first 2 to 14 bytes of a frame (RFC 6455, section 5.2).
//!
//! ```text
//!   FIN RSV1-3 opcode │ MASK len7 │ len7 = 126: u16 · 127: u64 │ 4 bytes of mask
//! ```

use super::Violation;

/// The longest payload of a control frame.
pub(super) const MAX_CONTROL_BYTES: usize = 125;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpCode {
    /// A further part of a message.
    Continuation,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// A question whether the other side is alive.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl OpCode {
    fn parse(bits: u8) -> Result<Self, Violation> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(Violation::Protocol("reserved opcode")),
        }
    }

    pub(super) fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    pub(super) fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// A frame's header as a client sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) opcode: OpCode,
    pub(super) payload_len: u64,
    pub(super) mask: [u8; 4],
}

impl Header {
    /// Reads a header and answers it with its length; `None` if `bytes` ends before it does.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Violation::Protocol("reserved bits are set"));
        }
        let fin = first & 0x80 != 0;
        let opcode = OpCode::parse(first & 0x0F)?;
        if second & 0x80 == 0 {
            return Err(Violation::Protocol("frame of a client is not masked"));
        }
        let short = u64::from(second & 0x7F);
        if opcode.is_control() && (!fin || short > MAX_CONTROL_BYTES as u64) {
            return Err(Violation::Protocol(
                "control frame is fragmented or longer than 125 bytes",
            ));
        }
        let (payload_len, rest, length_bytes) = match short {
            126 => {
                let Some((length, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*length)), rest, 2)
            }
            127 => {
                let Some((length, rest)) = rest.split_first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*length), rest, 8)
            }
            short => (short, rest, 0),
        };
        let shortest = match length_bytes {
            2 => payload_len > 125,
            8 => payload_len > u64::from(u16::MAX) && payload_len >> 63 == 0,
            _ => true,
        };
        if !shortest {
            return Err(Violation::Protocol("length is not in its shortest form"));
        }
        let Some((mask, _)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        Ok(Some((
            Self {
                fin,
                opcode,
                payload_len,
                mask: *mask,
            },
            2 + length_bytes + 4,
        )))
    }
}

/// Removes a mask from the part of a payload that begins `offset` bytes into it.
pub(super) fn unmask(part: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut mask = mask;
    mask.rotate_left((offset % 4) as usize);
    let (words, rest) = part.as_chunks_mut::<8>();
    let wide = u64::from(u32::from_ne_bytes(mask)) * 0x1_0000_0001;
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmasking_in_parts_equals_unmasking_byte_by_byte() {
        let mask = [0x12, 0x34, 0x56, 0x78];
        for cut in 0..40 {
            let mut payload: Vec<u8> = (0..40).collect();
            let expected: Vec<u8> = payload
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ mask[i % 4])
                .collect();
            let (front, back) = payload.split_at_mut(cut);
            unmask(front, mask, 0);
            unmask(back, mask, cut as u64);
            assert_eq!(payload, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_header_is_read_whole_or_not_at_all() {
        let whole = [0x82, 0xFE, 0x01, 0x00, 1, 2, 3, 4];
        for cut in 0..whole.len() {
            assert_eq!(Header::parse(&whole[..cut]), Ok(None), "cut at {cut}");
        }
        let (header, length) = Header::parse(&whole).expect("valid").expect("whole");
        assert_eq!(
            (header.payload_len, header.mask, length),
            (256, [1, 2, 3, 4], 8)
        );
    }

    #[test]
    fn a_malformed_header_is_refused() {
        for (bytes, what) in [
            (&[0xC1, 0x80][..], "RSV1"),
            (&[0x83, 0x80], "reserved opcode"),
            (&[0x81, 0x00], "no mask"),
            (&[0x09, 0x80], "fragmented ping"),
            (&[0x89, 0xFE], "long ping"),
            (&[0x81, 0xFE, 0x00, 0x05, 0, 0, 0, 0], "16-bit length of 5"),
            (
                &[0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                "length with the top bit",
            ),
        ] {
            assert!(
                matches!(Header::parse(bytes), Err(Violation::Protocol(_))),
                "{what}"
            );
        }
    }
}
