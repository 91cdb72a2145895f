//! Overlays: what later entries change on a message, kept per target (EDIT-3).
//!
//! ```text
//!   target 12 ─ edits {15, 31} · retraction none · reactions {(ben, 👍): 18 set, (cleo, 👍): 20 unset}
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{Seq, UserId};

/// One change to a target, raised like a mark: raising it again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The message that changes.
    pub target: Seq,
    /// The entry that changes it.
    pub by: Seq,
    /// What it does.
    pub change: Change,
}

/// What an entry does to its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Gives it a new body.
    Edit,
    /// Takes it back.
    Retraction,
    /// Sets or takes a reaction of a user.
    Reaction {
        /// Who reacts.
        user: UserId,
        /// The emoji.
        emoji: String,
        /// Set, or taken away.
        set: bool,
    },
}

/// Everything that later entries changed on one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// The seqs of its edits; the highest one inside a reader's right holds.
    pub edits: BTreeSet<Seq>,
    /// Its retraction.
    pub retraction: Option<Seq>,
    /// Its reactions by user and emoji; the entry of highest seq holds.
    pub reactions: BTreeMap<(UserId, String), ReactionState>,
}

/// The newest state of one reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReactionState {
    /// The entry that said it last.
    pub by: Seq,
    /// Set, or taken away.
    pub set: bool,
}

impl Overlay {
    /// Applies one change; in any order and any number of times with the same outcome.
    pub fn raise(&mut self, by: Seq, change: &Change) {
        match change {
            Change::Edit => {
                self.edits.insert(by);
            }
            Change::Retraction => {
                self.retraction = Some(self.retraction.map_or(by, |old| old.min(by)));
            }
            Change::Reaction { user, emoji, set } => {
                let new = ReactionState { by, set: *set };
                self.reactions
                    .entry((user.clone(), emoji.clone()))
                    .and_modify(|old| {
                        if old.by < by {
                            *old = new;
                        }
                    })
                    .or_insert(new);
            }
        }
    }

    /// How many changes there were, for `limits.changes_per_target`.
    pub fn changes(&self) -> usize {
        self.edits.len() + self.reactions.len()
    }
}
