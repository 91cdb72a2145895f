//! What entries and `conversation` frames say of a conversation: title, members, roles, policy.
//!
//! ```text
//!   conversation frame ──► the state as the server sees it now
//!   entries, in order  ──► what changed since, before the server says it again
//! ```

use crate::id::{Seq, UserId};
use crate::model::{Content, Entry, Membership, Policy, PolicyChange, Role};
use crate::wire::{ConversationFrame, OwnMarks};

use super::change::{ConversationRecord, MemberRecord, UnreadRecord};

impl ConversationRecord {
    /// Takes what the server says; marks only rise.
    pub(super) fn describe(&mut self, frame: &ConversationFrame) {
        self.known = true;
        self.described = frame.head;
        self.title = frame.title.clone();
        self.head = self.head.max(frame.head);
        self.head_ordinal = self.head_ordinal.max(frame.ordinal);
        self.from = frame.from;
        self.member = frame.member;
        self.role = frame.role;
        self.policy = frame.policy.clone();
        self.member_count = frame.member_count;
        if let Some(last) = &frame.last {
            self.time = self.time.max(last.time);
        }
        self.describe_members(frame);
        for mark in &frame.marks {
            self.raise_other(&mark.user, mark.delivered, mark.read);
        }
        self.raise_own(&frame.own);
        self.take_setting(&frame.setting);
        self.told = UnreadRecord {
            count: frame.unread.count,
            exact: frame.unread.exact,
            from: self.unread_from(),
            upto: frame.head,
        };
    }

    /// Applies the next entry.
    pub(super) fn apply(&mut self, entry: &Entry, me: Option<&UserId>) {
        self.head = self.head.max(entry.seq);
        self.head_ordinal = self.head_ordinal.max(entry.ordinal);
        self.time = self.time.max(entry.time);
        if entry.seq <= self.described {
            // Members, roles and policy of a later moment are known already.
            return;
        }
        match &entry.content {
            Content::Membership(change) => self.apply_membership(entry, change, me),
            Content::Policy(PolicyChange::Title(retitled)) => {
                self.title = Some(retitled.title.clone());
            }
            Content::Policy(PolicyChange::Retention(retention)) => {
                self.policy.retention = *retention;
            }
            Content::Policy(PolicyChange::History(history)) => self.policy.history = *history,
            Content::Message(_)
            | Content::Edit(_)
            | Content::Retraction(_)
            | Content::Reaction(_)
            | Content::Tombstone(_) => {}
        }
    }

    /// Raises the user's own marks; true when one rose.
    pub(super) fn raise_own(&mut self, told: &OwnMarks) -> bool {
        let before = self.own;
        let own = &mut self.own;
        own.acked = own.acked.max(told.acked);
        own.delivered = own.delivered.max(told.delivered);
        own.read = own.read.max(told.read);
        own.read_private = own.read_private.max(told.read_private);
        own.cleared = own.cleared.max(told.cleared);
        before != *own
    }

    /// Takes a setting unless a newer one is known; true when it changed.
    pub(super) fn take_setting(&mut self, setting: &crate::model::Setting) -> bool {
        let newer = setting.version > self.setting.version
            || (setting.version == self.setting.version && *setting != self.setting);
        if newer {
            self.setting = setting.clone();
        }
        newer
    }

    pub(super) fn member_joined(&mut self, user: &UserId, role: Role, at: Seq) {
        if self.members.contains_key(user) {
            return;
        }
        if self.lists_members() {
            self.members
                .insert(user.clone(), MemberRecord { role, joined: at });
        }
        self.member_count += 1;
    }

    pub(super) fn member_left(&mut self, user: &UserId) {
        if self.members.remove(user).is_some() || !self.lists_members() {
            self.member_count = self.member_count.saturating_sub(1);
        }
    }

    /// True while all members are known by name: in conversations of up to 64.
    pub fn lists_members(&self) -> bool {
        self.members.len() as u64 == self.member_count
    }

    /// Takes the list of members, if all are listed.
    fn describe_members(&mut self, frame: &ConversationFrame) {
        self.members.clear();
        if frame.members.len() as u64 != frame.member_count {
            return;
        }
        self.members.extend(frame.members.iter().map(|member| {
            let record = MemberRecord {
                role: member.role,
                joined: member.from,
            };
            (member.user.clone(), record)
        }));
    }

    fn apply_membership(&mut self, entry: &Entry, change: &Membership, me: Option<&UserId>) {
        match change {
            Membership::Created(created) => {
                self.title = Some(created.title.clone());
                self.policy = Policy {
                    retention: created.retention,
                    history: created.history,
                };
                for user in &created.members {
                    self.joined(user, Role::Member, entry.seq, me);
                }
                self.joined(&entry.sender, Role::Owner, entry.seq, me);
            }
            Membership::Added(added) => {
                for user in &added.users {
                    self.joined(user, Role::Member, entry.seq, me);
                }
            }
            Membership::Removed(removed) => self.left(&removed.user, me),
            Membership::Left(left) => {
                if let Some(successor) = &left.successor {
                    self.promoted(successor, Role::Owner, me);
                }
                self.left(&entry.sender, me);
            }
            Membership::Role(given) => self.promoted(&given.user, given.role, me),
        }
    }

    fn joined(&mut self, user: &UserId, role: Role, at: Seq, me: Option<&UserId>) {
        if me == Some(user) {
            self.member = true;
            self.role = Some(role);
        }
        self.member_joined(user, role, at);
    }

    fn left(&mut self, user: &UserId, me: Option<&UserId>) {
        if me == Some(user) {
            self.member = false;
            self.role = None;
        }
        self.member_left(user);
    }

    fn promoted(&mut self, user: &UserId, role: Role, me: Option<&UserId>) {
        if me == Some(user) {
            self.role = Some(role);
        }
        if let Some(member) = self.members.get_mut(user) {
            member.role = role;
        }
    }
}
