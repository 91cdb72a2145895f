//! The conversation as one user sees it now: the `conversation` frame.

use crate::id::{Ordinal, Seq, UserId};
use crate::model::{Kind, Rights, UserMarks};
use crate::time::Timestamp;
use crate::wire::{ConversationFrame, MemberEntry, Unread};

use super::Machine;
use super::io::{Asker, Fetched};
use super::marks::{own_of, shown};
use super::retention::readable;

impl Machine {
    /// The frame, from what was fetched for the user: ordinals are those before the join and at the end of the right.
    pub(super) fn summary(
        &self,
        now: Timestamp,
        asker: &Asker,
        re: Option<u64>,
        rights: &Rights,
        fetched: &Fetched,
        exact: Option<u64>,
    ) -> ConversationFrame {
        let user = &asker.user;
        let state = &self.log.state;
        let role = state.role_of(user);
        let head = rights.end(self.log.head());
        let before_join = fetched.ordinals.first().copied().unwrap_or_default();
        let ordinal = if role.is_some() {
            self.log.ordinal
        } else {
            fetched.ordinals.get(1).copied().unwrap_or_default()
        };
        let shows_all = role.is_some() && self.log.shows_marks();
        let mut own = own_of(&fetched.own);
        own.acked = fetched.acked.map(|position| position.seq);
        ConversationFrame {
            re,
            conversation: self.id.clone(),
            kind: state.kind().into(),
            title: state.title.clone(),
            base: self.log.base,
            head,
            ordinal,
            from: rights.start().unwrap_or(Seq(1)),
            member: role.is_some(),
            role,
            last: self.last_message(now, user),
            members: state
                .members
                .iter()
                .filter(|(other, _)| shows_all || *other == user)
                .map(|(user, member)| MemberEntry {
                    user: user.clone(),
                    role: member.role,
                    from: member.joined(),
                })
                .collect(),
            member_count: if role.is_some() {
                state.members.len() as u64
            } else {
                0
            },
            policy: state.policy.clone(),
            own,
            marks: self
                .log
                .marks
                .iter()
                .filter(|(other, _)| {
                    shows_all
                        && *other != user
                        && state.members.contains_key(*other)
                        && !self.is_withheld(other, user)
                })
                .map(|(other, marks)| shown(other, marks))
                .collect(),
            unread: match exact {
                Some(count) => Unread { count, exact: true },
                None => bound(ordinal, before_join, &fetched.own),
            },
            setting: fetched.setting.clone(),
            kept: (self.log.kept > Seq::ZERO).then_some(self.log.kept),
        }
    }

    /// The newest message that the user may see, as far as the newest entries reach.
    fn last_message(&self, now: Timestamp, user: &UserId) -> Option<crate::model::Entry> {
        self.log
            .recent
            .newest_first()
            .find(|entry| {
                entry.stored().entry.content.kind() == Kind::Message
                    && self.may_see(user, entry.stored())
            })
            .map(|entry| readable(entry, now).stored().entry.clone())
    }

    /// The bound of what is unread, from marks that are at hand (MARK-6).
    pub(super) fn unread_bound(&self, _user: &UserId, marks: &UserMarks) -> Unread {
        bound(self.log.ordinal, Ordinal(0), marks)
    }
}

fn bound(head: Ordinal, before_join: Ordinal, marks: &UserMarks) -> Unread {
    let from = marks
        .read
        .ordinal
        .max(marks.read_private.ordinal)
        .max(marks.cleared.ordinal)
        .max(before_join);
    let count = head.get().saturating_sub(from.get());
    Unread {
        count,
        exact: count == 0,
    }
}
