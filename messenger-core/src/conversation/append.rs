//! The append cycle: judge, append, learn on conflict, announce, push.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::id::{Ordinal, Seq, UserId};
use crate::limits::{CMID_MAX_AGE, CMID_MAX_AHEAD, RELAY_TIME_TO_LIVE};
use crate::model::{
    Annotation, Change, ClaimKey, Content, ContentDigest, Draft, Entry, Expiry, Retention, Stored,
};
use crate::time::{Day, Timestamp};
use crate::wire::{Accepted, Code, EncodedEntry, Rejected, ServerFrame};

use super::io::FoundAll;
use super::io::{
    Announcement, Answer, Asker, Claimed, Find, Hint, Input, Output, Pending, Request, Ticket,
};
use super::judge::{Judgement, Known, View};
use super::{Machine, Phase};

/// How often one step is tried before whoever waits is told `unavailable`.
pub(super) const MAX_ATTEMPTS: u32 = 6;

/// Drafts that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    drafts: VecDeque<Pending>,
    /// Entries of other nodes, not yet taken in.
    hinted: Vec<Vec<Stored>>,
    /// The head is known to be higher than the entries that are known.
    learn: bool,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.hinted.is_empty() && !self.learn
    }

    /// True when entries of other nodes wait to be taken in.
    pub(super) fn has_news(&self) -> bool {
        self.learn || !self.hinted.is_empty()
    }

    pub(super) fn want_learn(&mut self) {
        self.learn = true;
    }
}

/// Where the machine stands in its cycle.
#[derive(Debug)]
pub(super) enum Cycle {
    Idle,
    Finding {
        ticket: Ticket,
        asked: Find,
        attempt: u32,
    },
    Appending {
        ticket: Ticket,
        batch: Vec<Pending>,
        entries: Vec<Arc<Stored>>,
        attempt: u32,
    },
    Learning {
        ticket: Ticket,
        attempt: u32,
    },
    Announcing {
        ticket: Ticket,
        announcement: Announcement,
        news: News,
        attempt: u32,
    },
}

/// Entries that were taken in and are pushed once they are announced.
#[derive(Debug)]
pub(super) struct News {
    entries: Vec<Arc<EncodedEntry>>,
    push: bool,
    /// The drafts that they were; empty when they were learned.
    own: Vec<Pending>,
    /// No other node tells of them.
    publish: bool,
    day: Day,
}

/// The ticket of a step that waits for its timer.
const PAUSED: Ticket = Ticket(u64::MAX);

impl Cycle {
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Idle => None,
            Self::Finding { ticket, .. }
            | Self::Appending { ticket, .. }
            | Self::Learning { ticket, .. }
            | Self::Announcing { ticket, .. } => Some(*ticket),
        }
    }
}

impl Machine {
    pub(super) fn submit(&mut self, now: Timestamp, asker: Asker, re: Option<u64>, draft: Draft) {
        let time = draft.cmid.time();
        let digest = ContentDigest::of(&draft.content, &self.config.digest_key);
        let pending = Pending {
            asker,
            re,
            draft,
            digest,
        };
        if now.since(time) > CMID_MAX_AGE || time.since(now) > CMID_MAX_AHEAD {
            return self.reject(&pending, Code::CmidExpired);
        }
        self.queue.drafts.push_back(pending);
    }

    pub(super) fn hinted(&mut self, hint: Hint) {
        match hint {
            Hint::Entries { entries } => self.queue.hinted.push(entries),
            Hint::Marks { user, marks, own } => self.marks_hinted(user, marks, own),
            Hint::Typing { user, stopped } => self.typing(&user, stopped, false),
        }
    }

    /// Goes on with the cycle as far as it can without an answer.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while matches!(self.cycle, Cycle::Idle) && self.phase == Phase::Open {
            if let Some(entries) = self.next_hinted() {
                let news = entries
                    .into_iter()
                    .map(|stored| self.log.take(Arc::new(stored)))
                    .collect();
                // Whoever hints has announced before.
                self.publish_news(News {
                    entries: news,
                    push: true,
                    own: Vec::new(),
                    publish: false,
                    day: now.day(),
                });
            } else if self.queue.learn {
                self.learn(0);
            } else if !self.queue.drafts.is_empty() {
                self.next_append(now);
            } else if !self.ask_again(now) && !self.sweep() {
                return;
            }
        }
    }

    /// The next hinted entries that follow the head; hints that leave a hole are dropped and the hole is read.
    fn next_hinted(&mut self) -> Option<Vec<Stored>> {
        let head = self.log.head();
        for mut entries in std::mem::take(&mut self.queue.hinted) {
            entries.retain(|stored| stored.seq() > head);
            match entries.first() {
                None => {}
                Some(first) if first.seq() == head.next() && is_dense(&entries) => {
                    return Some(entries);
                }
                Some(_) => self.queue.learn = true,
            }
        }
        None
    }

    fn learn(&mut self, attempt: u32) {
        self.queue.learn = false;
        let after = self.log.head();
        let ticket = self.request(Request::Learn { after });
        self.cycle = Cycle::Learning { ticket, attempt };
    }

    /// Judges drafts until one must wait, and appends those that may be.
    fn next_append(&mut self, now: Timestamp) {
        let mut batch: Vec<Pending> = Vec::new();
        let mut entries: Vec<Arc<Stored>> = Vec::new();
        let mut ask = Find::default();
        let mut settled = Vec::new();
        let limit = usize::try_from(self.config.limits.drafts_per_append).unwrap_or(usize::MAX);
        while batch.len() < limit {
            let Some(pending) = self.queue.drafts.front() else {
                break;
            };
            let key = pending.key();
            let stays_alone = !matches!(pending.draft.content, Content::Message(_));
            if (stays_alone && !batch.is_empty()) || batch.iter().any(|p| is_key(p, &key)) {
                break;
            }
            let view = View {
                state: &self.log.state,
                recent: &self.log.recent,
                standings: &self.log.standings,
                limits: &self.config.limits,
                known: &self.known,
            };
            let judgement = view.judge(pending, |key| batch.iter().any(|p| is_key(p, key)));
            let hidden_from = match judgement {
                Judgement::Ask(find) => {
                    ask = find;
                    break;
                }
                Judgement::Duplicate(claimed) if claimed.seq > self.log.head() => {
                    // Another node appended it: take it in, so that it is announced before it is answered.
                    self.queue.learn = true;
                    break;
                }
                Judgement::Duplicate(claimed) => {
                    let pending = self.queue.drafts.pop_front().expect("the front was judged");
                    settled.push((pending, Ok(claimed)));
                    continue;
                }
                Judgement::Refuse(code) => {
                    let pending = self.queue.drafts.pop_front().expect("the front was judged");
                    settled.push((pending, Err(code)));
                    continue;
                }
                Judgement::Append { hidden_from } => hidden_from,
            };
            let pending = self.queue.drafts.pop_front().expect("the front was judged");
            let last = entries.last().map(|stored: &Arc<Stored>| &stored.entry);
            entries.push(Arc::new(self.finish(now, &pending, last, hidden_from)));
            batch.push(pending);
            if stays_alone {
                break;
            }
        }
        for (pending, outcome) in settled {
            match outcome {
                Ok(claimed) => self.accept_duplicate(&pending, &claimed),
                Err(code) => self.reject(&pending, code),
            }
        }
        if !batch.is_empty() {
            self.append(batch, entries, 0);
        } else if ask != Find::default() {
            let ticket = self.request(Request::Find(ask.clone()));
            self.cycle = Cycle::Finding {
                ticket,
                asked: ask,
                attempt: 0,
            };
        }
    }

    /// Makes the finished entry of a draft.
    fn finish(
        &self,
        now: Timestamp,
        pending: &Pending,
        last: Option<&Entry>,
        hidden_from: Option<UserId>,
    ) -> Stored {
        let (seq, time, ordinal) = match last {
            Some(entry) => (entry.seq, entry.time, entry.ordinal),
            None => (self.log.head(), self.log.time, self.log.ordinal),
        };
        let content = pending.draft.content.clone();
        let counts = content.is_countable() && hidden_from.is_none();
        let expiry = content.has_body().then(|| self.expiry(now)).flatten();
        Stored {
            entry: Entry {
                seq: seq.next(),
                sender: pending.draft.sender.clone(),
                cmid: pending.draft.cmid,
                time: now.max(time),
                ordinal: Ordinal(ordinal.get() + u64::from(counts)),
                content,
            },
            accepted_at: now,
            hidden_from,
            digest: Some(pending.digest),
            expiry,
        }
    }

    fn expiry(&self, now: Timestamp) -> Option<Expiry> {
        match self.log.state.policy.retention {
            Retention::Keep => None,
            Retention::Relay => Some(Expiry {
                at: now.plus(RELAY_TIME_TO_LIVE),
                relay: true,
            }),
            Retention::Timed(seconds) => Some(Expiry {
                at: now.plus(std::time::Duration::from_secs(seconds)),
                relay: false,
            }),
        }
    }

    fn append(&mut self, batch: Vec<Pending>, entries: Vec<Arc<Stored>>, attempt: u32) {
        let after = entries[0].seq().previous();
        let ticket = self.request(Request::Append {
            after,
            entries: entries.clone(),
        });
        self.cycle = Cycle::Appending {
            ticket,
            batch,
            entries,
            attempt,
        };
    }

    pub(super) fn cycle_answered(&mut self, now: Timestamp, answer: Answer) {
        let cycle = std::mem::replace(&mut self.cycle, Cycle::Idle);
        match (cycle, answer) {
            (Cycle::Finding { asked, .. }, Answer::Found(found)) => {
                self.known.learn(&asked, *found)
            }
            (Cycle::Appending { entries, batch, .. }, Answer::Appended) => {
                self.known = Known::default();
                let news = entries
                    .into_iter()
                    .map(|stored| self.log.take(stored))
                    .collect();
                self.announce(now, news, true, Some(batch));
            }
            (Cycle::Appending { batch, .. }, Answer::Conflict { duplicates }) => {
                let asked = Find {
                    claims: duplicates
                        .iter()
                        .filter_map(|(index, _)| batch.get(*index).map(Pending::key))
                        .collect(),
                    ..Find::default()
                };
                self.known = Known::default();
                self.known.learn(
                    &asked,
                    FoundAll {
                        claims: duplicates
                            .into_iter()
                            .map(|(_, found)| Some(found))
                            .collect(),
                        ..FoundAll::default()
                    },
                );
                for pending in batch.into_iter().rev() {
                    self.queue.drafts.push_front(pending);
                }
                self.learn(0);
            }
            (Cycle::Learning { .. }, Answer::Learned { entries }) => self.learned(now, entries),
            (Cycle::Announcing { news, .. }, Answer::Done) => self.publish_news(news),
            (cycle, Answer::Failed { retriable, unknown }) => {
                self.cycle = cycle;
                self.cycle_failed(retriable || unknown);
            }
            (cycle, _) => {
                self.cycle = cycle;
                self.cycle_failed(false);
            }
        }
    }

    fn learned(&mut self, now: Timestamp, entries: Vec<Arc<Stored>>) {
        let head = self.log.head();
        if entries
            .first()
            .is_some_and(|first| first.seq() != head.next())
        {
            // Older entries were cut away in between: begin anew from the snapshot.
            return self.close();
        }
        self.recheck_ahead();
        if entries.is_empty() {
            return;
        }
        self.known.forget_targets();
        // An own append whose outcome was unknown is found here: nobody else tells of it.
        let ours = entries.iter().any(|stored| {
            let is_ours = |pending: &Pending| {
                pending.draft.cmid == stored.entry.cmid
                    && pending.draft.sender == stored.entry.sender
            };
            self.queue.drafts.iter().any(is_ours)
        });
        let news: Vec<_> = entries
            .into_iter()
            .map(|stored| self.log.take(stored))
            .collect();
        self.recheck_ahead();
        self.announce(now, news, true, ours.then(Vec::new));
    }

    fn cycle_failed(&mut self, retriable: bool) {
        let attempt = match &mut self.cycle {
            Cycle::Idle => return,
            Cycle::Finding {
                ticket, attempt, ..
            }
            | Cycle::Appending {
                ticket, attempt, ..
            }
            | Cycle::Learning { ticket, attempt }
            | Cycle::Announcing {
                ticket, attempt, ..
            } => {
                *ticket = PAUSED;
                *attempt += 1;
                *attempt
            }
        };
        if retriable && attempt < MAX_ATTEMPTS {
            self.wake(attempt);
            return;
        }
        match std::mem::replace(&mut self.cycle, Cycle::Idle) {
            // Entries that are in the log but not listed: a retry finds them, and a later opening lists them (LOG-4).
            Cycle::Appending { batch: waiting, .. }
            | Cycle::Announcing {
                news: News { own: waiting, .. },
                ..
            } => {
                for pending in &waiting {
                    self.reject(pending, Code::Unavailable);
                }
            }
            Cycle::Idle | Cycle::Finding { .. } | Cycle::Learning { .. } => {}
        }
        self.close();
    }

    /// A timer has run out: tries a paused step again.
    pub(super) fn timer(&mut self) {
        self.retry_raises();
        if self.cycle.ticket() != Some(PAUSED) {
            return;
        }
        match std::mem::replace(&mut self.cycle, Cycle::Idle) {
            Cycle::Idle => {}
            Cycle::Finding { asked, attempt, .. } => {
                let ticket = self.request(Request::Find(asked.clone()));
                self.cycle = Cycle::Finding {
                    ticket,
                    asked,
                    attempt,
                };
            }
            Cycle::Appending {
                batch,
                entries,
                attempt,
                ..
            } => self.append(batch, entries, attempt),
            Cycle::Learning { attempt, .. } => self.learn(attempt),
            Cycle::Announcing {
                announcement,
                news,
                attempt,
                ..
            } => {
                let ticket = self.request(Request::Announce(announcement.clone()));
                self.cycle = Cycle::Announcing {
                    ticket,
                    announcement,
                    news,
                    attempt,
                };
            }
        }
    }

    /// Does all that must be durable before entries count as accepted, then pushes them (LOG-4). With `own`, the drafts that
    /// they were, other nodes are told too.
    pub(super) fn announce(
        &mut self,
        now: Timestamp,
        entries: Vec<Arc<EncodedEntry>>,
        push: bool,
        own: Option<Vec<Pending>>,
    ) {
        let day = now.day();
        let news = News {
            entries,
            push,
            publish: own.is_some(),
            own: own.unwrap_or_default(),
            day,
        };
        let mut announcement = Announcement::default();
        for entry in &news.entries {
            let stored = entry.stored();
            if let Some((target, change)) = change_of(&stored.entry) {
                if change == Change::Retraction {
                    announcement.retracted.push(target);
                }
                announcement.annotations.push(Annotation {
                    target,
                    by: stored.seq(),
                    change,
                });
            }
            if let Some(expiry) = &stored.expiry {
                let day = expiry.at.day();
                if self.expiring.schedules(day) {
                    announcement.schedule.push(day);
                }
            }
        }
        if !news.entries.is_empty() && self.log.listed != Some(day) {
            announcement.list = self.to_list(&news.entries);
        }
        if announcement.is_empty() {
            return self.publish_news(news);
        }
        announcement.schedule.sort_unstable();
        announcement.schedule.dedup();
        let ticket = self.request(Request::Announce(announcement.clone()));
        self.cycle = Cycle::Announcing {
            ticket,
            announcement,
            news,
            attempt: 0,
        };
    }

    /// The users whose inboxes list the conversation: whose right contains one of the entries, and from whom it is not hidden.
    fn to_list(&self, entries: &[Arc<EncodedEntry>]) -> Vec<UserId> {
        let state = &self.log.state;
        let contains = |user: &UserId| {
            let rights = state.rights_of(user);
            entries.iter().any(|entry| {
                let stored = entry.stored();
                stored.hidden_from.as_ref() != Some(user)
                    && rights.is_some_and(|rights| rights.contains(stored.seq()))
            })
        };
        let left = entries
            .iter()
            .flat_map(|entry| leaving(&entry.stored().entry));
        state
            .members
            .keys()
            .chain(left)
            .filter(|user| contains(user))
            .cloned()
            .collect()
    }

    /// The entries are announced: the sessions get them, and the nodes of members elsewhere.
    fn publish_news(&mut self, news: News) {
        let Some(last) = news.entries.last() else {
            return;
        };
        let hidden = news
            .entries
            .iter()
            .any(|entry| entry.stored().hidden_from.is_some());
        if !hidden && last.stored().seq() == self.log.head() {
            self.log.listed = Some(news.day);
        }
        self.erase_retracted(&news.entries);
        for entry in &news.entries {
            if let Some(expiry) = entry.stored().expiry {
                self.expiring.add(expiry);
            }
        }
        if !news.push {
            return;
        }
        self.raise_own(&news.entries);
        self.push(&news.entries);
        if news.publish {
            self.publish(&news.entries);
        }
    }

    /// Tells the nodes of everybody concerned.
    pub(super) fn publish(&mut self, entries: &[Arc<EncodedEntry>]) {
        if entries.is_empty() {
            return;
        }
        let users = self.concerned(entries);
        self.outputs.push_back(Output::Publish {
            users,
            hint: Hint::Entries {
                entries: entries.iter().map(|e| Stored::clone(e.stored())).collect(),
            },
        });
    }

    pub(super) fn accept_duplicate(&mut self, pending: &Pending, claimed: &Claimed) {
        self.outputs.push_back(Output::Frame(
            pending.asker.session,
            ServerFrame::Accepted(Accepted {
                conversation: self.id.clone(),
                cmid: pending.draft.cmid,
                seq: claimed.seq,
                time: claimed.time,
                ordinal: claimed.ordinal,
                re: pending.re,
                duplicate: true,
            }),
        ));
    }

    pub(super) fn reject(&mut self, pending: &Pending, code: Code) {
        let seq = match code {
            Code::IdempotencyMismatch => self.first_seq_of(pending),
            _ => None,
        };
        self.outputs.push_back(Output::Frame(
            pending.asker.session,
            ServerFrame::Rejected(Rejected {
                conversation: self.id.clone(),
                cmid: pending.draft.cmid,
                code,
                number: u64::from(code.number()),
                retriable: code.is_retriable(),
                message: code.advice().to_owned(),
                re: pending.re,
                retry_after_ms: code.is_retriable().then_some(1_000),
                seq,
                field: None,
                limit: None,
            }),
        ));
    }

    fn first_seq_of(&self, pending: &Pending) -> Option<Seq> {
        let view = View {
            state: &self.log.state,
            recent: &self.log.recent,
            standings: &self.log.standings,
            limits: &self.config.limits,
            known: &self.known,
        };
        view.claim(&pending.key()).map(|claimed| claimed.seq)
    }

    pub(super) fn fail_queue(&mut self, code: Code) {
        for pending in std::mem::take(&mut self.queue.drafts) {
            self.reject(&pending, code);
        }
        self.queue = Queue::default();
    }

    /// Answers an input that waited for a conversation which cannot be opened.
    pub(super) fn refuse_input(&mut self, input: Input) {
        match input {
            Input::Submit { asker, re, draft } => {
                let digest = ContentDigest::of(&draft.content, &self.config.digest_key);
                let pending = Pending {
                    asker,
                    re,
                    draft,
                    digest,
                };
                self.reject(&pending, Code::Unavailable);
            }
            Input::Raise { asker, re, .. } => self.error(&asker, re, Code::Unavailable),
            Input::Ask {
                asker,
                re,
                question,
            } => self.refuse_question(&asker, re, &question, Code::Unavailable),
            Input::Typing { .. }
            | Input::Hint(_)
            | Input::Blocked { .. }
            | Input::Sweep(_)
            | Input::Answer(..)
            | Input::Timer => {}
        }
    }
}

fn is_dense(entries: &[Stored]) -> bool {
    entries
        .windows(2)
        .all(|pair| pair[1].seq() == pair[0].seq().next())
}

fn is_key(pending: &Pending, key: &ClaimKey) -> bool {
    pending.draft.cmid == key.cmid && pending.draft.sender == key.sender
}

/// What an entry does to its target.
fn change_of(entry: &Entry) -> Option<(Seq, Change)> {
    match &entry.content {
        Content::Edit(edit) => Some((edit.target, Change::Edit)),
        Content::Retraction(retraction) => Some((retraction.target, Change::Retraction)),
        Content::Reaction(reaction) => Some((
            reaction.target,
            Change::Reaction {
                user: entry.sender.clone(),
                emoji: reaction.emoji.clone(),
                set: reaction.set,
            },
        )),
        Content::Message(_)
        | Content::Membership(_)
        | Content::Policy(_)
        | Content::Tombstone(_) => None,
    }
}

/// The user whose right ends with this entry.
pub(super) fn leaving(entry: &Entry) -> Option<&UserId> {
    match &entry.content {
        Content::Membership(crate::model::Membership::Removed(removed)) => Some(&removed.user),
        Content::Membership(crate::model::Membership::Left(_)) => Some(&entry.sender),
        _ => None,
    }
}
