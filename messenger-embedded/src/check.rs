//! Checking a store: everything that it promises of itself, read back from the disk.
//!
//! ```text
//!   each conversation:  base ..= head dense, every record whole, times and ordinals never back
//!                       every claim younger than 32 days found where its entry is
//!   each mark:          not above the head of its conversation
//! ```

use std::collections::HashMap;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::{Content, Position, Stored, UserMarks};
use messenger_core::store::{LogHead, StoreResult};

use crate::bytes::{Malformed, Take};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::index::prefix_end;
use crate::keys;
use crate::logs::Claim;
use crate::store::Store;

/// Entries that are looked up at a time.
const PAGE: usize = 256;

/// What a check has seen, and what it found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// Conversations with at least one entry.
    pub conversations: u64,
    /// Entries, with tombstones.
    pub entries: u64,
    /// Entries whose body was erased.
    pub tombstones: u64,
    /// Marks of users and devices.
    pub marks: u64,
    /// Every broken promise, in words.
    pub problems: Vec<String>,
}

impl Store {
    /// Reads everything back and checks what the store promises of itself. Takes a while in a large store; goes on beside
    /// other calls.
    ///
    /// # Errors
    /// When the store cannot be read at all; what is wrong with single records is in [`Check::problems`].
    pub fn check(&self) -> StoreResult<Check> {
        self.engine.check().map_err(|fault| fault.during("check"))
    }
}

impl Engine {
    pub(crate) fn check(&self) -> Result<Check, Fault> {
        let mut check = Check::default();
        let mut heads = HashMap::new();
        for (conversation, end) in self.conversations(None, usize::MAX)? {
            check.conversations += 1;
            self.check_log(&conversation, end, &mut check)?;
            heads.insert(conversation, end.head);
        }
        self.check_marks(&heads, &mut check)?;
        Ok(check)
    }

    fn check_log(
        &self,
        conversation: &ConversationId,
        end: LogHead,
        check: &mut Check,
    ) -> Result<(), Fault> {
        let mut before: Option<Stored> = None;
        let mut next = end.base;
        while next <= end.head && end.head > Seq::ZERO {
            let places = match self.logs.locate(conversation, next, end.head, PAGE, false) {
                Ok(places) => places,
                Err(Fault::Corrupt(why)) => {
                    check.problems.push(why);
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            };
            self.log.wait(places.cycle)?;
            for place in places.found {
                next = place.seq.next();
                match self.stored(conversation, &place) {
                    Err(fault) => check.problems.push(fault.to_string()),
                    Ok(stored) => {
                        self.check_entry(conversation, end, before.as_ref(), &stored, check)?;
                        before = Some(stored);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_entry(
        &self,
        conversation: &ConversationId,
        end: LogHead,
        before: Option<&Stored>,
        stored: &Stored,
        check: &mut Check,
    ) -> Result<(), Fault> {
        let entry = &stored.entry;
        check.entries += 1;
        check.tombstones += u64::from(matches!(entry.content, Content::Tombstone(_)));
        let mut wrong = |what: String| {
            check
                .problems
                .push(format!("{conversation}: entry {} {what}", entry.seq))
        };
        if let Some(before) = before {
            if before.entry.time > entry.time {
                wrong("has an earlier time than the one before".into());
            }
            if before.entry.ordinal > entry.ordinal {
                wrong("has a lower ordinal than the one before".into());
            }
        }
        if entry.seq == end.head && (entry.time, entry.ordinal) != (end.time, end.ordinal) {
            wrong("is the head, but its time and ordinal are not the head's".into());
        }
        if entry.time >= end.time.minus(CLAIM_KEPT) {
            let claim = self.logs.with(conversation, |access| {
                access.claim(&entry.sender, entry.cmid)
            })?;
            if claim != Claim::At(entry.seq) {
                wrong(format!("is not found by its claim, but {claim:?}"));
            }
        }
        Ok(())
    }

    fn check_marks(
        &self,
        heads: &HashMap<ConversationId, Seq>,
        check: &mut Check,
    ) -> Result<(), Fault> {
        for tag in [keys::MARKS, keys::ACKED] {
            let (items, cycle) = self.state.scan(&[tag], &prefix_end(&[tag]), usize::MAX)?;
            self.log.wait(cycle)?;
            for (key, value) in items {
                check.marks += 1;
                let (conversation, highest) = parse_mark(tag, &key, &value)?;
                let head = heads.get(&conversation).copied().unwrap_or(Seq::ZERO);
                if highest > head {
                    check.problems.push(format!(
                        "{conversation}: a mark at {highest} is above the head {head}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The conversation and the highest seq of a mark's item.
fn parse_mark(tag: u8, key: &[u8], value: &[u8]) -> Result<(ConversationId, Seq), Malformed> {
    let end = key
        .iter()
        .position(|byte| *byte == 0)
        .ok_or(Malformed("mark"))?
        + 1;
    let device = if tag == keys::ACKED { 8 } else { 0 };
    let text = key
        .get(end + device..)
        .and_then(|text| std::str::from_utf8(text).ok());
    let conversation = Take::conversation_from(text.ok_or(Malformed("mark"))?)?;
    let highest = if tag == keys::ACKED {
        Take::new(value).cbor::<Position>("acked")?.seq
    } else {
        let marks: UserMarks = Take::new(value).cbor("marks")?;
        let all = [
            marks.delivered,
            marks.read,
            marks.read_private,
            marks.cleared,
        ];
        all.into_iter()
            .map(|mark| mark.seq)
            .max()
            .unwrap_or_default()
    };
    Ok((conversation, highest))
}
