//! Answers to sessions: pulls, history, members, marks, reactions, settings.
//!
//! ```text
//!   question ──► all in memory? ──yes──► frames
//!                   └─no──► fetch ──► frames, from what the head is by then
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{Seq, UserId};
use crate::limits::MARKS_REQUEST_MEMBERS;
use crate::model::{Overlay, Rights, Stored};
use crate::time::Timestamp;
use crate::wire::{
    Code, EncodedEntry, Entries, ErrorFrame, Gap, GapReason, MarksFrame, MemberEntry, MembersFrame,
    OverlayFrame, Reacted, ReactionCount, ReactionsFrame, ServerFrame, SettingsFrame,
};

use super::Machine;
use super::io::{
    Answer, Asker, Fetch, Fetched, Output, Pulled, PulledFrame, Question, Request, Window,
};
use super::marks::shown;
use super::retention::readable;

/// The most reactions of one answer.
const REACTIONS_TOLD: usize = 1_000;

/// A question that waits for the store.
#[derive(Debug)]
pub(super) struct Asked {
    asker: Asker,
    re: Option<u64>,
    question: Question,
    /// The end of the right when the question was asked.
    end: Seq,
}

impl Machine {
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        asker: Asker,
        re: Option<u64>,
        question: Question,
    ) {
        let Some(rights) = self.log.state.rights_of(&asker.user).cloned() else {
            return self.refuse_question(&asker, re, &question, Code::NotFound);
        };
        let end = rights.end(self.log.head());
        match &question {
            Question::Pull {
                after: Some(after),
                summary: false,
            } if self.pull_from_memory(now, &asker, &rights, *after, end) => {}
            Question::Members { after } => self.answer_members(&asker, re, after.as_ref()),
            Question::Set(setting) => {
                let request = Request::Set {
                    user: asker.user.clone(),
                    setting: setting.clone(),
                };
                self.fetch(asker, re, question, end, request);
            }
            _ => {
                let fetch = self.fetch_for(&asker, &question, rights, end);
                self.fetch(asker, re, question, end, Request::Fetch(Box::new(fetch)));
            }
        }
    }

    fn fetch(
        &mut self,
        asker: Asker,
        re: Option<u64>,
        question: Question,
        end: Seq,
        request: Request,
    ) {
        let ticket = self.request(request);
        self.asked.insert(
            ticket,
            Asked {
                asker,
                re,
                question,
                end,
            },
        );
    }

    fn fetch_for(&self, asker: &Asker, question: &Question, rights: Rights, end: Seq) -> Fetch {
        let page = usize::try_from(self.config.limits.page_entries).unwrap_or(usize::MAX);
        let joined = rights
            .newest()
            .map_or(Seq::ZERO, |interval| interval.joined.previous());
        let (window, limit, ordinals) = match question {
            Question::Pull { after: None, .. } => {
                (Window::AboveAcked(Seq::ZERO), page, vec![joined, end])
            }
            Question::Pull {
                after: Some(after), ..
            } => (Window::Above(*after), page, vec![joined, end]),
            Question::History {
                before,
                after,
                limit,
            } => {
                let limit = (*limit).clamp(1, page);
                match (before, after) {
                    (_, Some(after)) => (Window::Above(*after), limit, Vec::new()),
                    (Some(before), None) => (Window::Below(*before), limit, Vec::new()),
                    (None, None) => (Window::Below(end.next()), limit, Vec::new()),
                }
            }
            Question::Open => (Window::Nothing, 0, vec![joined, end]),
            Question::Members { .. }
            | Question::Marks
            | Question::Reactions { .. }
            | Question::Set(_) => (Window::Nothing, 0, Vec::new()),
        };
        Fetch {
            user: asker.user.clone(),
            device: asker.device,
            rights,
            window,
            end,
            limit,
            ordinals,
            exact: matches!(question, Question::Open),
            overlays: matches!(question, Question::History { .. }),
            target: match question {
                Question::Reactions { target } => Some(*target),
                _ => None,
            },
            marks_of: match question {
                Question::Pull { summary: true, .. } | Question::Open if self.log.shows_marks() => {
                    self.log.users.to_vec()
                }
                Question::Marks if self.log.users.len() <= MARKS_REQUEST_MEMBERS => {
                    self.log.users.to_vec()
                }
                _ => Vec::new(),
            },
        }
    }

    pub(super) fn served(&mut self, now: Timestamp, asked: Asked, answer: Answer) {
        let Asked {
            asker,
            re,
            question,
            end,
        } = asked;
        match (&question, answer) {
            (Question::Set(_), Answer::Set { setting, written }) => {
                self.answer_setting(&asker, re, setting, written);
            }
            (_, Answer::Fetched(fetched)) => {
                self.answer_fetched(now, &asker, re, question, end, *fetched)
            }
            _ => self.refuse_question(&asker, re, &question, Code::Unavailable),
        }
    }

    fn answer_fetched(
        &mut self,
        now: Timestamp,
        asker: &Asker,
        re: Option<u64>,
        question: Question,
        end: Seq,
        fetched: Fetched,
    ) {
        if fetched.head > self.log.head() {
            // Another node appended: what is told now must not be older than what the inbox was read from (RES-1).
            self.queue.want_learn();
            self.behind.push((asker.clone(), re, question));
            return;
        }
        let Some(rights) = self.log.state.rights_of(&asker.user).cloned() else {
            return self.refuse_question(asker, re, &question, Code::NotFound);
        };
        if !matches!(question, Question::Marks) {
            for (user, marks) in &fetched.marks {
                if self.lift_all(user, marks) {
                    self.tell_marks(user, false);
                }
            }
        }
        match question {
            Question::Pull { after, summary } => {
                self.answer_pull(now, asker, &rights, after, summary, end, fetched);
            }
            Question::History { .. } => self.answer_history(now, asker, re, end, fetched),
            Question::Open => {
                let frame = self.summary(now, asker, re, &rights, &fetched, fetched.unread);
                self.outputs.push_back(Output::Frame(
                    asker.session,
                    ServerFrame::Conversation(Box::new(frame)),
                ));
            }
            Question::Marks => {
                let marks = fetched
                    .marks
                    .iter()
                    .filter(|(user, _)| *user != asker.user && !self.is_withheld(user, &asker.user))
                    .map(|(user, marks)| shown(user, marks))
                    .collect();
                self.outputs.push_back(Output::Frame(
                    asker.session,
                    ServerFrame::Marks(MarksFrame {
                        conversation: self.id.clone(),
                        re,
                        marks,
                        own: Some(super::marks::own_of(&fetched.own)),
                        unread: None,
                    }),
                ));
            }
            Question::Reactions { target } => {
                self.answer_reactions(asker, re, &rights, target, &fetched);
            }
            Question::Members { .. } | Question::Set(_) => {}
        }
    }

    /// Answers a pull from the newest entries, if they reach back far enough.
    fn pull_from_memory(
        &mut self,
        now: Timestamp,
        asker: &Asker,
        rights: &Rights,
        after: Seq,
        end: Seq,
    ) -> bool {
        let page = usize::try_from(self.config.limits.page_entries).unwrap_or(usize::MAX);
        let Some(above) = self.log.recent.above(after) else {
            // An empty log, or nothing above: there is nothing to read.
            if after < end {
                return false;
            }
            self.send_pulled(asker, Vec::new(), after, false);
            return true;
        };
        let entries: Vec<_> = above.take(page).cloned().collect();
        let covered = match entries.last() {
            Some(last) => last.stored().seq().min(end),
            None => end.max(after),
        };
        let frames = self.page(now, &asker.user, after, covered, entries.iter());
        let _ = rights;
        self.send_pulled(asker, frames, covered, covered < end);
        true
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call site; the parts of one question"
    )]
    fn answer_pull(
        &mut self,
        now: Timestamp,
        asker: &Asker,
        rights: &Rights,
        after: Option<Seq>,
        summary: bool,
        end: Seq,
        fetched: Fetched,
    ) {
        let mut frames = Vec::new();
        if summary {
            let frame = self.summary(now, asker, None, rights, &fetched, None);
            frames.push(PulledFrame::Frame(Box::new(ServerFrame::Conversation(
                Box::new(frame),
            ))));
        }
        let above = after.unwrap_or(fetched.above).max(fetched.above);
        let entries: Vec<_> = fetched
            .entries
            .iter()
            .map(|stored| Arc::new(EncodedEntry::new(Arc::clone(stored))))
            .collect();
        let covered = fetched.covered.max(above).min(end.max(above));
        frames.extend(self.page(now, &asker.user, above, covered, entries.iter()));
        let end_now = rights.end(self.log.head());
        self.send_pulled(asker, frames, covered, covered < end_now);
    }

    fn send_pulled(&mut self, asker: &Asker, frames: Vec<PulledFrame>, upto: Seq, more: bool) {
        self.outputs.push_back(Output::Pulled(
            asker.session,
            Pulled {
                conversation: self.id.clone(),
                frames,
                upto,
                more,
                refused: None,
            },
        ));
    }

    /// The frames that cover `above + 1 ..= upto` for a reader: entries, and gaps for what they do not get.
    fn page<'a>(
        &self,
        now: Timestamp,
        user: &UserId,
        above: Seq,
        upto: Seq,
        entries: impl Iterator<Item = &'a Arc<EncodedEntry>>,
    ) -> Vec<PulledFrame> {
        let mut frames = Vec::new();
        let mut run = Vec::new();
        let mut next = above.next();
        for entry in entries {
            let seq = entry.stored().seq();
            if seq < next || seq > upto || !self.may_see(user, entry.stored()) {
                continue;
            }
            if seq > next {
                flush(&mut frames, &mut run);
                frames.extend(self.gap(next, seq.previous()));
            }
            run.push(readable(entry, now));
            next = seq.next();
        }
        flush(&mut frames, &mut run);
        if next <= upto {
            frames.extend(self.gap(next, upto));
        }
        frames
    }

    fn gap(&self, from: Seq, to: Seq) -> Vec<PulledFrame> {
        let gap = |from, to, reason| {
            PulledFrame::Frame(Box::new(ServerFrame::Gap(Gap {
                conversation: self.id.clone(),
                from,
                to,
                reason,
            })))
        };
        let base = self.log.base;
        if to < base {
            vec![gap(from, to, GapReason::Cut)]
        } else if from < base {
            vec![
                gap(from, base.previous(), GapReason::Cut),
                gap(base, to, GapReason::Right),
            ]
        } else {
            vec![gap(from, to, GapReason::Right)]
        }
    }

    fn answer_history(
        &mut self,
        now: Timestamp,
        asker: &Asker,
        re: Option<u64>,
        end: Seq,
        fetched: Fetched,
    ) {
        // Below an edge the page covers `covered ..= above`; above an edge it covers `above + 1 ..= covered`.
        let below = fetched.below;
        let (from, upto, more) = if below {
            let first = fetched.covered;
            (
                first.previous(),
                fetched.above,
                first > self.first_visible(&asker.user, &fetched),
            )
        } else {
            (fetched.above, fetched.covered, fetched.covered < end)
        };
        let encoded: Vec<_> = fetched
            .entries
            .iter()
            .map(|stored| Arc::new(EncodedEntry::new(Arc::clone(stored))))
            .collect();
        let mut entries = Vec::new();
        for frame in self.page(now, &asker.user, from, upto, encoded.iter()) {
            match frame {
                PulledFrame::Frame(gap) => {
                    self.outputs.push_back(Output::Frame(asker.session, *gap))
                }
                PulledFrame::Entries(run) => {
                    entries.extend(run.iter().map(|entry| entry.stored().entry.clone()));
                }
            }
        }
        let overlays = self.overlays(now, &asker.user, &entries, &fetched);
        self.outputs.push_back(Output::Frame(
            asker.session,
            ServerFrame::Entries(Entries {
                conversation: self.id.clone(),
                entries,
                re,
                overlays,
                more,
            }),
        ));
    }

    /// The first seq that a reader may page back to.
    fn first_visible(&self, user: &UserId, fetched: &Fetched) -> Seq {
        let start = self.log.state.rights_of(user).and_then(Rights::start);
        start
            .unwrap_or(Seq(1))
            .max(self.log.base)
            .max(fetched.own.cleared.seq.next())
    }

    fn overlays(
        &self,
        now: Timestamp,
        user: &UserId,
        entries: &[crate::model::Entry],
        fetched: &Fetched,
    ) -> Vec<OverlayFrame> {
        let shown: std::collections::BTreeSet<Seq> =
            entries.iter().map(|entry| entry.seq).collect();
        fetched
            .overlays
            .iter()
            .filter(|(target, ..)| shown.contains(target))
            .filter_map(|(target, overlay, edit)| {
                self.overlay(now, user, *target, overlay, edit.as_ref())
            })
            .collect()
    }

    /// What a reader sees of an overlay; `None` when that is nothing.
    fn overlay(
        &self,
        now: Timestamp,
        user: &UserId,
        target: Seq,
        overlay: &Overlay,
        edit: Option<&Arc<Stored>>,
    ) -> Option<OverlayFrame> {
        let rights = self.log.state.rights_of(user)?;
        let mut counts: BTreeMap<&str, ReactionCount> = BTreeMap::new();
        for ((by, emoji), state) in &overlay.reactions {
            if !state.set || !rights.contains(state.by) || self.is_withheld(user, by) {
                continue;
            }
            let count = counts.entry(emoji).or_insert_with(|| ReactionCount {
                emoji: emoji.clone(),
                count: 0,
                mine: false,
            });
            count.count += 1;
            count.mine |= by == user;
        }
        let mut reactions: Vec<ReactionCount> = counts.into_values().collect();
        reactions.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.emoji.cmp(&b.emoji)));
        reactions.truncate(crate::limits::REACTIONS_SHOWN);
        let edit = edit
            .filter(|stored| self.may_see(user, stored))
            .map(|stored| readable(&Arc::new(EncodedEntry::new(Arc::clone(stored))), now))
            .map(|entry| entry.stored().entry.clone());
        let frame = OverlayFrame {
            target,
            edits: overlay
                .edits
                .iter()
                .filter(|seq| rights.contains(**seq))
                .count() as u64,
            edit,
            retracted_by: overlay.retraction.filter(|seq| rights.contains(*seq)),
            reactions,
        };
        let empty =
            frame.edit.is_none() && frame.retracted_by.is_none() && frame.reactions.is_empty();
        (!empty).then_some(frame)
    }

    fn answer_members(&mut self, asker: &Asker, re: Option<u64>, after: Option<&UserId>) {
        let page = usize::try_from(self.config.limits.page_entries).unwrap_or(usize::MAX);
        let state = &self.log.state;
        let mut members: Vec<MemberEntry> = if state.role_of(&asker.user).is_some() {
            state
                .members
                .iter()
                .filter(|(user, _)| after.is_none_or(|after| *user > after))
                .take(page + 1)
                .map(|(user, member)| MemberEntry {
                    user: user.clone(),
                    role: member.role,
                    from: member.joined(),
                })
                .collect()
        } else {
            Vec::new()
        };
        let more = members.len() > page;
        members.truncate(page);
        self.outputs.push_back(Output::Frame(
            asker.session,
            ServerFrame::Members(MembersFrame {
                conversation: self.id.clone(),
                members,
                re,
                more,
            }),
        ));
    }

    fn answer_reactions(
        &mut self,
        asker: &Asker,
        re: Option<u64>,
        rights: &Rights,
        target: Seq,
        fetched: &Fetched,
    ) {
        if !rights.contains(target) {
            return self.error(asker, re, Code::TargetUnknown);
        }
        let reactions = fetched
            .overlays
            .iter()
            .filter(|(other, ..)| *other == target)
            .flat_map(|(_, overlay, _)| &overlay.reactions)
            .filter(|((by, _), state)| {
                state.set && rights.contains(state.by) && !self.is_withheld(&asker.user, by)
            })
            .take(REACTIONS_TOLD)
            .map(|((user, emoji), _)| Reacted {
                user: user.clone(),
                emoji: emoji.clone(),
            })
            .collect();
        self.outputs.push_back(Output::Frame(
            asker.session,
            ServerFrame::Reactions(ReactionsFrame {
                conversation: self.id.clone(),
                target,
                reactions,
                re,
            }),
        ));
    }

    fn answer_setting(
        &mut self,
        asker: &Asker,
        re: Option<u64>,
        setting: crate::model::Setting,
        written: bool,
    ) {
        if !written {
            let mut error = ErrorFrame::new(Code::VersionConflict, Code::VersionConflict.advice());
            error.re = re;
            error.conversation = Some(self.id.clone());
            error.setting = Some(setting);
            self.outputs
                .push_back(Output::Frame(asker.session, ServerFrame::Error(error)));
            return;
        }
        let frame = |re| SettingsFrame {
            conversation: self.id.clone(),
            setting: setting.clone(),
            re,
        };
        let answer = ServerFrame::Settings(frame(re));
        let news = ServerFrame::Settings(frame(None));
        if re.is_some() {
            self.outputs.push_back(Output::Frame(asker.session, answer));
        }
        self.outputs.push_back(Output::Tell {
            users: Arc::from([asker.user.clone()]),
            frame: Arc::new(news),
        });
    }

    /// Answers a question with an error; a pull is answered as refused, so that its session goes on.
    pub(super) fn refuse_question(
        &mut self,
        asker: &Asker,
        re: Option<u64>,
        question: &Question,
        code: Code,
    ) {
        if !matches!(question, Question::Pull { .. }) {
            return self.error(asker, re, code);
        }
        self.outputs.push_back(Output::Pulled(
            asker.session,
            Pulled {
                conversation: self.id.clone(),
                frames: Vec::new(),
                upto: Seq::ZERO,
                more: false,
                refused: Some(code),
            },
        ));
    }

    /// Asks again what was asked while the machine was behind; true when there was something.
    pub(super) fn ask_again(&mut self, now: Timestamp) -> bool {
        let behind = std::mem::take(&mut self.behind);
        let any = !behind.is_empty();
        for (asker, re, question) in behind {
            self.ask(now, asker, re, question);
        }
        any
    }

    pub(super) fn fail_asked(&mut self) {
        for (asker, re, question) in std::mem::take(&mut self.behind) {
            self.refuse_question(&asker, re, &question, Code::Unavailable);
        }
        for asked in std::mem::take(&mut self.asked).into_values() {
            self.refuse_question(&asked.asker, asked.re, &asked.question, Code::Unavailable);
        }
    }
}

fn flush(frames: &mut Vec<PulledFrame>, run: &mut Vec<Arc<EncodedEntry>>) {
    if !run.is_empty() {
        frames.push(PulledFrame::Entries(std::mem::take(run)));
    }
}
