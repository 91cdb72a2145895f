//! Overlays: what later entries change on a message.

use messenger_core::id::{Seq, UserId};
use messenger_core::model::{Annotation, Change, Overlay, ReactionState};

use super::case;
use crate::conformance::{Case, Ctx};
use crate::fixtures::{anna, ben, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(
        an_overlay_raised_twice_is_raised_once,
        [Receipts],
        ["EDIT-3"]
    ),
    case!(the_reaction_of_highest_seq_holds, [Receipts], ["EDIT-2"]),
    case!(
        an_acknowledged_overlay_is_there_after_opening_again,
        [Receipts],
        ["EDIT-3"],
        reopens
    ),
    case!(overlays_come_per_target, [Receipts], ["EDIT-3"]),
];

async fn an_overlay_raised_twice_is_raised_once(ctx: Ctx) {
    let receipts = ctx.receipts();
    let batch = [
        edit(1, 5),
        edit(1, 3),
        retraction(1, 9),
        reaction(1, 7, &anna(), "👍🏿", true),
    ];
    receipts.annotate(&direct(), &batch).await.unwrap();
    receipts.annotate(&direct(), &batch).await.unwrap();
    receipts.annotate(&direct(), &batch[1..2]).await.unwrap();

    let overlays = receipts.overlays(&direct(), &[Seq(1)]).await.unwrap();
    let mut expected = Overlay::default();
    expected.edits.extend([Seq(3), Seq(5)]);
    expected.retraction = Some(Seq(9));
    let state = ReactionState {
        by: Seq(7),
        set: true,
    };
    expected.reactions.insert((anna(), "👍🏿".to_owned()), state);
    assert_eq!(overlays, [expected]);
}

async fn the_reaction_of_highest_seq_holds(ctx: Ctx) {
    let receipts = ctx.receipts();
    // In this order: a late repeat of an older one never wins, and each user and emoji stands alone.
    let batch = [
        reaction(1, 5, &anna(), "❤️‍🔥", true),
        reaction(1, 8, &anna(), "❤️‍🔥", false),
        reaction(1, 5, &anna(), "❤️‍🔥", true),
        reaction(1, 6, &ben(), "❤️‍🔥", true),
        reaction(1, 9, &ben(), "👍", false),
        reaction(1, 7, &ben(), "👍", true),
        reaction(1, 10, &ben(), "👍🏽", true),
    ];
    for one in batch {
        receipts.annotate(&direct(), &[one]).await.unwrap();
    }
    let overlays = receipts.overlays(&direct(), &[Seq(1)]).await.unwrap();
    let state = |user: UserId, emoji: &str| overlays[0].reactions.get(&(user, emoji.to_owned()));
    let is = |by, set| ReactionState { by: Seq(by), set };
    assert_eq!(state(anna(), "❤️‍🔥"), Some(&is(8, false)));
    assert_eq!(state(ben(), "❤️‍🔥"), Some(&is(6, true)));
    assert_eq!(state(ben(), "👍"), Some(&is(9, false)));
    assert_eq!(state(ben(), "👍🏽"), Some(&is(10, true)));
    assert_eq!(overlays[0].reactions.len(), 4);
}

async fn an_acknowledged_overlay_is_there_after_opening_again(mut ctx: Ctx) {
    let receipts = ctx.receipts();
    for by in 2..=12 {
        let batch = [edit(1, by), reaction(2, by, &anna(), "🇺🇳", by % 2 == 0)];
        receipts.annotate(&direct(), &batch).await.unwrap();
    }
    receipts
        .annotate(&direct(), &[retraction(1, 13)])
        .await
        .unwrap();
    let targets = [Seq(1), Seq(2)];
    let before = receipts.overlays(&direct(), &targets).await.unwrap();
    assert_eq!(before[0].edits.len(), 11);
    drop(receipts);

    ctx.open_again().await;

    let after = ctx.receipts().overlays(&direct(), &targets).await.unwrap();
    assert_eq!(after, before);
}

async fn overlays_come_per_target(ctx: Ctx) {
    let receipts = ctx.receipts();
    let here = [edit(1, 5), edit(2, 6), retraction(3, 7)];
    receipts.annotate(&direct(), &here).await.unwrap();
    receipts.annotate(&group(1), &[edit(1, 2)]).await.unwrap();

    let asked = [Seq(3), Seq(4), Seq(1), Seq(3)];
    let overlays = receipts.overlays(&direct(), &asked).await.unwrap();
    let retracted = Overlay {
        retraction: Some(Seq(7)),
        ..Overlay::default()
    };
    let edited = |by| Overlay {
        edits: [Seq(by)].into(),
        ..Overlay::default()
    };
    let expected = [retracted.clone(), Overlay::default(), edited(5), retracted];
    assert_eq!(overlays, expected);
    let elsewhere = receipts.overlays(&group(1), &[Seq(1)]).await.unwrap();
    assert_eq!(elsewhere, [edited(2)]);
}

fn edit(target: u64, by: u64) -> Annotation {
    annotation(target, by, Change::Edit)
}

fn retraction(target: u64, by: u64) -> Annotation {
    annotation(target, by, Change::Retraction)
}

fn reaction(target: u64, by: u64, user: &UserId, emoji: &str, set: bool) -> Annotation {
    let change = Change::Reaction {
        user: user.clone(),
        emoji: emoji.to_owned(),
        set,
    };
    annotation(target, by, change)
}

fn annotation(target: u64, by: u64, change: Change) -> Annotation {
    Annotation {
        target: Seq(target),
        by: Seq(by),
        change,
    }
}
