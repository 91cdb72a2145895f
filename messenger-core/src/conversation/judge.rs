//! Whether a draft may be appended after the head as it is (SEC-3, EDIT-1, LIFE-4).
//!
//! ```text
//!   draft ──► its claim exists?        duplicate, or mismatch
//!         ──► its predecessor is there? else order_gap
//!         ──► right, role, target       else refused, but only once the claim was looked up
//!         ──► append
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{ConversationKind, Seq, UserId};
use crate::limits::Limits;
use crate::model::{
    ClaimKey, Content, Conversation, EraseReason, Membership, Overlay, PolicyChange, Retention,
    Role, Standing, Stored,
};
use crate::wire::Code;

use super::io::{Claimed, Find, FoundAll, Pending};
use super::recent::Recent;

/// What was looked up for the drafts at hand.
#[derive(Debug, Default)]
pub(super) struct Known {
    claims: BTreeMap<ClaimKey, Option<Claimed>>,
    targets: BTreeMap<Seq, Option<(Arc<Stored>, Overlay)>>,
    contacts: BTreeMap<(UserId, UserId), bool>,
}

impl Known {
    pub(super) fn learn(&mut self, asked: &Find, found: FoundAll) {
        self.claims
            .extend(asked.claims.iter().cloned().zip(found.claims));
        self.targets
            .extend(asked.targets.iter().copied().zip(found.targets));
        self.contacts
            .extend(asked.contacts.iter().cloned().zip(found.contacts));
    }

    /// What was known of targets may have changed with entries that were learned; claims stay true.
    pub(super) fn forget_targets(&mut self) {
        self.targets.clear();
    }
}

/// The machine's view, for a judgement.
pub(super) struct View<'a> {
    pub(super) state: &'a Conversation,
    pub(super) recent: &'a Recent,
    pub(super) standings: &'a BTreeMap<UserId, Standing>,
    pub(super) limits: &'a Limits,
    pub(super) known: &'a Known,
}

/// The outcome of a judgement.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Append it; hidden from this user.
    Append { hidden_from: Option<UserId> },
    /// It is in the log.
    Duplicate(Claimed),
    /// It is refused.
    Refuse(Code),
    /// It cannot be judged before this is known.
    Ask(Find),
}

/// Why a draft cannot simply be appended: refused, or something must be known first.
enum Stop {
    Refuse(Code),
    Ask(Find),
}

type Check<T = ()> = Result<T, Stop>;

impl View<'_> {
    /// Judges a draft. `earlier` tells whether a claim is in the same append before it.
    pub(super) fn judge(&self, draft: &Pending, earlier: impl Fn(&ClaimKey) -> bool) -> Judgement {
        let key = draft.key();
        if let Some(claimed) = self.claim(&key) {
            return match claimed.digest {
                Some(digest) if digest != draft.digest => {
                    Judgement::Refuse(Code::IdempotencyMismatch)
                }
                _ => Judgement::Duplicate(claimed),
            };
        }
        let stop = match self.permit(draft, earlier) {
            Ok(hidden_from) => return Judgement::Append { hidden_from },
            Err(stop) => stop,
        };
        match stop {
            Stop::Ask(mut find) => {
                if !self.known.claims.contains_key(&key) {
                    find.claims.push(key);
                }
                Judgement::Ask(find)
            }
            Stop::Refuse(code) if self.known.claims.contains_key(&key) => Judgement::Refuse(code),
            Stop::Refuse(_) => Judgement::Ask(Find {
                claims: vec![key],
                ..Find::default()
            }),
        }
    }

    /// The entry of a claim as far as it is known without asking.
    pub(super) fn claim(&self, key: &ClaimKey) -> Option<Claimed> {
        self.recent
            .claimed(key)
            .or_else(|| self.known.claims.get(key).cloned().flatten())
    }

    fn permit(
        &self,
        draft: &Pending,
        earlier: impl Fn(&ClaimKey) -> bool,
    ) -> Check<Option<UserId>> {
        let sender = &draft.draft.sender;
        self.check_content(sender, &draft.draft.content)?;
        if let Some(predecessor) = draft.predecessor()
            && !earlier(&predecessor)
            && self.claim(&predecessor).is_none()
        {
            if !self.known.claims.contains_key(&predecessor) {
                return Err(Stop::Ask(Find {
                    claims: vec![predecessor],
                    ..Find::default()
                }));
            }
            return Err(Stop::Refuse(Code::OrderGap));
        }
        self.check_contact(sender)
    }

    /// Blocks and `may_contact` of a direct conversation; answers from whom the entry is hidden.
    fn check_contact(&self, sender: &UserId) -> Check<Option<UserId>> {
        let Some(peer) = self.state.id.peer_of(sender) else {
            return Ok(None);
        };
        if self.blocks(sender, &peer) {
            return refuse(Code::YouBlockThem);
        }
        if self.state.as_of == Seq::ZERO {
            self.may_contact(sender, &peer, Code::NotFound)?;
        }
        Ok(self.blocks(&peer, sender).then_some(peer))
    }

    fn blocks(&self, by: &UserId, user: &UserId) -> bool {
        self.standings
            .get(by)
            .is_some_and(|standing| standing.blocks.contains(user))
    }

    fn may_contact(&self, user: &UserId, other: &UserId, code: Code) -> Check {
        let pair = (user.clone(), other.clone());
        match self.known.contacts.get(&pair) {
            Some(true) => Ok(()),
            Some(false) => refuse(code),
            None => Err(Stop::Ask(Find {
                contacts: vec![pair],
                ..Find::default()
            })),
        }
    }

    fn role(&self, user: &UserId) -> Check<Role> {
        match self.state.role_of(user) {
            Some(role) => Ok(role),
            None if self.state.former.contains_key(user) => refuse(Code::NotAMember),
            None => refuse(Code::NotFound),
        }
    }

    fn check_content(&self, sender: &UserId, content: &Content) -> Check {
        if let Content::Membership(Membership::Created(created)) = content {
            if self.state.kind() != ConversationKind::Group {
                return refuse(Code::WrongKind);
            }
            if self.state.as_of != Seq::ZERO {
                return refuse(Code::ConversationExists);
            }
            return self.check_additions(sender, &created.members);
        }
        let role = self.role(sender)?;
        match content {
            Content::Message(message) => match message.reply_to {
                Some(target) if !self.in_right(sender, target) => refuse(Code::TargetUnknown),
                _ => Ok(()),
            },
            Content::Edit(edit) => self.check_target(sender, edit.target, |author| author),
            Content::Retraction(retraction) => {
                self.check_retraction(sender, retraction.target, role)
            }
            Content::Reaction(reaction) => self.check_target(sender, reaction.target, |_| true),
            Content::Membership(change) => self.check_membership(sender, role, change),
            Content::Policy(change) => self.check_policy(role, change),
            Content::Tombstone(_) => refuse(Code::BadFrame),
        }
    }

    fn in_right(&self, user: &UserId, seq: Seq) -> bool {
        seq <= self.state.as_of
            && self
                .state
                .rights_of(user)
                .is_some_and(|rights| rights.contains(seq))
    }

    fn target(&self, user: &UserId, target: Seq) -> Check<&(Arc<Stored>, Overlay)> {
        if !self.in_right(user, target) {
            return refuse(Code::TargetUnknown);
        }
        match self.known.targets.get(&target) {
            None => Err(Stop::Ask(Find {
                targets: vec![target],
                ..Find::default()
            })),
            Some(None) => refuse(Code::TargetUnknown),
            Some(Some(found)) if found.0.hidden_from.as_ref() == Some(user) => {
                refuse(Code::TargetUnknown)
            }
            Some(Some(found)) => match &found.0.entry.content {
                Content::Message(_) => Ok(found),
                Content::Tombstone(tombstone) => match tombstone.reason {
                    _ if tombstone.kind != crate::model::Kind::Message => {
                        refuse(Code::TargetUnknown)
                    }
                    EraseReason::Relayed | EraseReason::Expired => Ok(found),
                    _ => refuse(Code::TargetGone),
                },
                _ => refuse(Code::TargetUnknown),
            },
        }
    }

    fn check_target(&self, sender: &UserId, target: Seq, allowed: impl Fn(bool) -> bool) -> Check {
        let (stored, overlay) = self.target(sender, target)?;
        if overlay.retraction.is_some() {
            return refuse(Code::TargetGone);
        }
        if !allowed(stored.entry.sender == *sender) {
            return refuse(Code::RoleRequired);
        }
        if overlay.changes() as u64 >= self.limits.changes_per_target {
            return refuse(Code::TooManyChanges);
        }
        Ok(())
    }

    fn check_retraction(&self, sender: &UserId, target: Seq, role: Role) -> Check {
        let (stored, overlay) = self.target(sender, target)?;
        if overlay.retraction.is_some() {
            return refuse(Code::TargetGone);
        }
        if stored.entry.sender != *sender && role < Role::Moderator {
            return refuse(Code::RoleRequired);
        }
        Ok(())
    }

    fn check_membership(&self, sender: &UserId, role: Role, change: &Membership) -> Check {
        if self.state.kind() != ConversationKind::Group {
            return refuse(Code::WrongKind);
        }
        match change {
            Membership::Created(_) => refuse(Code::ConversationExists),
            Membership::Added(added) => {
                if role < Role::Moderator {
                    return refuse(Code::RoleRequired);
                }
                if added
                    .users
                    .iter()
                    .any(|user| self.state.members.contains_key(user))
                {
                    return refuse(Code::NoChange);
                }
                self.check_additions(sender, &added.users)
            }
            Membership::Removed(removed) => match self.state.role_of(&removed.user) {
                _ if role < Role::Moderator => refuse(Code::RoleRequired),
                None => refuse(Code::NoChange),
                Some(_) if removed.user == *sender => refuse(Code::NoChange),
                Some(other) if other >= role && role < Role::Owner => refuse(Code::RoleRequired),
                Some(_) => Ok(()),
            },
            Membership::Left(left) => {
                let last_owner = role == Role::Owner && self.owners() == 1;
                let alone = self.state.members.len() == 1;
                match &left.successor {
                    Some(user) if user == sender || !self.state.members.contains_key(user) => {
                        refuse(Code::LastOwner)
                    }
                    Some(_) if role < Role::Owner => refuse(Code::RoleRequired),
                    None if last_owner && !alone => refuse(Code::LastOwner),
                    _ => Ok(()),
                }
            }
            Membership::Role(given) => match self.state.role_of(&given.user) {
                _ if role < Role::Owner => refuse(Code::RoleRequired),
                None => refuse(Code::NoChange),
                Some(old) if old == given.role => refuse(Code::NoChange),
                Some(Role::Owner) if self.owners() == 1 => refuse(Code::LastOwner),
                Some(_) => Ok(()),
            },
        }
    }

    fn owners(&self) -> usize {
        self.state
            .members
            .values()
            .filter(|member| member.role == Role::Owner)
            .count()
    }

    fn check_additions(&self, sender: &UserId, users: &[UserId]) -> Check {
        if (self.state.members.len() + users.len()) as u64 > self.limits.group_members {
            return refuse(Code::GroupFull);
        }
        let mut unknown = Find::default();
        for user in users.iter().filter(|user| *user != sender) {
            match self.may_contact(sender, user, Code::CannotAdd) {
                Err(Stop::Ask(find)) => unknown.contacts.extend(find.contacts),
                other => other?,
            }
        }
        if unknown == Find::default() {
            Ok(())
        } else {
            Err(Stop::Ask(unknown))
        }
    }

    fn check_policy(&self, role: Role, change: &PolicyChange) -> Check {
        let kind = self.state.kind();
        match change {
            PolicyChange::Title(_) | PolicyChange::History(_)
                if kind != ConversationKind::Group =>
            {
                refuse(Code::WrongKind)
            }
            PolicyChange::Retention(Retention::Relay) if kind == ConversationKind::Notes => {
                refuse(Code::WrongKind)
            }
            PolicyChange::Title(_) if role < Role::Moderator => refuse(Code::RoleRequired),
            PolicyChange::Retention(_) | PolicyChange::History(_)
                if kind == ConversationKind::Group && role < Role::Owner =>
            {
                refuse(Code::RoleRequired)
            }
            PolicyChange::Title(_) | PolicyChange::Retention(_) | PolicyChange::History(_) => {
                Ok(())
            }
        }
    }
}

fn refuse<T>(code: Code) -> Check<T> {
    Err(Stop::Refuse(code))
}
