//! The schedule of what expires, and cutting logs.

use messenger_core::id::{ConversationId, Ordinal, Seq};
use messenger_core::model::EraseReason;
use messenger_core::store::{Due, MessageStore, RetentionStore};
use messenger_core::time::Day;

use super::case;
use super::steps::{append, log_of, seqs, whole_log};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{anna, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(
        a_scheduled_conversation_is_due_on_its_day,
        [Retention],
        ["RET-2"]
    ),
    case!(scheduling_twice_is_due_once, [Retention], ["RET-2"]),
    case!(
        an_acknowledged_schedule_is_there_after_opening_again,
        [Retention],
        ["RET-2"],
        reopens
    ),
    case!(nothing_is_due_before_its_day, [Retention], ["RET-2"]),
    case!(what_is_due_stays_due_until_settled, [Retention], ["RET-2"]),
    case!(a_settled_day_is_no_longer_due, [Retention], ["RET-3"]),
    case!(
        a_cut_raises_base_and_keeps_the_rest,
        [Retention, Messages],
        ["LOG-8"]
    ),
    case!(
        a_cut_never_lowers_base_nor_passes_the_head,
        [Retention, Messages],
        ["LOG-8"]
    ),
];

async fn a_scheduled_conversation_is_due_on_its_day(ctx: Ctx) {
    let retention = ctx.retention();
    for (conversation, day) in [(group(1), 30), (group(2), 10), (direct(), 20)] {
        retention.schedule(&conversation, Day(day)).await.unwrap();
    }
    assert_eq!(due(&*retention, 10).await, [on(10, &group(2))]);
    assert_eq!(
        due(&*retention, 20).await,
        [on(10, &group(2)), on(20, &direct())]
    );
    // Days that were missed are still due, the oldest first, up to the limit.
    let all = [on(10, &group(2)), on(20, &direct()), on(30, &group(1))];
    assert_eq!(due(&*retention, 500).await, all);
    let two = retention.due(Day(500), 2).await.unwrap();
    assert_eq!(two, all[..2]);
}

async fn scheduling_twice_is_due_once(ctx: Ctx) {
    let retention = ctx.retention();
    for day in [10, 12, 10, 10, 12] {
        retention.schedule(&direct(), Day(day)).await.unwrap();
    }
    let each_day_once = [on(10, &direct()), on(12, &direct())];
    assert_eq!(due(&*retention, 12).await, each_day_once);
}

async fn an_acknowledged_schedule_is_there_after_opening_again(mut ctx: Ctx) {
    let retention = ctx.retention();
    for number in 0..10 {
        let conversation = group(number);
        retention.schedule(&conversation, Day(10)).await.unwrap();
        retention.schedule(&conversation, Day(11)).await.unwrap();
        retention.settle(&on(10, &conversation)).await.unwrap();
    }
    drop(retention);
    ctx.open_again().await;
    let mut expected: Vec<_> = (0..10).map(|number| on(11, &group(number))).collect();
    expected.sort();
    let retention = ctx.retention();
    // A settled day may be due once more after a crash: erasing again is harmless.
    let mut due = due(&*retention, 11).await;
    due.retain(|due| due.day == Day(11));
    due.sort();
    assert_eq!(due, expected);
}

async fn nothing_is_due_before_its_day(ctx: Ctx) {
    let retention = ctx.retention();
    assert_eq!(due(&*retention, u32::MAX).await, []);
    retention.schedule(&direct(), Day(100)).await.unwrap();
    for today in [0, 1, 50, 99] {
        assert_eq!(due(&*retention, today).await, [], "on day {today}");
    }
    assert_eq!(due(&*retention, 100).await.len(), 1);
}

async fn what_is_due_stays_due_until_settled(ctx: Ctx) {
    let retention = ctx.retention();
    retention.schedule(&direct(), Day(10)).await.unwrap();
    retention.schedule(&group(1), Day(11)).await.unwrap();
    for today in [11, 12, 11, 4000] {
        assert_eq!(
            due(&*retention, today).await.len(),
            2,
            "asking settles nothing"
        );
    }
    retention.settle(&on(10, &direct())).await.unwrap();
    assert_eq!(due(&*retention, 4000).await, [on(11, &group(1))]);
}

async fn a_settled_day_is_no_longer_due(ctx: Ctx) {
    let retention = ctx.retention();
    retention.schedule(&direct(), Day(10)).await.unwrap();
    retention.schedule(&direct(), Day(11)).await.unwrap();
    retention.schedule(&group(1), Day(10)).await.unwrap();
    let settled = on(10, &direct());
    retention.settle(&settled).await.unwrap();
    retention.settle(&settled).await.unwrap();
    let rest = [on(10, &group(1)), on(11, &direct())];
    assert_eq!(
        due(&*retention, 11).await,
        rest,
        "other days and conversations stay"
    );

    retention.schedule(&direct(), Day(10)).await.unwrap();
    let again = due(&*retention, 10).await;
    assert!(again.contains(&settled), "it can be scheduled anew");
}

async fn a_cut_raises_base_and_keeps_the_rest(ctx: Ctx) {
    let (retention, messages) = (ctx.retention(), ctx.messages());
    let mut log = log_of(&*messages, &direct(), &anna(), 300).await;
    log_of(&*messages, &group(1), &anna(), 5).await;
    let before = whole_log(&*messages, &direct()).await;
    let tombstones: Vec<_> = (1..=280).map(Seq).collect();
    messages
        .erase(&direct(), &tombstones, EraseReason::Timed)
        .await
        .unwrap();

    retention.cut(&direct(), Seq(257)).await.unwrap();

    // A store may cut whole partitions only, so the base may lie below what was asked.
    let head = messages.head(&direct()).await.unwrap();
    assert!(head.base <= Seq(257), "{head:?}");
    assert_eq!((head.head, head.ordinal), (Seq(300), Ordinal(300)));
    assert_eq!(head.time, log.time());
    let rest = whole_log(&*messages, &direct()).await;
    let expected: Vec<_> = (head.base.0..=300).collect();
    assert_eq!(seqs(&rest), expected);
    assert_eq!(rest[rest.len() - 20..], before[280..]);
    assert_eq!(whole_log(&*messages, &group(1)).await.len(), 5);

    let next = log.message(&anna(), "goes on");
    append(&*messages, &direct(), &[next]).await;
}

async fn a_cut_never_lowers_base_nor_passes_the_head(ctx: Ctx) {
    let (retention, messages) = (ctx.retention(), ctx.messages());
    let mut log = log_of(&*messages, &direct(), &anna(), 20).await;
    let mut base = Seq(1);
    for to in [5, 3, 1, 0, 12, 20, 7, 21, 1000] {
        retention.cut(&direct(), Seq(to)).await.unwrap();
        let head = messages.head(&direct()).await.unwrap();
        assert!(head.base >= base, "cut at {to}: {head:?}");
        assert!(head.base <= Seq(to).max(base), "cut at {to}: {head:?}");
        assert!(head.base <= Seq(20), "cut at {to}: {head:?}");
        assert_eq!((head.head, head.ordinal), (Seq(20), Ordinal(20)));
        assert_eq!(head.time, log.time());
        assert!(!whole_log(&*messages, &direct()).await.is_empty());
        base = head.base;
    }
    let next = log.message(&anna(), "goes on");
    append(&*messages, &direct(), &[next]).await;

    retention.cut(&group(1), Seq(9)).await.unwrap();
    let empty = messages.head(&group(1)).await.unwrap();
    assert_eq!((empty.base, empty.head), (Seq(1), Seq(0)), "nothing to cut");
    log_of(&*messages, &group(1), &anna(), 2).await;
    assert_log(&*messages, &group(1), &[1, 2]).await;
}

async fn assert_log(messages: &dyn MessageStore, conversation: &ConversationId, expected: &[u64]) {
    assert_eq!(seqs(&whole_log(messages, conversation).await), expected);
}

fn on(day: u32, conversation: &ConversationId) -> Due {
    Due {
        day: Day(day),
        conversation: conversation.clone(),
    }
}

async fn due(retention: &dyn RetentionStore, today: u32) -> Vec<Due> {
    retention
        .due(Day(today), 1000)
        .await
        .expect("what is due is read")
}
