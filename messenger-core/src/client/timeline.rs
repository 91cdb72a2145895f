//! Messages as a person sees them: with their edits, retractions and reactions (EDIT-2).
//!
//! ```text
//!   entries in any order ──► Timeline ──► 7 "See you at six" (edited) 👍 2
//!                                         9 (taken back)
//! ```

use std::collections::BTreeMap;

use crate::id::{Cmid, Seq, UserId};
use crate::model::{
    Change, Content, Entry, EraseReason, Membership, Message, Overlay, PolicyChange,
};
use crate::time::Timestamp;

/// The messages and events of one conversation as a person sees them.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    shown: BTreeMap<Seq, Shown>,
    overlays: BTreeMap<Seq, Overlay>,
    edits: BTreeMap<Seq, Message>,
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its position.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserId,
    /// The key under which the sender's client made it.
    pub cmid: Cmid,
    /// When.
    pub time: Timestamp,
    /// What it says now.
    pub body: ShownBody,
    /// True when an edit changed it.
    pub edited: bool,
    /// Who set which emoji, by emoji.
    pub reactions: BTreeMap<String, Vec<UserId>>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ShownBody {
    /// A message, in the words of its newest edit.
    Message(Message),
    /// A message that was taken back.
    Retracted,
    /// A message whose body is gone for another reason.
    Gone(EraseReason),
    /// Members changed.
    Membership(Membership),
    /// Title, retention or history changed.
    Policy(PolicyChange),
}

impl Timeline {
    /// A timeline of these entries.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut timeline = Self::default();
        for entry in entries {
            timeline.entry(&entry);
        }
        timeline
    }

    /// Takes an entry; the same one again changes nothing.
    pub fn entry(&mut self, entry: &Entry) {
        let by = entry.seq;
        match &entry.content {
            Content::Edit(edit) => {
                self.edits.insert(by, edit.message.clone());
                self.change(edit.target, by, &Change::Edit);
            }
            Content::Retraction(retraction) => {
                self.change(retraction.target, by, &Change::Retraction);
            }
            Content::Reaction(reaction) => {
                let change = Change::Reaction {
                    user: entry.sender.clone(),
                    emoji: reaction.emoji.clone(),
                    set: reaction.set,
                };
                self.change(reaction.target, by, &change);
            }
            Content::Message(message) => self.line(entry, ShownBody::Message(message.clone())),
            Content::Membership(change) => {
                self.line(entry, ShownBody::Membership(change.clone()));
            }
            Content::Policy(change) => self.line(entry, ShownBody::Policy(change.clone())),
            Content::Tombstone(tombstone) => match (tombstone.kind, tombstone.reason) {
                (crate::model::Kind::Message, EraseReason::Retracted) => {
                    self.line(entry, ShownBody::Retracted);
                }
                (crate::model::Kind::Message, reason) => {
                    self.line(entry, ShownBody::Gone(reason));
                }
                _ => {}
            },
        }
    }

    /// Drops everything above `seq`.
    pub fn truncate(&mut self, seq: Seq) {
        self.shown.retain(|&at, _| at <= seq);
        self.edits.retain(|&at, _| at <= seq);
        for overlay in self.overlays.values_mut() {
            overlay.edits.retain(|&by| by <= seq);
            overlay.retraction = overlay.retraction.filter(|&by| by <= seq);
            overlay.reactions.retain(|_, state| state.by <= seq);
        }
    }

    /// The lines in order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = Shown> {
        self.shown.values().map(|line| self.overlaid(line))
    }

    /// One line.
    pub fn get(&self, seq: Seq) -> Option<Shown> {
        self.shown.get(&seq).map(|line| self.overlaid(line))
    }

    fn line(&mut self, entry: &Entry, body: ShownBody) {
        let line = Shown {
            seq: entry.seq,
            sender: entry.sender.clone(),
            cmid: entry.cmid,
            time: entry.time,
            body,
            edited: false,
            reactions: BTreeMap::new(),
        };
        self.shown.insert(entry.seq, line);
    }

    fn change(&mut self, target: Seq, by: Seq, change: &Change) {
        self.overlays.entry(target).or_default().raise(by, change);
    }

    fn overlaid(&self, line: &Shown) -> Shown {
        let mut line = line.clone();
        let Some(overlay) = self.overlays.get(&line.seq) else {
            return line;
        };
        if overlay.retraction.is_some() {
            line.body = ShownBody::Retracted;
            return line;
        }
        let newest = overlay.edits.iter().rev().find_map(|by| self.edits.get(by));
        if let (ShownBody::Message(message), Some(edit)) = (&mut line.body, newest) {
            *message = edit.clone();
            line.edited = true;
        }
        for ((user, emoji), state) in &overlay.reactions {
            if state.set {
                line.reactions
                    .entry(emoji.clone())
                    .or_default()
                    .push(user.clone());
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ordinal;
    use crate::model::{Edit, Reaction, Retraction};

    fn entry(seq: u64, sender: &str, content: impl Into<Content>) -> Entry {
        Entry {
            seq: Seq(seq),
            sender: UserId::parse(sender).unwrap(),
            cmid: Cmid::from_parts(Timestamp(seq), [0; 10]),
            time: Timestamp(seq),
            ordinal: Ordinal(seq),
            content: content.into(),
        }
    }

    fn edit(seq: u64, text: &str) -> Entry {
        let message = Message::text(text);
        entry(
            seq,
            "anna",
            Edit {
                target: Seq(1),
                message,
            },
        )
    }

    fn reaction(seq: u64, set: bool) -> Entry {
        let emoji = "👍🏽".to_owned();
        entry(
            seq,
            "ben",
            Reaction {
                target: Seq(1),
                emoji,
                set,
            },
        )
    }

    fn text(shown: &Shown) -> &str {
        match &shown.body {
            ShownBody::Message(message) => message.text.as_ref().unwrap().as_str(),
            other => panic!("no message: {other:?}"),
        }
    }

    #[test]
    fn the_edit_of_highest_seq_holds_in_whatever_order_they_come() {
        let timeline = Timeline::of([
            edit(4, "later"),
            entry(1, "anna", Message::text("first")),
            edit(2, "earlier"),
        ]);
        let shown = timeline.get(Seq(1)).unwrap();
        assert_eq!((text(&shown), shown.edited), ("later", true));
        assert_eq!(timeline.lines().count(), 1);
    }

    #[test]
    fn a_reaction_is_set_as_its_newest_entry_says() {
        let message = entry(1, "anna", Message::text("first"));
        let timeline = Timeline::of([reaction(3, false), message.clone(), reaction(2, true)]);
        assert!(timeline.get(Seq(1)).unwrap().reactions.is_empty());
        let timeline = Timeline::of([reaction(3, true), message, reaction(2, false)]);
        assert_eq!(timeline.get(Seq(1)).unwrap().reactions["👍🏽"].len(), 1);
    }

    #[test]
    fn a_retracted_message_shows_nothing_of_what_it_said() {
        let mut timeline = Timeline::of([
            entry(1, "anna", Message::text("secret")),
            edit(2, "secret too"),
            entry(3, "anna", Retraction { target: Seq(1) }),
        ]);
        assert_eq!(timeline.get(Seq(1)).unwrap().body, ShownBody::Retracted);
        timeline.truncate(Seq(2));
        assert_eq!(text(&timeline.get(Seq(1)).unwrap()), "secret too");
    }
}
