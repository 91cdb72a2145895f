//! Who gets what: each user only entries inside their right and not hidden from them (RIGHT-1, LIFE-4).
//!
//! ```text
//!   entries ─┬─ nothing special ──► one batch for all members
//!            └─ membership or hidden ──► a batch per user, with gaps
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::UserId;
use crate::model::{Content, Stored};
use crate::wire::{EncodedEntry, ServerFrame, TypingFrame};

use super::Machine;
use super::append::leaving;
use super::io::{Batch, Hint, Output};

impl Machine {
    /// Pushes entries to the local sessions of everybody who has a right to them.
    pub(super) fn push(&mut self, entries: &[Arc<EncodedEntry>]) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return;
        };
        self.told = self.told.max(Some(last.stored().seq()));
        let plain = entries.iter().all(|entry| {
            let stored = entry.stored();
            stored.hidden_from.is_none() && !matches!(stored.entry.content, Content::Membership(_))
        });
        let batch = |entries: Vec<Arc<EncodedEntry>>| {
            Arc::new(Batch {
                conversation: self.id.clone(),
                from: first.stored().seq(),
                to: last.stored().seq(),
                entries,
            })
        };
        if plain {
            let output = Output::Push {
                users: Arc::clone(&self.log.users),
                batch: batch(entries.to_vec()),
            };
            self.outputs.push_back(output);
            return;
        }
        for user in self.concerned(entries).iter() {
            let seen: Vec<_> = entries
                .iter()
                .filter(|entry| self.may_see(user, entry.stored()))
                .cloned()
                .collect();
            let mut mine = Batch {
                conversation: self.id.clone(),
                from: first.stored().seq(),
                to: last.stored().seq(),
                entries: seen,
            };
            if self.log.state.role_of(user).is_none() {
                // Nothing is told of what comes after the right ended.
                match mine.entries.last() {
                    None => continue,
                    Some(end) => mine.to = end.stored().seq(),
                }
            }
            self.outputs.push_back(Output::Push {
                users: Arc::from([user.clone()]),
                batch: Arc::new(mine),
            });
        }
    }

    /// The members, and those who leave with these entries.
    pub(super) fn concerned(&self, entries: &[Arc<EncodedEntry>]) -> Arc<[UserId]> {
        let left: BTreeSet<&UserId> = entries
            .iter()
            .filter_map(|entry| leaving(&entry.stored().entry))
            .filter(|user| !self.log.state.members.contains_key(*user))
            .collect();
        if left.is_empty() {
            return Arc::clone(&self.log.users);
        }
        self.log.users.iter().chain(left).cloned().collect()
    }

    /// True when the user may see the entry: inside the right and not hidden.
    pub(super) fn may_see(&self, user: &UserId, stored: &Stored) -> bool {
        stored.hidden_from.as_ref() != Some(user)
            && self
                .log
                .state
                .rights_of(user)
                .is_some_and(|rights| rights.contains(stored.seq()))
    }

    /// True when nothing of `by` may reach `viewer`: a block stands in a direct conversation (LIFE-4).
    pub(super) fn is_withheld(&self, by: &UserId, viewer: &UserId) -> bool {
        self.log.state.id.peer_of(by).is_some()
            && self
                .log
                .standings
                .get(by)
                .is_some_and(|standing| standing.blocks.contains(viewer))
    }

    /// The members without one, and without those whom that one blocks here.
    pub(super) fn others(&self, user: &UserId) -> Arc<[UserId]> {
        self.log
            .users
            .iter()
            .filter(|other| *other != user && !self.is_withheld(user, other))
            .cloned()
            .collect()
    }

    /// Passes on that a member is typing.
    pub(super) fn typing(&mut self, user: &UserId, stopped: bool, publish: bool) {
        if self.log.state.role_of(user).is_none() || !self.log.shows_marks() {
            return;
        }
        let users = self.others(user);
        if users.is_empty() {
            return;
        }
        self.outputs.push_back(Output::Tell {
            users: Arc::clone(&users),
            frame: Arc::new(ServerFrame::Typing(TypingFrame {
                conversation: self.id.clone(),
                user: user.clone(),
                stopped,
            })),
        });
        if publish {
            self.outputs.push_back(Output::Publish {
                users,
                hint: Hint::Typing {
                    user: user.clone(),
                    stopped,
                },
            });
        }
    }
}
