//! Frames of RFC 6455, section 5, in and out of plain byte buffers.

use std::io;
use std::ops::Range;

/// The largest payload that is taken from a peer.
pub(crate) const MAX_PAYLOAD: usize = 1 << 20;

/// The largest header: two bytes, a 64-bit length, a mask.
const MAX_HEADER: usize = 14;

/// The largest frame.
pub(crate) const MAX_FRAME: usize = MAX_HEADER + MAX_PAYLOAD;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// The end of the link.
    Close,
    /// A sign of life that wants an answer.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    fn parse(bits: u8) -> io::Result<Self> {
        match bits {
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(broken("a continuation or reserved opcode")),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }
}

/// A frame found at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// What it is.
    pub(crate) opcode: Opcode,
    /// Where its payload lies, unmasked by now.
    pub(crate) payload: Range<usize>,
}

/// The four bytes with which a client masks its frames; `None` at a server.
pub(crate) type Mask = Option<[u8; 4]>;

/// Parses the frame at the start of `bytes` and unmasks it where it lies; `None` if it is not whole yet.
///
/// # Errors
///
/// Fragments, reserved bits, reserved opcodes and payloads above [`MAX_PAYLOAD`].
pub(crate) fn parse(bytes: &mut [u8]) -> io::Result<Option<Parsed>> {
    let [first, second, ..] = *bytes else {
        return Ok(None);
    };
    if first & 0xF0 != 0x80 {
        return Err(broken("a fragment or a reserved bit"));
    }
    let opcode = Opcode::parse(first & 0x0F)?;
    let (length, mut at) = match second & 0x7F {
        126 => match bytes.get(2..4) {
            Some(wide) => (usize::from(u16::from_be_bytes([wide[0], wide[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|wide| wide.try_into().ok()) {
            Some(wide) => (
                usize::try_from(u64::from_be_bytes(wide)).unwrap_or(usize::MAX),
                10,
            ),
            None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    if length > MAX_PAYLOAD {
        return Err(broken("a payload above the limit"));
    }
    let mask = if second & 0x80 != 0 {
        let Some(mask) = bytes.get(at..at + 4).and_then(|mask| mask.try_into().ok()) else {
            return Ok(None);
        };
        at += 4;
        Some(mask)
    } else {
        None
    };
    let payload = at..at + length;
    let Some(body) = bytes.get_mut(payload.clone()) else {
        return Ok(None);
    };
    if let Some(mask) = mask {
        apply(mask, body);
    }
    Ok(Some(Parsed { opcode, payload }))
}

/// Appends a whole frame to `out`.
pub(crate) fn append(out: &mut Vec<u8>, opcode: Opcode, mask: Mask, payload: &[u8]) {
    append_parts(out, opcode, mask, payload, &[]);
}

/// Appends a frame whose payload is `head` and then `body`.
pub(crate) fn append_parts(
    out: &mut Vec<u8>,
    opcode: Opcode,
    mask: Mask,
    head: &[u8],
    body: &[u8],
) {
    let length = head.len() + body.len();
    out.reserve(MAX_HEADER + length);
    let masked = if mask.is_some() { 0x80 } else { 0 };
    out.push(0x80 | opcode.bits());
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(wide)) => {
            out.push(masked | 126);
            out.extend_from_slice(&wide.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    if let Some(mask) = mask {
        out.extend_from_slice(&mask);
    }
    let start = out.len();
    out.extend_from_slice(head);
    out.extend_from_slice(body);
    if let Some(mask) = mask {
        apply(mask, &mut out[start..]);
    }
}

/// Masks or unmasks, eight bytes a step: the compiler makes vector code of it.
fn apply(mask: [u8; 4], bytes: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let word: &mut [u8; 8] = chunk
            .try_into()
            .expect("chunks_exact_mut(8) yields eight bytes");
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in chunks
        .into_remainder()
        .iter_mut()
        .zip([a, b, c, d, a, b, c])
    {
        *byte ^= key;
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("WebSocket: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_comes_back_masked_or_not() {
        for length in [0, 1, 7, 8, 125, 126, 127, 4_000, 65_535, 65_536, 100_000] {
            for mask in [None, Some([1, 2, 3, 250])] {
                let payload: Vec<u8> = (0..length).map(|i| (i * 7 % 251) as u8).collect();
                let mut bytes = Vec::new();
                append(&mut bytes, Opcode::Binary, mask, &payload);
                bytes.push(0xFF);

                let parsed = parse(&mut bytes)
                    .expect("a valid frame")
                    .expect("a whole frame");

                assert_eq!(parsed.opcode, Opcode::Binary);
                assert_eq!(parsed.payload.end, bytes.len() - 1);
                assert_eq!(&bytes[parsed.payload], payload);
            }
        }
    }

    #[test]
    fn half_a_frame_is_left_alone() {
        let mut whole = Vec::new();
        append(&mut whole, Opcode::Text, Some([9, 8, 7, 6]), &[b'x'; 300]);
        for cut in 0..whole.len() {
            let mut half = whole[..cut].to_vec();
            assert_eq!(parse(&mut half).expect("nothing wrong yet"), None);
            assert_eq!(half, whole[..cut]);
        }
    }

    #[test]
    fn what_this_codec_does_not_know_is_an_error() {
        assert!(parse(&mut [0x02, 0x00]).is_err(), "a fragment");
        assert!(parse(&mut [0xC2, 0x00]).is_err(), "a compressed frame");
        assert!(parse(&mut [0x83, 0x00]).is_err(), "a reserved opcode");
        assert!(
            parse(&mut [0x82, 127, 0, 0, 0, 0, 255, 0, 0, 0]).is_err(),
            "a huge frame"
        );
    }
}
