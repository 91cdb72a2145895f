//! Carries out what the conversation machine asks of the stores, one request at a time.
//!
//! ```text
//!   machine ── Request ──► perform(backend, …) ──► store calls, in an order that any crash leaves repairable ── Answer ──► machine
//! ```
//!
//! Each request is idempotent as a whole: cut off between any two of its store calls and made again, it has one outcome.

mod admit;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::conversation::{
    Announcement, Answer, Claimed, Fetch, Fetched, Find, FoundAll, Mark, Opened, Request, Window,
};
use crate::error::StoreErrorKind;
use crate::id::{ConversationId, ConversationKind, DeviceId, Ordinal, Seq, UserId};
use crate::limits::{MARKS_LIVE_MEMBERS, UNREAD_EXACT_MAX};
use crate::model::{
    Content, Conversation, EraseReason, Holder, Overlay, Position, Raise, Rights, Stored, UserMarks,
};
use crate::store::{AppendOutcome, Backend, Found, Policy, PutSetting, ReadLimit, StoreResult};
use crate::time::Timestamp;

pub use admit::{Admitted, admit};

/// Entries that a machine knows when it begins.
const TAIL: u64 = 32;
/// Entries read at once.
const PAGE: usize = 256;
/// Bytes read at once.
const PAGE_BYTES: usize = 1024 * 1024;
/// Users listed by one store call.
const CHUNK: usize = 1_000;

/// Carries out one request of the machine of `conversation`.
pub async fn perform(
    backend: &Backend,
    policy: &dyn Policy,
    conversation: &ConversationId,
    request: Request,
    now: Timestamp,
) -> Answer {
    let call = Call {
        backend,
        policy,
        conversation,
        now,
    };
    match call.carry_out(request).await {
        Ok(answer) => answer,
        Err(error) => Answer::Failed {
            unknown: error.kind() == StoreErrorKind::Unknown,
            retriable: error.is_retriable(),
        },
    }
}

struct Call<'a> {
    backend: &'a Backend,
    policy: &'a dyn Policy,
    conversation: &'a ConversationId,
    now: Timestamp,
}

impl Call<'_> {
    async fn carry_out(&self, request: Request) -> StoreResult<Answer> {
        match request {
            Request::Open => self.open().await,
            Request::Append { after, entries } => self.append(after, entries).await,
            Request::Learn { after } => self.learn(after).await,
            Request::Find(find) => self.find(find).await,
            Request::Announce(announcement) => self.announce(announcement).await,
            Request::Raise { marks, list } => self.raise(marks, list).await,
            Request::Save(state) => {
                self.backend.conversations.save(&state).await?;
                Ok(Answer::Done)
            }
            Request::Erase { seqs, reason } => {
                self.backend
                    .messages
                    .erase(self.conversation, &seqs, reason)
                    .await?;
                Ok(Answer::Done)
            }
            Request::Due { from, audience } => self.due(from, audience).await,
            Request::Settle(day) => {
                let due = crate::store::Due {
                    day,
                    conversation: self.conversation.clone(),
                };
                self.backend.retention.settle(&due).await?;
                Ok(Answer::Done)
            }
            Request::Fetch(fetch) => self.fetch(*fetch).await,
            Request::Set { user, setting } => {
                let put = self
                    .backend
                    .inboxes
                    .put_setting(&user, self.conversation, &setting, self.now)
                    .await?;
                Ok(match put {
                    PutSetting::Written => Answer::Set {
                        setting,
                        written: true,
                    },
                    PutSetting::Conflict(stored) => Answer::Set {
                        setting: stored,
                        written: false,
                    },
                })
            }
        }
    }

    async fn read(&self, range: RangeInclusive<Seq>) -> StoreResult<Vec<Arc<Stored>>> {
        let limit = ReadLimit {
            entries: PAGE,
            bytes: PAGE_BYTES,
            newest_first: false,
        };
        self.backend
            .messages
            .read(self.conversation, range, limit)
            .await
    }

    /// Everything of `range`, page by page.
    async fn read_all(&self, range: RangeInclusive<Seq>) -> StoreResult<Vec<Arc<Stored>>> {
        let (mut next, end) = range.into_inner();
        let mut all = Vec::new();
        while next <= end {
            let page = self.read(next..=end).await?;
            let Some(last) = page.last() else { break };
            next = last.seq().next();
            all.extend(page);
        }
        Ok(all)
    }

    async fn open(&self) -> StoreResult<Answer> {
        let head = self.backend.messages.head(self.conversation).await?;
        let snapshot = self.backend.conversations.load(self.conversation).await?;
        let mut state = snapshot.unwrap_or_else(|| Conversation::empty(self.conversation.clone()));
        if state.as_of > head.head {
            // A snapshot of what a restore lost: begin from the log alone.
            state = Conversation::empty(self.conversation.clone());
        }
        let tail_from = Seq(head.head.get().saturating_sub(TAIL - 1)).max(head.base);
        let from = state.as_of.next().min(tail_from);
        let entries = self.read_all(from..=head.head).await?;
        for stored in &entries {
            if stored.seq() > state.as_of {
                state.apply(&stored.entry);
            }
        }
        let tail = entries
            .into_iter()
            .filter(|stored| stored.seq() >= tail_from)
            .collect();
        let users: Vec<UserId> = if state.members.len() <= MARKS_LIVE_MEMBERS {
            state.members.keys().cloned().collect()
        } else {
            Vec::new()
        };
        let marks = self
            .backend
            .receipts
            .of_conversation(self.conversation, &users)
            .await?;
        let mut standings = Vec::new();
        if self.conversation.kind() == ConversationKind::Direct {
            for user in &users {
                standings.push((user.clone(), self.backend.devices.standing(user).await?));
            }
        }
        Ok(Answer::Opened(Box::new(Opened {
            state,
            base: head.base,
            kept: head.kept,
            tail,
            ordinal: head.ordinal,
            time: head.time,
            marks: users.into_iter().zip(marks).collect(),
            standings,
        })))
    }

    async fn append(&self, after: Seq, entries: Vec<Arc<Stored>>) -> StoreResult<Answer> {
        let outcome = self
            .backend
            .messages
            .append(self.conversation, after, entries)
            .await?;
        Ok(match outcome {
            AppendOutcome::Appended => Answer::Appended,
            AppendOutcome::Conflict { duplicates, .. } => Answer::Conflict {
                duplicates: duplicates
                    .into_iter()
                    .map(|(index, found)| (index, claimed(found)))
                    .collect(),
            },
        })
    }

    async fn learn(&self, after: Seq) -> StoreResult<Answer> {
        let head = self.backend.messages.head(self.conversation).await?;
        let from = after.next().max(head.base);
        let entries = self.read_all(from..=head.head).await?;
        Ok(Answer::Learned { entries })
    }

    async fn find(&self, find: Find) -> StoreResult<Answer> {
        let claims = if find.claims.is_empty() {
            Vec::new()
        } else {
            self.backend
                .messages
                .find(self.conversation, &find.claims)
                .await?
        };
        let overlays = if find.targets.is_empty() {
            Vec::new()
        } else {
            self.backend
                .receipts
                .overlays(self.conversation, &find.targets)
                .await?
        };
        let mut targets = Vec::new();
        for (&target, overlay) in find.targets.iter().zip(overlays) {
            let stored = self.read(target..=target).await?.pop();
            targets.push(stored.map(|stored| (stored, overlay)));
        }
        let mut contacts = Vec::new();
        for (user, other) in &find.contacts {
            let allowed = self.policy.may_contact(user, other).await;
            let blocked = self.conversation.kind() == ConversationKind::Group
                && allowed
                && self
                    .backend
                    .devices
                    .standing(other)
                    .await?
                    .blocks
                    .contains(user);
            contacts.push(allowed && !blocked);
        }
        Ok(Answer::Found(Box::new(FoundAll {
            claims: claims.into_iter().map(|found| found.map(claimed)).collect(),
            targets,
            contacts,
        })))
    }

    /// Overlays first, then erasures, then the schedule, then the listing: each step repairs what a crash before it left.
    async fn announce(&self, announcement: Announcement) -> StoreResult<Answer> {
        if !announcement.annotations.is_empty() {
            self.backend
                .receipts
                .annotate(self.conversation, &announcement.annotations)
                .await?;
        }
        for target in announcement.retracted {
            let overlays = self
                .backend
                .receipts
                .overlays(self.conversation, &[target])
                .await?;
            let edits = overlays.into_iter().flat_map(|overlay| overlay.edits);
            let seqs: Vec<Seq> = std::iter::once(target).chain(edits).collect();
            self.backend
                .messages
                .erase(self.conversation, &seqs, EraseReason::Retracted)
                .await?;
        }
        for day in announcement.schedule {
            self.backend
                .retention
                .schedule(self.conversation, day)
                .await?;
        }
        self.list(&announcement.list).await?;
        Ok(Answer::Done)
    }

    async fn list(&self, users: &[UserId]) -> StoreResult<()> {
        for chunk in users.chunks(CHUNK) {
            self.backend
                .inboxes
                .touch(chunk, self.conversation, self.now)
                .await?;
        }
        Ok(())
    }

    async fn ordinal_at(&self, seq: Seq) -> StoreResult<Ordinal> {
        if seq == Seq::ZERO {
            return Ok(Ordinal(0));
        }
        let entry = self.read(seq..=seq).await?.pop();
        Ok(entry.map_or(Ordinal(0), |stored| stored.entry.ordinal))
    }

    async fn raise(&self, mut marks: Vec<Mark>, list: Vec<UserId>) -> StoreResult<Answer> {
        for mark in &mut marks {
            if mark.ordinal.is_none() {
                mark.ordinal = Some(self.ordinal_at(mark.to).await?);
            }
        }
        let raises: Vec<Raise> = marks
            .iter()
            .map(|mark| Raise {
                conversation: self.conversation.clone(),
                holder: Holder {
                    user: mark.user.clone(),
                    device: mark.device,
                },
                kind: mark.kind,
                to: Position {
                    seq: mark.to,
                    ordinal: mark.ordinal.unwrap_or_default(),
                },
            })
            .collect();
        self.list(&list).await?;
        let rose = self.backend.receipts.raise(&raises).await?;
        Ok(Answer::Raised(marks.into_iter().zip(rose).collect()))
    }

    async fn due(&self, from: Seq, audience: Vec<(UserId, Rights)>) -> StoreResult<Answer> {
        let head = self.backend.messages.head(self.conversation).await?;
        let mut expired = Vec::new();
        let mut relay = Vec::new();
        let mut waiting: Option<Seq> = None;
        let mut later = BTreeSet::new();
        for stored in self.read_all(from.max(head.base)..=head.head).await? {
            let Some(expiry) = stored.expiry.filter(|_| stored.entry.content.has_body()) else {
                continue;
            };
            if expiry.at <= self.now {
                expired.push((stored.seq(), expiry.reason()));
            } else {
                waiting.get_or_insert(stored.seq());
                later.insert(expiry.at.day());
                if expiry.relay {
                    relay.push(stored.seq());
                }
            }
        }
        let relayed = if relay.is_empty() {
            Vec::new()
        } else {
            self.relayed(relay, audience).await?
        };
        Ok(Answer::Due {
            expired,
            relayed,
            next: waiting.unwrap_or(head.head.next()),
            later: later.into_iter().collect(),
        })
    }

    /// The entries that every registered device of everybody with a right to them has acked (RET-1).
    async fn relayed(
        &self,
        seqs: Vec<Seq>,
        audience: Vec<(UserId, Rights)>,
    ) -> StoreResult<Vec<Seq>> {
        let mut acked: Vec<(Rights, Seq)> = Vec::new();
        for (user, rights) in audience {
            let devices = self.backend.devices.list(&user).await?;
            let mut lowest: Option<Seq> = None;
            for device in devices {
                let mark = self.acked(&user, device.device).await?;
                let seq = mark.map_or(Seq::ZERO, |position| position.seq);
                lowest = Some(lowest.map_or(seq, |lowest| lowest.min(seq)));
            }
            // A user without a device keeps the body pending.
            acked.push((rights, lowest.unwrap_or(Seq::ZERO)));
        }
        Ok(seqs
            .into_iter()
            .filter(|seq| {
                acked
                    .iter()
                    .all(|(rights, acked)| !rights.contains(*seq) || acked >= seq)
            })
            .collect())
    }

    async fn acked(&self, user: &UserId, device: DeviceId) -> StoreResult<Option<Position>> {
        let conversations = std::slice::from_ref(self.conversation);
        let marks = self
            .backend
            .receipts
            .of_device(user, device, conversations)
            .await?;
        Ok(marks.into_iter().next().flatten())
    }

    async fn fetch(&self, fetch: Fetch) -> StoreResult<Answer> {
        let head = self.backend.messages.head(self.conversation).await?;
        let conversations = std::slice::from_ref(self.conversation);
        let users = std::slice::from_ref(&fetch.user);
        let own = self
            .backend
            .receipts
            .of_conversation(self.conversation, users)
            .await?;
        let own = own.into_iter().next().unwrap_or_default();
        let settings = self
            .backend
            .inboxes
            .settings(&fetch.user, conversations)
            .await?;
        let acked = match fetch.device {
            Some(device) => self.acked(&fetch.user, device).await?,
            None => None,
        };
        let mut fetched = Fetched {
            head: head.head,
            acked,
            own,
            setting: settings.into_iter().next().unwrap_or_default(),
            ..Fetched::default()
        };
        self.fetch_entries(&fetch, &mut fetched).await?;
        for &seq in &fetch.ordinals {
            fetched.ordinals.push(self.ordinal_at(seq).await?);
        }
        if fetch.exact {
            fetched.unread = self.unread(&fetch, &own).await?;
        }
        let targets: Vec<Seq> = match fetch.target {
            Some(target) => vec![target],
            None if fetch.overlays => fetched
                .entries
                .iter()
                .filter(|stored| stored.entry.content.kind() == crate::model::Kind::Message)
                .map(|stored| stored.seq())
                .collect(),
            None => Vec::new(),
        };
        fetched.overlays = self.overlays(&fetch.rights, &targets).await?;
        if !fetch.marks_of.is_empty() {
            let marks = self
                .backend
                .receipts
                .of_conversation(self.conversation, &fetch.marks_of)
                .await?;
            fetched.marks = fetch.marks_of.into_iter().zip(marks).collect();
        }
        Ok(Answer::Fetched(Box::new(fetched)))
    }

    async fn fetch_entries(&self, fetch: &Fetch, fetched: &mut Fetched) -> StoreResult<()> {
        let cleared = fetched.own.cleared.seq;
        match fetch.window {
            Window::Nothing => {}
            Window::AboveAcked(floor) => {
                let begin = match (fetched.acked, fetch.device) {
                    (Some(position), _) => position.seq,
                    // In a conversation joined after the device was registered, acked begins at join − 1 (MARK-4).
                    (None, Some(_)) => fetch.rights.start().map_or(Seq::ZERO, Seq::previous),
                    // A transient session starts live at the head.
                    (None, None) => fetch.end,
                };
                self.fetch_above(fetch, begin.max(floor).max(cleared), fetched)
                    .await?;
            }
            Window::Above(after) => {
                self.fetch_above(fetch, after.max(cleared), fetched).await?;
            }
            Window::Below(before) => self.fetch_below(fetch, before, cleared, fetched).await?,
        }
        Ok(())
    }

    async fn fetch_above(
        &self,
        fetch: &Fetch,
        above: Seq,
        fetched: &mut Fetched,
    ) -> StoreResult<()> {
        fetched.above = above;
        fetched.covered = above;
        while fetched.covered < fetch.end && fetched.entries.len() < fetch.limit {
            let Some(from) = fetch.rights.next_from(fetched.covered.next()) else {
                break;
            };
            let to = fetch
                .end
                .min(end_of(&fetch.rights, from).unwrap_or(fetch.end));
            if from > fetch.end {
                break;
            }
            let limit = ReadLimit {
                entries: fetch.limit - fetched.entries.len(),
                bytes: PAGE_BYTES,
                newest_first: false,
            };
            let page = self
                .backend
                .messages
                .read(self.conversation, from..=to, limit)
                .await?;
            match page.last() {
                // Below the base there is nothing to read.
                None => fetched.covered = to,
                Some(last) => fetched.covered = last.seq(),
            }
            fetched.entries.extend(page);
        }
        if fetched.entries.len() < fetch.limit {
            fetched.covered = fetch.end.max(above);
        }
        Ok(())
    }

    async fn fetch_below(
        &self,
        fetch: &Fetch,
        before: Seq,
        cleared: Seq,
        fetched: &mut Fetched,
    ) -> StoreResult<()> {
        let edge = before.previous().min(fetch.end);
        fetched.below = true;
        fetched.above = edge;
        fetched.covered = edge.next();
        let mut pages = Vec::new();
        let mut left = fetch.limit;
        let mut to = edge;
        while left > 0 && to > cleared {
            let Some(end) = fetch.rights.last_upto(to) else {
                break;
            };
            let from = begin_of(&fetch.rights, end)
                .unwrap_or(Seq(1))
                .max(cleared.next());
            if end < from {
                break;
            }
            let limit = ReadLimit {
                entries: left,
                bytes: PAGE_BYTES,
                newest_first: true,
            };
            let page = self
                .backend
                .messages
                .read(self.conversation, from..=end, limit)
                .await?;
            let Some(first) = page.first() else { break };
            left -= page.len().min(left);
            to = first.seq().previous();
            fetched.covered = first.seq();
            pages.push(page);
        }
        fetched.entries = pages.into_iter().rev().flatten().collect();
        Ok(())
    }

    async fn overlays(
        &self,
        rights: &Rights,
        targets: &[Seq],
    ) -> StoreResult<Vec<(Seq, Overlay, Option<Arc<Stored>>)>> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let overlays = self
            .backend
            .receipts
            .overlays(self.conversation, targets)
            .await?;
        let mut all = Vec::new();
        for (&target, overlay) in targets.iter().zip(overlays) {
            if overlay == Overlay::default() {
                continue;
            }
            let newest = overlay
                .edits
                .iter()
                .rev()
                .copied()
                .find(|seq| rights.contains(*seq));
            let edit = match newest {
                Some(seq) => self.read(seq..=seq).await?.pop(),
                None => None,
            };
            all.push((target, overlay, edit));
        }
        Ok(all)
    }

    /// Counts exactly what is unread, over at most 1,000 entries (MARK-6).
    async fn unread(&self, fetch: &Fetch, own: &UserMarks) -> StoreResult<Option<u64>> {
        let joined = fetch
            .rights
            .newest()
            .map_or(Seq::ZERO, |i| i.joined.previous());
        let from = own
            .read
            .seq
            .max(own.read_private.seq)
            .max(own.cleared.seq)
            .max(joined);
        if fetch.end.get().saturating_sub(from.get()) > UNREAD_EXACT_MAX {
            return Ok(None);
        }
        let entries = self.read_all(from.next()..=fetch.end).await?;
        let count = entries
            .iter()
            .filter(|stored| {
                matches!(&stored.entry.content, Content::Message(message) if !message.silent)
                    && stored.entry.sender != fetch.user
                    && stored.hidden_from.as_ref() != Some(&fetch.user)
                    && fetch.rights.contains(stored.seq())
                    && stored.expiry.is_none_or(|expiry| expiry.at > self.now)
            })
            .count();
        Ok(Some(count as u64))
    }
}

fn claimed(found: Found) -> Claimed {
    Claimed {
        seq: found.seq,
        time: found.time,
        ordinal: found.ordinal,
        digest: found.digest,
    }
}

/// The end of the interval that contains `seq`.
fn end_of(rights: &Rights, seq: Seq) -> Option<Seq> {
    let spans: BTreeMap<Seq, Option<Seq>> = rights
        .intervals()
        .iter()
        .map(|i| (i.from, i.until))
        .collect();
    spans
        .range(..=seq)
        .next_back()
        .and_then(|(_, until)| *until)
}

/// The begin of the interval that contains `seq`.
fn begin_of(rights: &Rights, seq: Seq) -> Option<Seq> {
    rights
        .intervals()
        .iter()
        .filter(|i| i.from <= seq && i.until.is_none_or(|until| seq <= until))
        .map(|i| i.from)
        .min()
}
