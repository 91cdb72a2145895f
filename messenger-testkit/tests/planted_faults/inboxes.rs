//! Faults of inboxes and settings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use messenger_core::id::{ConversationId, UserId};
use messenger_core::model::Setting;
use messenger_core::store::{InboxCursor, InboxPage, InboxStore, PutSetting, Since, StoreResult};
use messenger_core::time::Timestamp;
use messenger_testkit::conformance::Need;

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    TouchIsLost,
    TouchListsTheFirstUserOnly,
    TouchListsAgain,
    OnlyTouchesAreChanges,
    PageRepeatsARow,
    PageSkipsARow,
    PageGivesOldestFirst,
    PageIgnoresItsLimit,
    SinceIsTakenAtTheEndOfTheWalk,
    WhatMovesIsNotMetAgain,
    SinceOfAnotherEpochIsTrusted,
    SinceListsNothing,
    SettingsWithoutCompareAndSet,
    SettingIsSharedByUsers,
    SettingNeverWrittenHasVersion1,
    SettingListsNothing,
    RowsLackTheirSetting,
}

use Wrong::*;

const ALL: &[Wrong] = &[
    TouchIsLost,
    TouchListsTheFirstUserOnly,
    TouchListsAgain,
    OnlyTouchesAreChanges,
    PageRepeatsARow,
    PageSkipsARow,
    PageGivesOldestFirst,
    PageIgnoresItsLimit,
    SinceIsTakenAtTheEndOfTheWalk,
    WhatMovesIsNotMetAgain,
    SinceOfAnotherEpochIsTrusted,
    SinceListsNothing,
    SettingsWithoutCompareAndSet,
    SettingIsSharedByUsers,
    SettingNeverWrittenHasVersion1,
    SettingListsNothing,
    RowsLackTheirSetting,
];

pub(super) fn faults() -> Vec<Fault> {
    super::faults(Need::Inboxes, ALL, |parts, wrong| {
        let inner = parts.inboxes.take().expect("memory has it");
        let kept = Mutex::default();
        parts.inboxes = Some(Arc::new(Inboxes { inner, wrong, kept }));
    })
}

#[derive(Default)]
struct Kept {
    clock: u64,
    /// When each conversation was last touched, by an own clock.
    touched: BTreeMap<ConversationId, (u64, u64)>,
    /// The own clock at each position given.
    given: Vec<(Since, u64)>,
    end_of_walk: Option<Since>,
    listed_by_settings: Vec<ConversationId>,
}

struct Inboxes {
    inner: Arc<dyn InboxStore>,
    wrong: Wrong,
    kept: Mutex<Kept>,
}

const LATE: &str = "late";

impl Inboxes {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().expect("no fault panics")
    }

    async fn now(&self, user: &UserId, now: Timestamp) -> StoreResult<Since> {
        Ok(self.inner.page(user, None, None, 1, now).await?.since)
    }

    /// The position that a faulty store takes for the one given.
    async fn twisted(&self, user: &UserId, since: Since, now: Timestamp) -> StoreResult<Since> {
        let own = self.now(user, now).await?;
        Ok(match self.wrong {
            SinceIsTakenAtTheEndOfTheWalk if since.0 == LATE => {
                self.kept().end_of_walk.clone().unwrap_or(own)
            }
            SinceOfAnotherEpochIsTrusted
                if since.0.split('.').next() != own.0.split('.').next() =>
            {
                own
            }
            SinceListsNothing => own,
            _ => since,
        })
    }
}

#[async_trait]
impl InboxStore for Inboxes {
    async fn touch(
        &self,
        users: &[UserId],
        conversation: &ConversationId,
        now: Timestamp,
    ) -> StoreResult<()> {
        {
            let mut kept = self.kept();
            kept.clock += 1;
            let clock = kept.clock;
            let touched = kept.touched.entry(conversation.clone()).or_default();
            *touched = (clock, touched.1 + 1);
        }
        let users = match self.wrong {
            TouchIsLost => &[],
            TouchListsTheFirstUserOnly => &users[..1],
            _ => users,
        };
        self.inner.touch(users, conversation, now).await
    }

    async fn page(
        &self,
        user: &UserId,
        since: Option<Since>,
        cursor: Option<InboxCursor>,
        limit: usize,
        now: Timestamp,
    ) -> StoreResult<InboxPage> {
        let asked = since.clone();
        let since = match since {
            Some(since) => Some(self.twisted(user, since, now).await?),
            None => None,
        };
        let inner_limit = if self.wrong == PageIgnoresItsLimit {
            1000
        } else {
            limit
        };
        let first = cursor.is_none();
        let mut page = self
            .inner
            .page(user, since, cursor, inner_limit, now)
            .await?;
        let end = self.now(user, now).await?;
        let mut kept = self.kept();
        match self.wrong {
            TouchListsAgain => {
                let twice = page.rows.first().cloned();
                let touched = twice
                    .as_ref()
                    .and_then(|row| kept.touched.get(&row.conversation));
                if touched.is_some_and(|(_, times)| *times > 1) {
                    page.rows.extend(twice);
                }
            }
            OnlyTouchesAreChanges => {
                let after = kept
                    .given
                    .iter()
                    .find(|(since, _)| Some(since) == asked.as_ref());
                let after = after.map_or(0, |(_, clock)| *clock);
                page.rows.retain(|row| {
                    let touched = kept.touched.get(&row.conversation);
                    touched.is_some_and(|(clock, _)| *clock > after)
                });
                let clock = kept.clock;
                kept.given.insert(0, (page.since.clone(), clock));
            }
            PageRepeatsARow if !first => {
                let twice = page.rows.first().cloned();
                page.rows.truncate(limit - 1);
                page.rows.extend(twice);
            }
            PageSkipsARow if !first => {
                page.rows.pop();
            }
            WhatMovesIsNotMetAgain => {
                // The rows that changed since the walk began, as memory's cursors tell them.
                let moved = |cursor: &InboxCursor| cursor.0.contains(".moved.");
                if page.cursor.as_ref().is_some_and(moved) {
                    page.rows.clear();
                    page.cursor = None;
                }
            }
            PageGivesOldestFirst => page.rows.reverse(),
            SinceIsTakenAtTheEndOfTheWalk => {
                if page.cursor.is_none() {
                    kept.end_of_walk = Some(end);
                }
                page.since = Since(LATE.to_owned());
            }
            SettingListsNothing => page
                .rows
                .retain(|row| !kept.listed_by_settings.contains(&row.conversation)),
            RowsLackTheirSetting => {
                for row in &mut page.rows {
                    row.setting = Setting::default();
                }
            }
            _ => {}
        }
        Ok(page)
    }

    async fn settings(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> StoreResult<Vec<Setting>> {
        let user = self.holder(user);
        let mut settings = self.inner.settings(&user, conversations).await?;
        if self.wrong == SettingNeverWrittenHasVersion1 {
            for setting in &mut settings {
                setting.version = setting.version.max(1);
            }
        }
        Ok(settings)
    }

    async fn put_setting(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        setting: &Setting,
        now: Timestamp,
    ) -> StoreResult<PutSetting> {
        let user = self.holder(user);
        let asked = [conversation.clone()];
        let before = self.inner.settings(&user, &asked).await?.remove(0);
        let mut setting = setting.clone();
        if self.wrong == SettingsWithoutCompareAndSet {
            setting.version = before.version + 1;
        }
        let touched = self.kept().touched.contains_key(conversation);
        if !touched {
            self.kept().listed_by_settings.push(conversation.clone());
        }
        self.inner
            .put_setting(&user, conversation, &setting, now)
            .await
    }
}

impl Inboxes {
    fn holder(&self, user: &UserId) -> UserId {
        match self.wrong {
            SettingIsSharedByUsers => messenger_testkit::fixtures::user("everybody"),
            _ => user.clone(),
        }
    }
}
