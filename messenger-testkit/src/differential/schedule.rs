//! Steps on the schedule.

use messenger_core::store::Due;
use messenger_core::time::Day;

use super::pair::{Pair, both};

pub(super) async fn step(pair: &mut Pair) {
    let today = pair.now.day().0;
    let conversation = pair.conversation();
    let day = Day(today + u32::try_from(pair.rng.below(5)).expect("it is small"));
    let (reference, subject) = both!(pair.retention);
    match pair.rng.below(4) {
        0..=1 => {
            reference.schedule(&conversation, day).await.unwrap();
            subject.schedule(&conversation, day).await.unwrap();
            pair.settled.remove(&Due {
                day,
                conversation: conversation.clone(),
            });
            pair.did(format!("schedule {conversation} for {day:?}"));
        }
        2 => {
            let due = Due { day, conversation };
            reference.settle(&due).await.unwrap();
            subject.settle(&due).await.unwrap();
            pair.settled.insert(due.clone());
            pair.did(format!("settle {due:?}"));
        }
        _ => {
            let mut a = reference.due(day, 1000).await.unwrap();
            let mut b = subject.due(day, 1000).await.unwrap();
            let by_day = b.is_sorted_by_key(|due| due.day);
            let step = format!("due on {day:?}");
            pair.holds(step.clone(), by_day, "the oldest day does not come first");
            a.sort();
            b.sort();
            pair.same(step, &a, &b);
        }
    }
}
