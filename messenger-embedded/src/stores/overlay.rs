//! The bytes of an overlay.
//!
//! ```text
//!   edits: count, seqs │ retraction: seq or 0 │ reactions: count, (user, emoji, by, set)
//! ```

use messenger_core::id::Seq;
use messenger_core::model::{Overlay, ReactionState};

use crate::bytes::{Malformed, Put, Take};

pub(super) fn encode_overlay(overlay: &Overlay) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    bytes.put_varint(overlay.edits.len() as u64);
    overlay
        .edits
        .iter()
        .for_each(|seq| bytes.put_varint(seq.get()));
    bytes.put_varint(overlay.retraction.unwrap_or(Seq::ZERO).get());
    bytes.put_varint(overlay.reactions.len() as u64);
    for ((user, emoji), state) in &overlay.reactions {
        bytes.put_text(user.as_str());
        bytes.put_text(emoji);
        bytes.put_varint(state.by.get());
        bytes.put_u8(state.set.into());
    }
    bytes
}

pub(super) fn decode_overlay(bytes: &[u8]) -> Result<Overlay, Malformed> {
    let mut take = Take::new(bytes);
    let mut overlay = Overlay::default();
    for _ in 0..take.varint()? {
        overlay.edits.insert(Seq(take.varint()?));
    }
    overlay.retraction = Some(Seq(take.varint()?)).filter(|seq| *seq > Seq::ZERO);
    for _ in 0..take.varint()? {
        let key = (take.user()?, take.text()?.to_owned());
        let state = ReactionState {
            by: Seq(take.varint()?),
            set: take.u8()? != 0,
        };
        overlay.reactions.insert(key, state);
    }
    Ok(overlay)
}

#[cfg(test)]
mod tests {
    use messenger_core::id::UserId;
    use messenger_core::model::Change;

    use super::*;

    #[test]
    fn an_overlay_is_read_as_it_was_written() {
        let mut overlay = Overlay::default();
        let user = UserId::parse("anna").unwrap();
        overlay.raise(Seq(7), &Change::Edit);
        overlay.raise(
            Seq(9),
            &Change::Reaction {
                user,
                emoji: "👩‍👩‍👧".into(),
                set: true,
            },
        );
        assert_eq!(
            decode_overlay(&encode_overlay(&overlay)),
            Ok(overlay.clone())
        );
        overlay.raise(Seq(11), &Change::Retraction);
        assert_eq!(decode_overlay(&encode_overlay(&overlay)), Ok(overlay));
    }
}
