//! Steps on inboxes and settings.

use std::collections::{BTreeMap, BTreeSet};

use messenger_core::id::{ConversationId, UserId};
use messenger_core::model::Setting;
use messenger_core::store::{InboxStore, Since};
use messenger_core::time::Timestamp;

use super::pair::{Named, Pair, both, conversations, users};

pub(super) async fn step(pair: &mut Pair) {
    match pair.rng.below(10) {
        0..=1 => touch(pair).await,
        2..=3 => put_setting(pair).await,
        4 => settings(pair).await,
        5..=6 => walk_all(pair).await,
        _ => walk_since(pair).await,
    }
}

/// Before the first change of a conversation on a day its users are touched, as a node does; when the pair has inboxes.
pub(super) async fn touch_for_today(pair: &mut Pair, conversation: &ConversationId) {
    let today = pair.now.day();
    if pair.touched.get(conversation) == Some(&today) || pair.subject.parts().inboxes.is_none() {
        return;
    }
    pair.touched.insert(conversation.clone(), today);
    touch_users(pair, &users(), conversation).await;
}

async fn touch(pair: &mut Pair) {
    let conversation = pair.conversation();
    let touched = pair.rng.some(&users(), 3);
    touch_users(pair, &touched, &conversation).await;
}

async fn touch_users(pair: &mut Pair, users: &[UserId], conversation: &ConversationId) {
    let now = pair.now;
    let (reference, subject) = both!(pair.inboxes);
    reference.touch(users, conversation, now).await.unwrap();
    subject.touch(users, conversation, now).await.unwrap();
    pair.did(format!("touch {conversation} for {users:?}"));
}

async fn put_setting(pair: &mut Pair) {
    let (user, conversation, now) = (pair.user(), pair.conversation(), pair.now);
    let (reference, subject) = both!(pair.inboxes);
    let asked = [conversation.clone()];
    let stored = reference.settings(&user, &asked).await.unwrap().remove(0);
    let version = match pair.rng.below(4) {
        0 => pair.rng.below(stored.version + 4),
        _ => stored.version + 1,
    };
    let setting = Setting {
        version,
        pinned: pair.rng.once_in(2),
        archived: pair.rng.once_in(3),
        muted_until: pair.rng.once_in(3).then_some(now),
        unread_at: None,
        alias: pair.rng.once_in(2).then(|| format!("🗄️ {version}")),
    };
    let a = reference
        .put_setting(&user, &conversation, &setting, now)
        .await;
    let b = subject
        .put_setting(&user, &conversation, &setting, now)
        .await;
    let step = format!("put setting {version} of {user} in {conversation}");
    pair.same(step, &a.unwrap(), &b.unwrap());
}

async fn settings(pair: &mut Pair) {
    let user = pair.user();
    let asked = pair.rng.some(&conversations(), 4);
    let (reference, subject) = both!(pair.inboxes);
    let a = reference.settings(&user, &asked).await.unwrap();
    let b = subject.settings(&user, &asked).await.unwrap();
    pair.same(format!("settings of {user} in {asked:?}"), &a, &b);
}

/// Without a position both list the same, with the same settings; the order within a day is a store's own.
async fn walk_all(pair: &mut Pair) {
    let user = pair.user();
    let (a, b) = walk_both(pair, &user, None).await;
    pair.same(format!("walk all of {user}"), &a, &b);
}

/// From a position the subject lists all that changed; too much is allowed.
async fn walk_since(pair: &mut Pair) {
    let user = pair.user();
    let Some(given) = pair.since.get(&user).cloned() else {
        return;
    };
    let since = pair.rng.pick(&given);
    let step = format!("walk {user} since {since:?}");
    let (a, b) = walk_both(pair, &user, Some(since)).await;
    let missing: Vec<_> = a
        .iter()
        .filter(|(id, row)| b.get(*id) != Some(row))
        .collect();
    let what = format!("missing are {missing:?}");
    pair.holds(step, missing.is_empty(), &what);
}

type Rows = BTreeMap<ConversationId, Setting>;

async fn walk_both(pair: &mut Pair, user: &UserId, since: Option<Named<Since>>) -> (Rows, Rows) {
    let limit = usize::try_from(1 + pair.rng.below(4)).expect("it is small");
    let (reference, subject) = both!(pair.inboxes);
    let (of_reference, of_subject) = match since {
        Some(since) => (Some(since.reference), Some(since.subject)),
        None => (None, None),
    };
    let (a, next_a) = walk(&*reference, user, of_reference, limit, pair.now).await;
    let (b, next_b) = walk(&*subject, user, of_subject, limit, pair.now).await;
    let next = Named {
        reference: next_a,
        subject: next_b,
    };
    pair.since.entry(user.clone()).or_default().push(next);
    (a, b)
}

/// Each row once.
async fn walk(
    inboxes: &dyn InboxStore,
    user: &UserId,
    since: Option<Since>,
    limit: usize,
    now: Timestamp,
) -> (Rows, Since) {
    let mut rows = Rows::new();
    let mut seen = BTreeSet::new();
    let mut cursor = None;
    let mut next = None;
    loop {
        let page = inboxes.page(user, since.clone(), cursor, limit, now).await;
        let page = page.expect("a page is read");
        for row in page.rows {
            assert!(
                seen.insert(row.conversation.clone()),
                "{} comes twice",
                row.conversation
            );
            rows.insert(row.conversation, row.setting);
        }
        let next = next.get_or_insert(page.since).clone();
        if page.cursor.is_none() {
            return (rows, next);
        }
        cursor = page.cursor;
    }
}
