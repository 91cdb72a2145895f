//! UTF-8 that arrives in parts.

/// Checks text part by part and refuses the first byte that cannot be right, without waiting for the rest.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Utf8Check {
    /// A character of which the last bytes are still to come.
    begun: [u8; 4],
    begun_len: u8,
}

/// The text is not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8Check {
    /// Takes the next part.
    pub(super) fn push(&mut self, mut part: &[u8]) -> Result<(), NotUtf8> {
        while self.begun_len > 0 {
            let Some((&byte, rest)) = part.split_first() else {
                return Ok(());
            };
            part = rest;
            // A character is complete or refused at its fourth byte at the latest, so there is room.
            self.begun[usize::from(self.begun_len)] = byte;
            self.begun_len += 1;
            match std::str::from_utf8(&self.begun[..usize::from(self.begun_len)]) {
                Ok(_) => self.begun_len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        let Err(error) = std::str::from_utf8(part) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let begun = &part[error.valid_up_to()..];
        self.begun[..begun.len()].copy_from_slice(begun);
        self.begun_len = begun.len() as u8;
        Ok(())
    }

    /// Ends the text: no character may be left unfinished.
    pub(super) fn finish(self) -> Result<(), NotUtf8> {
        if self.begun_len == 0 {
            Ok(())
        } else {
            Err(NotUtf8)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(parts: &[&[u8]]) -> Result<(), NotUtf8> {
        let mut check = Utf8Check::default();
        for part in parts {
            check.push(part)?;
        }
        check.finish()
    }

    #[test]
    fn a_character_may_be_cut_anywhere() {
        let text = "a\u{e4}\u{20ac}\u{1f600}".as_bytes();
        for cut in 0..=text.len() {
            assert_eq!(check(&[&text[..cut], &text[cut..]]), Ok(()), "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_character_at_the_end_is_refused() {
        assert_eq!(check(&[&[0xF0, 0x9F, 0x98]]), Err(NotUtf8));
    }

    #[test]
    fn a_bad_byte_is_refused_at_once() {
        let mut check = Utf8Check::default();
        assert_eq!(check.push(&[0xF4]), Ok(()));
        assert_eq!(
            check.push(&[0x90]),
            Err(NotUtf8),
            "above U+10FFFF whatever follows"
        );
    }

    proptest! {
        #[test]
        fn parts_are_judged_as_the_whole(bytes in prop::collection::vec(prop_oneof![0x20u8..0x7f, 0x80u8..], 0..12), cut in 0usize..12) {
            let cut = cut.min(bytes.len());
            let whole = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(check(&[&bytes[..cut], &bytes[cut..]]).is_ok(), whole);
        }
    }
}
