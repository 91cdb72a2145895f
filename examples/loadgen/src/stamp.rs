//! What the generator writes at the start of each body, to know the message again on the other side.
//!
//! ```text
//!   byte   0 … 15                           16 … 23        24 … 31        32 …
//!          due, ns since the run's start    the author     its number     filling
//! ```
//!
//! All in hexadecimal digits, so that the body is text in every codec.

/// The length of a stamp, and so of the smallest body.
pub(crate) const STAMP: usize = 32;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A message as its recipient sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When the message was due, in nanoseconds since the start of the run.
    pub(crate) due: u64,
    /// The author's number.
    pub(crate) author: u32,
    /// The message's number at its author, from 1; it wraps.
    pub(crate) number: u32,
}

impl Stamp {
    /// Writes the stamp over the start of `body`.
    pub(crate) fn write(self, body: &mut [u8]) {
        digits(self.due, &mut body[..16]);
        digits(self.author.into(), &mut body[16..24]);
        digits(self.number.into(), &mut body[24..STAMP]);
    }

    /// Reads the stamp at the start of `body`; `None` if there is none.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let (stamp, _) = body.split_first_chunk::<STAMP>()?;
        Some(Self {
            due: value(&stamp[..16])?,
            author: u32::try_from(value(&stamp[16..24])?).ok()?,
            number: u32::try_from(value(&stamp[24..])?).ok()?,
        })
    }
}

fn digits(mut value: u64, out: &mut [u8]) {
    for place in out.iter_mut().rev() {
        *place = DIGITS[(value & 15) as usize];
        value >>= 4;
    }
}

fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value: u64, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp {
            due: 0x0123_4567_89ab_cdef,
            author: u32::MAX,
            number: 77,
        };
        let mut body = [b'.'; 40];
        stamp.write(&mut body);
        assert_eq!(Stamp::read(&body), Some(stamp));
        assert_eq!(&body[STAMP..], b"........");
    }

    #[test]
    fn another_body_has_no_stamp() {
        assert_eq!(Stamp::read(b"too short"), None);
        assert_eq!(Stamp::read(&[b'g'; STAMP]), None);
    }
}
