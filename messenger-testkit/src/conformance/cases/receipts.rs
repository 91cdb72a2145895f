//! Marks: max-registers.

use std::sync::Arc;

use messenger_core::id::{DeviceId, Ordinal};
use messenger_core::model::{Holder, MarkKind, Position, Raise, UserMarks};
use messenger_core::store::ReceiptStore;

use super::case;
use super::steps::{acked, position, raise};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{anna, ben, cleo, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(a_lower_or_equal_raise_is_ignored, [Receipts], ["MARK-2"]),
    case!(a_raise_says_whether_it_rose, [Receipts], ["MARK-2"]),
    case!(raises_in_any_order_have_one_outcome, [Receipts], ["MARK-2"]),
    case!(
        a_mark_keeps_the_ordinal_of_its_position,
        [Receipts],
        ["MARK-1"]
    ),
    case!(marks_never_fall, [Receipts], ["MARK-3"]),
    case!(
        an_acknowledged_raise_is_there_after_opening_again,
        [Receipts],
        ["MARK-3"],
        reopens
    ),
    case!(
        marks_of_a_conversation_are_each_users_own,
        [Receipts],
        ["MARK-1"]
    ),
    case!(acked_is_each_devices_own, [Receipts], ["MARK-1"]),
    case!(a_device_without_a_mark_has_none, [Receipts], ["MARK-4"]),
];

const PHONE: DeviceId = DeviceId(1);
const LAPTOP: DeviceId = DeviceId(2);
const USER_MARKS: [MarkKind; 4] = [
    MarkKind::Delivered,
    MarkKind::Read,
    MarkKind::ReadPrivate,
    MarkKind::Cleared,
];

async fn a_lower_or_equal_raise_is_ignored(ctx: Ctx) {
    let receipts = ctx.receipts();
    for kind in USER_MARKS {
        for seq in [10, 9, 10, 1] {
            let raise = raise(&direct(), &anna(), kind, seq);
            receipts.raise(&[raise]).await.expect("ignored, no error");
        }
    }
    for seq in [10, 9, 10, 1] {
        let raise = acked(&direct(), &anna(), PHONE, seq);
        receipts.raise(&[raise]).await.expect("ignored, no error");
    }
    let ten = UserMarks {
        delivered: position(10),
        read: position(10),
        read_private: position(10),
        cleared: position(10),
    };
    assert_eq!(marks(&*receipts).await, ten);
    let acked = receipts
        .of_device(&anna(), PHONE, &[direct()])
        .await
        .unwrap();
    assert_eq!(acked, [Some(position(10))]);
}

async fn a_raise_says_whether_it_rose(ctx: Ctx) {
    let receipts = ctx.receipts();
    let batch = [
        raise(&direct(), &anna(), MarkKind::Delivered, 5),
        acked(&direct(), &anna(), PHONE, 5),
        raise(&direct(), &anna(), MarkKind::Delivered, 3),
        raise(&direct(), &anna(), MarkKind::Delivered, 7),
        raise(&direct(), &anna(), MarkKind::Delivered, 7),
        raise(&direct(), &anna(), MarkKind::Read, 7),
        acked(&direct(), &anna(), PHONE, 5),
        acked(&direct(), &anna(), LAPTOP, 5),
    ];
    let rose = receipts.raise(&batch).await.unwrap();
    assert_eq!(rose, [true, true, false, true, false, true, false, true]);
    let again = receipts.raise(&batch).await.unwrap();
    assert_eq!(again, [false; 8]);
    assert_eq!(receipts.raise(&[]).await.unwrap(), [false; 0]);
}

async fn raises_in_any_order_have_one_outcome(ctx: Ctx) {
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let one = ctx.another().await;
        let receipts = one.receipts();
        let steps = [
            raise(&direct(), &anna(), MarkKind::Read, 4),
            raise(&direct(), &anna(), MarkKind::Read, 9),
            raise(&direct(), &anna(), MarkKind::Read, 6),
            acked(&direct(), &anna(), PHONE, 9),
        ];
        for index in order {
            let step = [steps[index].clone()];
            receipts.raise(&step).await.unwrap();
            receipts.raise(&step).await.unwrap();
        }
        let of_device = receipts.of_device(&anna(), PHONE, &[direct()]).await;
        outcomes.push((marks(&*receipts).await, of_device.unwrap()));
    }
    assert!(
        outcomes.windows(2).all(|pair| pair[0] == pair[1]),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[0].0.read, position(9));
}

async fn a_mark_keeps_the_ordinal_of_its_position(ctx: Ctx) {
    let receipts = ctx.receipts();
    let at = |seq: u64, ordinal: u64| Position {
        seq: seq.into(),
        ordinal: Ordinal(ordinal),
    };
    // Silent entries: the seq rises, the ordinal does not. And a lower seq never brings its ordinal in.
    for (to, expected) in [
        (at(5, 5), at(5, 5)),
        (at(9, 5), at(9, 5)),
        (at(12, 7), at(12, 7)),
        (at(11, 99), at(12, 7)),
        (at(12, 99), at(12, 7)),
    ] {
        let user = Raise {
            to,
            ..raise(&direct(), &anna(), MarkKind::Read, 0)
        };
        let device = Raise {
            to,
            ..acked(&direct(), &anna(), PHONE, 0)
        };
        receipts.raise(&[user, device]).await.unwrap();
        assert_eq!(marks(&*receipts).await.read, expected);
        let acked = receipts.of_device(&anna(), PHONE, &[direct()]).await;
        assert_eq!(acked.unwrap(), [Some(expected)]);
    }
}

const RACERS: u64 = 4;
const RAISES_EACH: u64 = 25;

async fn marks_never_fall(ctx: Ctx) {
    let receipts = ctx.receipts();
    // Each racer goes up, down and up again, and looks after each step.
    let racers = (0..RACERS).map(|racer| {
        let receipts = Arc::clone(&receipts);
        async move {
            let mut seen = Position::default();
            for step in 1..=RAISES_EACH {
                let seq = (step * 7 + racer * 13) % (RAISES_EACH * 4) + 1;
                let raise = raise(&direct(), &anna(), MarkKind::Delivered, seq);
                receipts.raise(&[raise]).await.unwrap();
                let now = marks(&*receipts).await.delivered;
                assert!(now >= seen, "{now:?} after {seen:?}");
                assert!(now.seq.0 >= seq, "the own raise is durable");
                seen = now;
            }
        }
    });
    ctx.race(racers).await;
    let highest = (0..RACERS)
        .flat_map(|racer| {
            (1..=RAISES_EACH).map(move |step| (step * 7 + racer * 13) % (RAISES_EACH * 4) + 1)
        })
        .max()
        .expect("there are raises");
    assert_eq!(marks(&*receipts).await.delivered, position(highest));
}

async fn an_acknowledged_raise_is_there_after_opening_again(mut ctx: Ctx) {
    let receipts = ctx.receipts();
    for seq in 1..=20 {
        let batch = [
            raise(&direct(), &anna(), MarkKind::Delivered, seq),
            acked(&direct(), &anna(), PHONE, seq),
            raise(&group(1), &ben(), MarkKind::Read, seq * 2),
            raise(&group(1), &ben(), MarkKind::ReadPrivate, seq * 3),
            raise(&group(1), &ben(), MarkKind::Cleared, seq / 2),
        ];
        receipts.raise(&batch).await.unwrap();
    }
    drop(receipts);

    ctx.open_again().await;

    let receipts = ctx.receipts();
    assert_eq!(marks(&*receipts).await.delivered, position(20));
    let acked = receipts.of_device(&anna(), PHONE, &[direct()]).await;
    assert_eq!(acked.unwrap(), [Some(position(20))]);
    let of_ben = UserMarks {
        delivered: Position::default(),
        read: position(40),
        read_private: position(60),
        cleared: position(10),
    };
    let of_group = receipts.of_conversation(&group(1), &[ben()]).await;
    assert_eq!(of_group.unwrap(), [of_ben]);
    let lower = raise(&group(1), &ben(), MarkKind::Read, 39);
    assert_eq!(receipts.raise(&[lower]).await.unwrap(), [false]);
}

async fn marks_of_a_conversation_are_each_users_own(ctx: Ctx) {
    let receipts = ctx.receipts();
    let batch = [
        raise(&group(1), &anna(), MarkKind::Delivered, 4),
        raise(&group(1), &anna(), MarkKind::Read, 3),
        raise(&group(1), &ben(), MarkKind::ReadPrivate, 2),
        raise(&group(1), &ben(), MarkKind::Cleared, 1),
        raise(&group(2), &anna(), MarkKind::Read, 9),
    ];
    receipts.raise(&batch).await.unwrap();
    let of_anna = UserMarks {
        delivered: position(4),
        read: position(3),
        ..UserMarks::default()
    };
    let of_ben = UserMarks {
        read_private: position(2),
        cleared: position(1),
        ..UserMarks::default()
    };
    let asked = [cleo(), ben(), anna(), ben()];
    let marks = receipts.of_conversation(&group(1), &asked).await.unwrap();
    assert_eq!(marks, [UserMarks::default(), of_ben, of_anna, of_ben]);
    let elsewhere = receipts.of_conversation(&group(3), &[anna()]).await;
    assert_eq!(elsewhere.unwrap(), [UserMarks::default()]);
}

async fn acked_is_each_devices_own(ctx: Ctx) {
    let receipts = ctx.receipts();
    let batch = [
        acked(&direct(), &anna(), PHONE, 4),
        acked(&direct(), &anna(), LAPTOP, 7),
        acked(&direct(), &ben(), PHONE, 2),
        acked(&group(1), &anna(), PHONE, 9),
    ];
    receipts.raise(&batch).await.unwrap();
    let both = [group(1), direct()];
    for (user, device, expected) in [
        (anna(), PHONE, [Some(position(9)), Some(position(4))]),
        (anna(), LAPTOP, [None, Some(position(7))]),
        (ben(), PHONE, [None, Some(position(2))]),
    ] {
        let acked = receipts.of_device(&user, device, &both).await.unwrap();
        assert_eq!(acked, expected, "{user} {device}");
    }
    assert_eq!(
        marks(&*receipts).await,
        UserMarks::default(),
        "acked alone delivers nothing"
    );
}

async fn a_device_without_a_mark_has_none(ctx: Ctx) {
    let receipts = ctx.receipts();
    let batch = [
        raise(&direct(), &anna(), MarkKind::Delivered, 4),
        acked(&group(1), &anna(), PHONE, 4),
    ];
    receipts.raise(&batch).await.unwrap();
    let asked = [direct(), group(1), direct()];
    let acked = receipts.of_device(&anna(), PHONE, &asked).await.unwrap();
    assert_eq!(acked, [None, Some(position(4)), None]);
    for user in [ben(), cleo()] {
        let acked = receipts.of_device(&user, PHONE, &asked).await.unwrap();
        assert_eq!(acked, [None; 3]);
    }
    let holder = Holder {
        user: anna(),
        device: Some(LAPTOP),
    };
    let to_zero = Raise {
        holder,
        to: Position::default(),
        ..acked_template()
    };
    assert_eq!(receipts.raise(&[to_zero]).await.unwrap(), [false]);
    let laptop = receipts.of_device(&anna(), LAPTOP, &asked).await.unwrap();
    assert_eq!(laptop, [None; 3], "what did not rise left no mark");
}

fn acked_template() -> Raise {
    acked(&direct(), &anna(), PHONE, 0)
}

/// The marks of the first user in the direct conversation.
async fn marks(receipts: &dyn ReceiptStore) -> UserMarks {
    let marks = receipts.of_conversation(&direct(), &[anna()]).await;
    marks.expect("marks are read")[0]
}
