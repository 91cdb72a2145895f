//! The shape of a frame, checked before it is decoded: nesting, integers, keys.
//!
//! ```text
//!   bytes ─► shape ─► typed decoder
//!            at most 32 levels deep · integers at most 2^53 − 1 · each key once · definite lengths · nothing after the end
//! ```
//!
//! The decoders ignore unknown fields, so what these hold is never seen by them. In JSON the decoder itself refuses a
//! repeated key and integers out of range; only nesting is left to check here.

use crate::codec::MAX_INTEGER;

/// The deepest nesting of a frame; the deepest one of this version has 10 levels.
pub(super) const MAX_DEPTH: usize = 32;

/// Why bytes have not the shape of a frame, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misshapen {
    pub(super) what: &'static str,
    pub(super) at: usize,
}

/// Checks one CBOR item that fills `bytes`.
pub(super) fn check_cbor(bytes: &[u8]) -> Result<(), Misshapen> {
    let mut open = [Level::default(); MAX_DEPTH];
    let mut depth = 0;
    let mut reader = Reader { bytes, at: 0 };
    loop {
        let at = reader.at;
        let fault = |what| Err(Misshapen { what, at });
        let head = reader.head()?;
        if depth > 0 && !open[depth - 1].takes(&head) {
            return fault("a key stands twice in one map");
        }
        let items = match head.major {
            UNSIGNED if head.value > MAX_INTEGER => return fault(TOO_LARGE),
            NEGATIVE if head.value >= MAX_INTEGER => return fault(TOO_LARGE),
            UNSIGNED | NEGATIVE | SIMPLE => 0,
            BYTES | TEXT => {
                reader.skip(head.value)?;
                0
            }
            ARRAY => head.value,
            MAP => head.value.saturating_mul(2),
            _ => 1, // A tag stands before one item.
        };
        if items > 0 {
            if depth == MAX_DEPTH {
                return fault("the frame is nested deeper than 32 levels");
            }
            open[depth] = Level {
                left: items,
                map: head.major == MAP,
                seen: 0,
            };
            depth += 1;
        }
        while depth > 0 && open[depth - 1].left == 0 {
            depth -= 1;
        }
        if depth == 0 {
            return match reader.at == bytes.len() {
                true => Ok(()),
                false => Err(Misshapen {
                    what: "bytes follow the frame",
                    at: reader.at,
                }),
            };
        }
    }
}

/// Checks how deep a JSON text is nested; where it opens one level too many.
#[cfg(feature = "json")]
pub(super) fn check_json(text: &str) -> Result<(), Misshapen> {
    let opens = |byte: &&u8| matches!(byte, b'{' | b'[');
    // Most frames have few brackets in all, and counting them costs next to nothing.
    if text.as_bytes().iter().filter(opens).count() <= MAX_DEPTH {
        return Ok(());
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Misshapen {
                what: "the frame is nested deeper than 32 levels",
                at,
            });
        }
    }
    Ok(())
}

const TOO_LARGE: &str = "a number is above the largest integer, 9007199254740991";

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

/// An array, map or tag that is still open.
#[derive(Clone, Copy, Default)]
struct Level {
    left: u64,
    map: bool,
    seen: u64,
}

impl Level {
    /// Counts an item; false when it is a key that was there before. Keys of fields are small: only those are compared.
    fn takes(&mut self, head: &Head) -> bool {
        let is_key = self.map && self.left.is_multiple_of(2);
        self.left -= 1;
        if !is_key || head.major != UNSIGNED || head.value >= 64 {
            return true;
        }
        let bit = 1 << head.value;
        let first = self.seen & bit == 0;
        self.seen |= bit;
        first
    }
}

/// The first bytes of an item: its major type and its value or length (RFC 8949, section 3).
struct Head {
    major: u8,
    value: u64,
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn head(&mut self) -> Result<Head, Misshapen> {
        let at = self.at;
        let first = self.take::<1>()?[0];
        let value = match first & 31 {
            small @ 0..=23 => u64::from(small),
            24 => u64::from(u8::from_be_bytes(self.take()?)),
            25 => u64::from(u16::from_be_bytes(self.take()?)),
            26 => u64::from(u32::from_be_bytes(self.take()?)),
            27 => u64::from_be_bytes(self.take()?),
            31 => {
                return Err(Misshapen {
                    what: "lengths must be definite",
                    at,
                });
            }
            _ => {
                return Err(Misshapen {
                    what: "no CBOR item begins like this",
                    at,
                });
            }
        };
        Ok(Head {
            major: first >> 5,
            value,
        })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Misshapen> {
        let Some(taken) = self.bytes[self.at..].first_chunk::<N>() else {
            return Err(self.cut_off());
        };
        self.at += N;
        Ok(*taken)
    }

    fn skip(&mut self, length: u64) -> Result<(), Misshapen> {
        let left = (self.bytes.len() - self.at) as u64;
        if length > left {
            return Err(self.cut_off());
        }
        self.at += length as usize;
        Ok(())
    }

    fn cut_off(&self) -> Misshapen {
        Misshapen {
            what: "the frame is cut off",
            at: self.bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> Option<&'static str> {
        check_cbor(bytes).err().map(|misshapen| misshapen.what)
    }

    #[test]
    fn thirty_two_levels_are_the_deepest() {
        let nested = |levels| [vec![0x81; levels], vec![0]].concat();
        assert_eq!(fault(&nested(MAX_DEPTH)), None);
        assert_eq!(
            fault(&nested(MAX_DEPTH + 1)),
            Some("the frame is nested deeper than 32 levels")
        );
        assert!(fault(&nested(1_000_000)).is_some());
    }

    #[test]
    fn siblings_do_not_add_up_to_depth() {
        let mut bytes = vec![0x98, 200];
        bytes.extend(std::iter::repeat_n([0x81, 0x80], 200).flatten());
        assert_eq!(fault(&bytes), None);
    }

    #[test]
    fn a_key_stands_once_in_its_map_and_again_in_another() {
        assert_eq!(fault(&[0xa2, 0, 1, 1, 1]), None);
        assert_eq!(
            fault(&[0xa2, 0, 1, 0, 1]),
            Some("a key stands twice in one map")
        );
        assert_eq!(fault(&[0xa2, 0, 0xa1, 0, 5, 1, 0xa1, 0, 5]), None);
    }

    #[test]
    fn integers_end_at_2_to_the_53rd_minus_1() {
        let with = |first: u8, value: u64| [&[first][..], &value.to_be_bytes()].concat();
        assert_eq!(fault(&with(0x1b, MAX_INTEGER)), None);
        assert_eq!(fault(&with(0x1b, MAX_INTEGER + 1)), Some(TOO_LARGE));
        assert_eq!(fault(&with(0x3b, MAX_INTEGER - 1)), None);
        assert_eq!(fault(&with(0x3b, MAX_INTEGER)), Some(TOO_LARGE));
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_no_frame() {
        assert_eq!(fault(&[]), Some("the frame is cut off"));
        assert_eq!(fault(&[0x82, 1]), Some("the frame is cut off"));
        assert_eq!(fault(&[0x63, b'a']), Some("the frame is cut off"));
        assert_eq!(
            fault(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Some("the frame is cut off")
        );
        assert_eq!(fault(&[0x00, 0x00]), Some("bytes follow the frame"));
        assert_eq!(fault(&[0x9f, 0xff]), Some("lengths must be definite"));
        assert_eq!(fault(&[0x1c]), Some("no CBOR item begins like this"));
    }

    #[cfg(feature = "json")]
    #[test]
    fn brackets_in_json_strings_are_no_nesting() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(check_json(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(check_json(&nested(MAX_DEPTH + 1)).unwrap_err().at, 32);
        assert!(check_json(&format!("\"{}\"", "[".repeat(500))).is_ok());
        assert!(check_json(&format!("\"\\\"{}\"", "{".repeat(500))).is_ok());
        assert!(check_json(&"{}".repeat(500)).is_ok());
    }
}
