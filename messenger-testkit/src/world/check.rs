//! What must hold after the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use messenger_core::id::{Cmid, ConversationId, Seq, UserId};
use messenger_core::model::{Content, Conversation, Stored};
use messenger_core::store::ReadLimit;

use crate::exec::block_on;

use super::World;
use super::person::Person;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The clause of the delivery contract.
    pub clause: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.clause, self.found)
    }
}

impl std::error::Error for Disagreement {}

type Checked = Result<(), Disagreement>;

fn ensure(holds: bool, clause: &'static str, found: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Disagreement {
            clause,
            found: found(),
        })
    }
}

impl World {
    pub(super) fn check(&mut self) -> Checked {
        let mut logs = BTreeMap::new();
        for conversation in self.all_conversations() {
            let log = self.log(&conversation);
            self.report.entries += log.len();
            check_log(&conversation, &log)?;
            logs.insert(conversation, log);
        }
        for person in &self.people {
            self.check_sent(person, &logs)?;
            for (conversation, log) in &logs {
                self.check_device(person, conversation, log)?;
            }
        }
        for (conversation, log) in &logs {
            self.check_marks(conversation, log)?;
        }
        Ok(())
    }

    fn all_conversations(&self) -> BTreeSet<ConversationId> {
        let users: BTreeSet<&UserId> = self.people.iter().map(|person| &person.user).collect();
        let pairs = users
            .iter()
            .flat_map(|a| users.iter().map(|b| ConversationId::direct(a, b)));
        pairs.chain(self.groups.iter().cloned()).collect()
    }

    fn log(&self, conversation: &ConversationId) -> Vec<Arc<Stored>> {
        let limit = ReadLimit {
            entries: usize::MAX,
            bytes: usize::MAX,
            newest_first: false,
        };
        let all = Seq(1)..=Seq(u64::MAX);
        block_on(self.truth.messages.read(conversation, all, limit)).expect("memory answers")
    }

    /// Everything that a device sent is in the log, once and in its order, or has failed for good.
    fn check_sent(
        &self,
        person: &Person,
        logs: &BTreeMap<ConversationId, Vec<Arc<Stored>>>,
    ) -> Checked {
        let mut last: BTreeMap<&ConversationId, (Seq, Cmid)> = BTreeMap::new();
        for (conversation, cmid) in &person.sent {
            let in_log = logs.get(conversation).and_then(|log| {
                log.iter()
                    .find(|stored| stored.entry.cmid == *cmid && stored.entry.sender == person.user)
            });
            let record = person.replica.outbox().record(*cmid);
            let Some(stored) = in_log else {
                let failed = record.is_some_and(|record| record.failure.is_some());
                // A message that was never durable at the client died with its program.
                let lost = record.is_none();
                ensure(failed || lost, "LOG-5", || {
                    format!(
                        "{}: {cmid} to {conversation} is neither in the log nor failed: {record:?}",
                        person.name
                    )
                })?;
                continue;
            };
            if let Some((before, earlier)) = last.get(conversation) {
                ensure(*before < stored.seq(), "LOG-5", || {
                    format!(
                        "{}: {cmid} stands before {earlier} in {conversation}",
                        person.name
                    )
                })?;
            }
            last.insert(conversation, (stored.seq(), *cmid));
            ensure(record.is_none(), "LOG-4", || {
                format!(
                    "{}: {cmid} is in the log at {} and still in the outbox: {record:?}",
                    person.name,
                    stored.seq()
                )
            })?;
        }
        Ok(())
    }

    /// A device has each entry of its user's right from where it began, as the log has it, and nothing else.
    fn check_device(
        &self,
        person: &Person,
        conversation: &ConversationId,
        log: &[Arc<Stored>],
    ) -> Checked {
        let mut state = Conversation::empty(conversation.clone());
        for stored in log {
            state.apply(&stored.entry);
        }
        let all = Seq(1)..=Seq(u64::MAX);
        let has: BTreeMap<Seq, Cmid> = person
            .image
            .entries(conversation, all, usize::MAX)
            .into_iter()
            .map(|entry| (entry.seq, entry.cmid))
            .collect();
        let Some(rights) = state.rights_of(&person.user) else {
            return ensure(has.is_empty(), "RIGHT-1", || {
                format!(
                    "{} has entries of {conversation} without a right",
                    person.name
                )
            });
        };
        let record = person.replica.inbox().record(conversation);
        let begins = record.map_or(Seq(1), |record| record.start);
        for stored in log {
            let seq = stored.seq();
            let expected =
                rights.contains(seq) && stored.hidden_from.as_ref() != Some(&person.user);
            match has.get(&seq) {
                Some(cmid) => {
                    ensure(expected, "RIGHT-1", || {
                        format!("{} has {conversation} {seq} outside its right", person.name)
                    })?;
                    ensure(*cmid == stored.entry.cmid, "LOG-5", || {
                        format!(
                            "{}: {conversation} {seq} is another entry than in the log",
                            person.name
                        )
                    })?;
                }
                None => ensure(!expected || seq < begins, "RES-1", || {
                    format!(
                        "{} lacks {conversation} {seq} of {} (begins at {begins}, record {record:?})",
                        person.name,
                        log.len()
                    )
                })?,
            }
        }
        let beyond = has.keys().find(|seq| seq.get() > log.len() as u64);
        ensure(beyond.is_none(), "LOG-4", || {
            format!(
                "{} has {conversation} {beyond:?} above the head",
                person.name
            )
        })
    }

    /// Everything is delivered, and every device shows the marks that the store has.
    fn check_marks(&self, conversation: &ConversationId, log: &[Arc<Stored>]) -> Checked {
        let mut state = Conversation::empty(conversation.clone());
        for stored in log {
            state.apply(&stored.entry);
        }
        let users: Vec<UserId> = state.members.keys().cloned().collect();
        let marks = block_on(self.truth.receipts.of_conversation(conversation, &users))
            .expect("memory answers");
        for (user, marks) in users.iter().zip(marks) {
            let has_device = self
                .people
                .iter()
                .any(|p| p.user == *user && p.replica.session().device.is_some());
            ensure(
                !has_device || marks.delivered.seq.get() >= log.len() as u64,
                "MARK-4",
                || {
                    format!(
                        "{user} has {} of {} in {conversation}",
                        marks.delivered.seq,
                        log.len()
                    )
                },
            )?;
            for person in &self.people {
                if person.user == *user || !users.contains(&person.user) {
                    continue;
                }
                let shown = person
                    .replica
                    .inbox()
                    .record(conversation)
                    .and_then(|record| record.others.get(user))
                    .copied()
                    .unwrap_or_default();
                let expected = marks.delivered.seq.max(marks.read.seq);
                ensure(
                    shown.delivered == expected && shown.read == marks.read.seq,
                    "MARK-7",
                    || {
                        format!(
                            "{} sees {user} in {conversation} at {}/{}, the store has {expected}/{}",
                            person.name, shown.delivered, shown.read, marks.read.seq
                        )
                    },
                )?;
            }
        }
        Ok(())
    }
}

/// The log is dense, each claim stands once, and ordinals and times never fall.
fn check_log(conversation: &ConversationId, log: &[Arc<Stored>]) -> Checked {
    let mut claims = BTreeSet::new();
    let mut ordinal = 0;
    let mut time = None;
    for (index, stored) in log.iter().enumerate() {
        ensure(stored.seq().get() == index as u64 + 1, "LOG-1", || {
            format!("{conversation} has {} at {}", stored.seq(), index + 1)
        })?;
        ensure(
            claims.insert((stored.entry.sender.clone(), stored.entry.cmid)),
            "LOG-3",
            || format!("{conversation} has {} twice", stored.entry.cmid),
        )?;
        ensure(Some(stored.entry.time) >= time, "LOG-7", || {
            format!("time falls in {conversation} at {}", stored.seq())
        })?;
        time = Some(stored.entry.time);
        let counts = match &stored.entry.content {
            Content::Message(message) => u64::from(!message.silent && stored.hidden_from.is_none()),
            // Whether what was erased counted stands in its ordinal.
            Content::Tombstone(_) => stored.entry.ordinal.get().saturating_sub(ordinal).min(1),
            _ => 0,
        };
        ordinal += counts;
        ensure(stored.entry.ordinal.get() == ordinal, "MARK-1", || {
            format!(
                "{conversation} {} has ordinal {}, not {ordinal}",
                stored.seq(),
                stored.entry.ordinal
            )
        })?;
    }
    Ok(())
}
