//! Inboxes: which conversations changed.

use std::collections::BTreeSet;
use std::time::Duration;

use messenger_core::model::MarkKind;
use messenger_core::store::Since;

use super::case;
use super::steps::{DAY, append, list, pinned, put, raise, set, walk};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{LogBuilder, START, TEXTS, anna, ben, cleo, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(a_touched_conversation_is_listed, [Inboxes], ["LOG-4"]),
    case!(touching_again_lists_once, [Inboxes], ["LOG-4"]),
    case!(
        changes_after_a_touch_on_the_same_day_are_listed_since,
        [Inboxes, Messages, Receipts],
        ["LOG-4", "RES-1"]
    ),
    case!(
        an_acknowledged_touch_is_there_after_opening_again,
        [Inboxes],
        ["LOG-4"],
        reopens
    ),
    case!(a_walk_lists_every_conversation_once, [Inboxes], ["RES-1"]),
    case!(
        a_walk_since_lists_what_changed_and_nothing_is_missed,
        [Inboxes, Messages],
        ["RES-1"]
    ),
    case!(
        a_change_during_a_walk_is_listed_after_its_since,
        [Inboxes, Messages],
        ["RES-1"]
    ),
    case!(
        a_change_during_a_walk_hides_nothing_from_it,
        [Inboxes, Messages, Receipts],
        ["RES-3"]
    ),
    case!(
        a_since_of_another_epoch_lists_everything,
        [Inboxes, Messages],
        ["RES-3"]
    ),
];

async fn a_touched_conversation_is_listed(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    assert_eq!(list(&*inboxes, &anna(), None).await.0, set(&[]));
    inboxes
        .touch(&[anna(), ben()], &direct(), START)
        .await
        .unwrap();
    inboxes.touch(&[ben()], &group(1), START).await.unwrap();
    assert_eq!(list(&*inboxes, &anna(), None).await.0, set(&[direct()]));
    let of_ben = list(&*inboxes, &ben(), None).await.0;
    assert_eq!(of_ben, set(&[direct(), group(1)]));
    assert_eq!(list(&*inboxes, &cleo(), None).await.0, set(&[]));
}

async fn touching_again_lists_once(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    for days in [0, 0, 1, 3, 2] {
        let now = START.plus(DAY * days);
        inboxes.touch(&[anna()], &direct(), now).await.unwrap();
        inboxes.touch(&[anna()], &group(1), now).await.unwrap();
    }
    let rows = walk(&*inboxes, &anna(), None, 10, START.plus(DAY * 3))
        .await
        .0;
    assert_eq!(rows.len(), 2, "{rows:?}");
}

async fn changes_after_a_touch_on_the_same_day_are_listed_since(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    for conversation in [direct(), group(1), group(2)] {
        let users = [anna(), ben()];
        inboxes.touch(&users, &conversation, START).await.unwrap();
    }
    let mut log = LogBuilder::new();

    let (_, since) = list(&*inboxes, &ben(), None).await;
    let entry = log.message(&anna(), TEXTS[4].1);
    append(&*ctx.messages(), &direct(), &[entry]).await;
    let (changed, since) = list(&*inboxes, &ben(), Some(since)).await;
    assert!(changed.contains(&direct()), "an append is a change");

    for kind in [
        MarkKind::Delivered,
        MarkKind::Read,
        MarkKind::ReadPrivate,
        MarkKind::Cleared,
    ] {
        let (_, since) = list(&*inboxes, &ben(), None).await;
        let raise = raise(&direct(), &ben(), kind, 1);
        ctx.receipts().raise(&[raise]).await.unwrap();
        let (changed, _) = list(&*inboxes, &ben(), Some(since)).await;
        assert!(changed.contains(&direct()), "a raise of {kind} is a change");
    }

    let others = raise(&group(1), &anna(), MarkKind::Read, 1);
    ctx.receipts().raise(&[others]).await.unwrap();
    put(&*inboxes, &ben(), &group(2), &pinned(1)).await;
    let (changed, _) = list(&*inboxes, &ben(), Some(since)).await;
    assert!(changed.contains(&group(1)), "so is another member's mark");
    assert!(changed.contains(&group(2)), "so is a setting");
}

async fn an_acknowledged_touch_is_there_after_opening_again(mut ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let all: Vec<_> = (0..30).map(group).collect();
    for conversation in &all[..20] {
        inboxes.touch(&[anna()], conversation, START).await.unwrap();
    }
    let (_, since) = list(&*inboxes, &anna(), None).await;
    for conversation in &all[20..] {
        inboxes.touch(&[anna()], conversation, START).await.unwrap();
    }
    drop(inboxes);

    ctx.open_again().await;

    let inboxes = ctx.inboxes();
    assert_eq!(list(&*inboxes, &anna(), None).await.0, set(&all));
    let (changed, since) = list(&*inboxes, &anna(), Some(since)).await;
    assert!(changed.is_superset(&set(&all[20..])), "{changed:?}");
    inboxes.touch(&[anna()], &all[3], START).await.unwrap();
    let (changed, _) = list(&*inboxes, &anna(), Some(since)).await;
    assert!(changed.contains(&all[3]), "a position of before goes on");
}

async fn a_walk_lists_every_conversation_once(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let all: Vec<_> = (0..25).map(group).collect();
    for (days, conversation) in (0..).zip(&all) {
        let now = START.plus(DAY * days);
        let users = [anna(), ben()];
        inboxes.touch(&users, conversation, now).await.unwrap();
    }
    let now = START.plus(DAY * 25);
    let newest_first: Vec<_> = all.iter().rev().cloned().collect();
    for limit in [1, 4, 5, 24, 25, 26, 1000] {
        let (rows, _) = walk(&*inboxes, &anna(), None, limit, now).await;
        assert_eq!(rows, newest_first, "in pages of {limit}");
    }
}

async fn a_walk_since_lists_what_changed_and_nothing_is_missed(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let all: Vec<_> = (0..20).map(group).collect();
    for conversation in &all {
        inboxes.touch(&[anna()], conversation, START).await.unwrap();
    }
    let (_, mut since) = list(&*inboxes, &anna(), None).await;
    let mut now = START;
    for round in 0..6 {
        now = now.plus(Duration::from_secs(1));
        let changed: BTreeSet<_> = (0..3)
            .map(|i| all[(round * 7 + i * 3) % 20].clone())
            .collect();
        for conversation in &changed {
            let mut log = LogBuilder::new();
            log.messages(&ben(), round);
            let after = log.head();
            let entry = log.message(&ben(), "changed");
            let head = ctx.messages().head(conversation).await.unwrap();
            if head.head == after {
                append(&*ctx.messages(), conversation, &[entry]).await;
            } else {
                inboxes.touch(&[anna()], conversation, now).await.unwrap();
            }
        }
        let (listed, next) = walk(&*inboxes, &anna(), Some(since), 2, now).await;
        let listed: BTreeSet<_> = listed.into_iter().collect();
        assert!(listed.is_superset(&changed), "round {round}: {listed:?}");
        since = next;
    }
    let new = group(99);
    inboxes.touch(&[anna()], &new, now).await.unwrap();
    let (listed, _) = list(&*inboxes, &anna(), Some(since)).await;
    assert!(
        listed.contains(&new),
        "a conversation that is new is a change"
    );
}

async fn a_change_during_a_walk_is_listed_after_its_since(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let all: Vec<_> = (0..10).map(group).collect();
    for conversation in &all {
        inboxes.touch(&[anna()], conversation, START).await.unwrap();
    }
    let first = inboxes.page(&anna(), None, None, 3, START).await.unwrap();
    assert_eq!(first.rows.len(), 3);

    // One that was listed, one that was not yet, and a new one change between two pages.
    let listed = first.rows[0].conversation.clone();
    let still_to_come = all
        .iter()
        .find(|c| first.rows.iter().all(|row| row.conversation != **c))
        .expect("7 are to come");
    for conversation in [&listed, still_to_come] {
        let entry = LogBuilder::new().message(&ben(), "meanwhile");
        append(&*ctx.messages(), conversation, &[entry]).await;
    }
    inboxes.touch(&[anna()], &group(77), START).await.unwrap();

    let mut seen: BTreeSet<_> = first.rows.iter().map(|r| r.conversation.clone()).collect();
    let mut cursor = first.cursor.clone();
    while let Some(at) = cursor {
        let page = inboxes
            .page(&anna(), None, Some(at), 3, START)
            .await
            .unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.conversation));
        cursor = page.cursor;
    }
    let (after, _) = list(&*inboxes, &anna(), Some(first.since)).await;
    for conversation in [&listed, still_to_come, &group(77)] {
        assert!(after.contains(conversation), "{conversation} changed");
    }
    seen.extend(after);
    assert!(seen.is_superset(&set(&all)), "nothing is missed: {seen:?}");
}

async fn a_change_during_a_walk_hides_nothing_from_it(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let all: Vec<_> = (0..12).map(group).collect();
    for conversation in &all {
        let users = [anna()];
        inboxes.touch(&users, conversation, START).await.unwrap();
    }
    // Between any two pages all change once more, in one way or another: what is still to come, and what has been.
    let mut seen = BTreeSet::new();
    let mut cursor = None;
    for round in 0.. {
        assert!(round < 100, "the walk ends although there are changes");
        let page = inboxes.page(&anna(), None, cursor, 2, START).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.conversation));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        for conversation in &all {
            let read = raise(conversation, &ben(), MarkKind::Read, round + 1);
            ctx.receipts().raise(&[read]).await.unwrap();
        }
        put(&*inboxes, &anna(), &all[0], &pinned(round + 1)).await;
    }
    assert_eq!(seen, set(&all));

    // And a walk from a position, in which one conversation changes just before it is reached.
    let (_, since) = list(&*inboxes, &anna(), None).await;
    let (waiting, new) = (&all[..4], group(99));
    for conversation in waiting {
        let entry = LogBuilder::new().message(&ben(), "for anna");
        append(&*ctx.messages(), conversation, &[entry]).await;
    }
    let mut seen = BTreeSet::new();
    let mut cursor = None;
    for round in 0.. {
        assert!(round < 100, "the walk ends although there are changes");
        let page = inboxes
            .page(&anna(), Some(since.clone()), cursor, 1, START)
            .await
            .unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.conversation));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        let read = raise(&all[0], &ben(), MarkKind::Read, 1000 + round);
        ctx.receipts().raise(&[read]).await.unwrap();
        inboxes.touch(&[anna()], &new, START).await.unwrap();
    }
    assert!(seen.is_superset(&set(waiting)), "{seen:?}");
}

async fn a_since_of_another_epoch_lists_everything(ctx: Ctx) {
    let inboxes = ctx.inboxes();
    let other = ctx.another().await;
    assert_ne!(
        ctx.messages().info().epoch,
        other.messages().info().epoch,
        "each store has an epoch of its own"
    );
    for number in 0..50 {
        let touched = group(number);
        let touch = other.inboxes();
        touch.touch(&[anna()], &touched, START).await.unwrap();
    }
    let (_, far_ahead) = list(&*other.inboxes(), &anna(), None).await;

    let all = [direct(), group(1)];
    for conversation in &all {
        inboxes.touch(&[anna()], conversation, START).await.unwrap();
    }
    let strange = [
        "",
        "0",
        "not of this store",
        "ffffffffffffffff",
        "🦊",
        "1.2.3.4",
    ];
    let strange = strange.into_iter().map(|text| Since(text.to_owned()));
    for since in strange.chain([far_ahead]) {
        let (listed, next) = list(&*inboxes, &anna(), Some(since.clone())).await;
        assert_eq!(listed, set(&all), "since {since:?}");
        inboxes.touch(&[anna()], &group(1), START).await.unwrap();
        let (listed, _) = list(&*inboxes, &anna(), Some(next)).await;
        assert!(listed.contains(&group(1)));
    }
}
