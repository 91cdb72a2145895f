//! Devices, standing, and the feed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use messenger_core::id::{DeviceId, Generation, UserId};
use messenger_core::model::{MarkKind, Standing};
use messenger_core::store::{DeviceStore, FeedItem, FeedPosition, Registered, Registration};

use super::case;
use super::steps::{acked, position, raise, register, registration};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{START, anna, ben, cleo, direct, group, user};

pub(super) const CASES: &[Case] = &[
    case!(
        a_registration_repeated_with_its_key_is_the_same_device,
        [Devices],
        ["contract 1, Device"]
    ),
    case!(
        device_ids_are_never_used_twice,
        [Devices],
        ["contract 1, Device"]
    ),
    case!(at_the_limit_the_devices_are_listed, [Devices], ["BP-4"]),
    case!(
        a_new_devices_acked_begins_at_delivered,
        [Devices, Receipts],
        ["MARK-4"]
    ),
    case!(
        an_acknowledged_registration_is_there_after_opening_again,
        [Devices, Receipts],
        ["MARK-4", "contract 1, Device"],
        reopens
    ),
    case!(
        registered_devices_are_listed_until_revoked,
        [Devices],
        ["SEC-4"]
    ),
    case!(seen_never_goes_back, [Devices], ["PRES-3"]),
    case!(a_published_item_is_in_the_feed, [Devices], ["SEC-4"]),
    case!(a_revoked_device_is_no_longer_listed, [Devices], ["SEC-4"]),
    case!(
        bans_and_blocks_change_the_standing,
        [Devices],
        ["SEC-4", "LIFE-4"]
    ),
    case!(
        an_acknowledged_item_is_there_after_opening_again,
        [Devices],
        ["SEC-4"],
        reopens
    ),
    case!(
        the_feed_is_read_in_order_without_holes,
        [Devices],
        ["SEC-4"]
    ),
    case!(
        a_user_never_mentioned_is_in_good_standing,
        [Devices],
        ["SEC-4"]
    ),
];

async fn a_registration_repeated_with_its_key_is_the_same_device(ctx: Ctx) {
    let devices = ctx.devices();
    let phone = register(&*devices, &anna(), "key-1").await;
    let laptop = register(&*devices, &anna(), "key-2").await;
    assert_ne!(phone, laptop);

    let later = Registration {
        name: None,
        limit: 0,
        now: START.plus(Duration::from_secs(60)),
        ..registration(&anna(), "key-1")
    };
    let again = devices.register(&later).await.unwrap();
    assert_eq!(again, Registered::Device(phone), "at the limit too");
    assert_eq!(ids(&*devices, &anna()).await, [phone, laptop].into());

    register(&*devices, &ben(), "key-1").await;
    assert_eq!(
        ids(&*devices, &ben()).await.len(),
        1,
        "keys are a user's own"
    );
    assert_eq!(ids(&*devices, &anna()).await.len(), 2);
}

async fn device_ids_are_never_used_twice(ctx: Ctx) {
    let devices = ctx.devices();
    let mut ever = BTreeSet::new();
    for round in 0..8 {
        let device = register(&*devices, &anna(), &format!("key-{round}")).await;
        assert!(ever.insert(device), "{device} was used before");
        revoke(&*devices, &anna(), device).await;
    }
    // The key of a revoked device still names it, and does not bring it back.
    let first = register(&*devices, &anna(), "key-0").await;
    assert_eq!(Some(&first), ever.first());
    assert_eq!(ids(&*devices, &anna()).await, BTreeSet::new());
}

async fn at_the_limit_the_devices_are_listed(ctx: Ctx) {
    let devices = ctx.devices();
    let with = |key: &str| Registration {
        limit: 3,
        ..registration(&anna(), key)
    };
    let mut registered = BTreeSet::new();
    for key in ["key-1", "key-2", "key-3"] {
        match devices.register(&with(key)).await.unwrap() {
            Registered::Device(device) => assert!(registered.insert(device)),
            Registered::TooMany(_) => panic!("{key} is within the limit"),
        }
    }
    match devices.register(&with("key-4")).await.unwrap() {
        Registered::TooMany(listed) => {
            assert_eq!(listed, devices.list(&anna()).await.unwrap());
            let listed: BTreeSet<_> = listed.iter().map(|record| record.device).collect();
            assert_eq!(listed, registered);
        }
        Registered::Device(device) => panic!("{device} is one too many"),
    }
    register(&*devices, &ben(), "key-1").await;

    let one = *registered.first().expect("there are three");
    revoke(&*devices, &anna(), one).await;
    let after = devices.register(&with("key-4")).await.unwrap();
    assert!(
        matches!(after, Registered::Device(_)),
        "there is room again"
    );
}

async fn a_new_devices_acked_begins_at_delivered(ctx: Ctx) {
    let (devices, receipts) = (ctx.devices(), ctx.receipts());
    let phone = register(&*devices, &anna(), "phone").await;
    let all = [direct(), group(1), group(2), group(3)];
    let batch = [
        raise(&direct(), &anna(), MarkKind::Delivered, 5),
        acked(&direct(), &anna(), phone, 5),
        raise(&group(1), &anna(), MarkKind::Delivered, 2),
        raise(&group(1), &anna(), MarkKind::Read, 9),
        raise(&group(2), &ben(), MarkKind::Delivered, 8),
        acked(&group(3), &anna(), phone, 4),
    ];
    receipts.raise(&batch).await.unwrap();

    let laptop = register(&*devices, &anna(), "laptop").await;
    let begins = [Some(position(5)), Some(position(2)), None, None];
    let own = async |device| {
        let own = receipts.of_device(&anna(), device, &all).await;
        own.expect("marks are read")
    };
    assert_eq!(own(laptop).await, begins);

    // Exactly that of the moment: what is delivered later, or registered again, moves nothing.
    let later = [
        raise(&direct(), &anna(), MarkKind::Delivered, 50),
        raise(&group(2), &anna(), MarkKind::Delivered, 6),
    ];
    receipts.raise(&later).await.unwrap();
    register(&*devices, &anna(), "laptop").await;
    assert_eq!(own(laptop).await, begins);

    // It rises like any other, and a raise below where it began is ignored.
    let raises = [
        acked(&direct(), &anna(), laptop, 4),
        acked(&direct(), &anna(), laptop, 6),
        acked(&group(2), &anna(), laptop, 1),
    ];
    let rose = receipts.raise(&raises).await.unwrap();
    assert_eq!(rose, [false, true, true]);
    let after = [
        Some(position(6)),
        Some(position(2)),
        Some(position(1)),
        None,
    ];
    assert_eq!(own(laptop).await, after);

    let tablet = register(&*devices, &anna(), "tablet").await;
    let begins = [
        Some(position(50)),
        Some(position(2)),
        Some(position(6)),
        None,
    ];
    assert_eq!(own(tablet).await, begins);
}

async fn an_acknowledged_registration_is_there_after_opening_again(mut ctx: Ctx) {
    let (devices, receipts) = (ctx.devices(), ctx.receipts());
    let phone = register(&*devices, &anna(), "phone").await;
    let delivered = |seq| [raise(&direct(), &anna(), MarkKind::Delivered, seq)];
    receipts.raise(&delivered(3)).await.unwrap();
    let laptop = register(&*devices, &anna(), "laptop").await;
    receipts.raise(&delivered(9)).await.unwrap();
    let seen = START.plus(Duration::from_secs(9));
    devices
        .seen(&anna(), phone, Generation(4), seen)
        .await
        .unwrap();
    let listed = devices.list(&anna()).await.unwrap();
    drop((devices, receipts));

    ctx.open_again().await;

    let devices = ctx.devices();
    let now = devices.list(&anna()).await.unwrap();
    assert_eq!(now.len(), listed.len());
    for (now, before) in now.iter().zip(&listed) {
        // When it was seen last, and with which generation, may be a little behind after a crash.
        assert_eq!((now.device, &now.name), (before.device, &before.name));
        assert_eq!(now.registered, before.registered);
    }
    let acked = ctx.receipts().of_device(&anna(), laptop, &[direct()]).await;
    assert_eq!(acked.unwrap(), [Some(position(3))]);
    assert_eq!(register(&*devices, &anna(), "laptop").await, laptop);
    let new = register(&*devices, &anna(), "tablet").await;
    assert!(new != phone && new != laptop);
}

async fn registered_devices_are_listed_until_revoked(ctx: Ctx) {
    let devices = ctx.devices();
    assert_eq!(devices.list(&anna()).await.unwrap(), []);
    let phone = register(&*devices, &anna(), "phone").await;
    let nameless = Registration {
        name: None,
        now: START.plus(Duration::from_secs(5)),
        ..registration(&anna(), "nameless")
    };
    let Registered::Device(nameless) = devices.register(&nameless).await.unwrap() else {
        panic!("two are not too many");
    };
    register(&*devices, &ben(), "other").await;

    let listed = devices.list(&anna()).await.unwrap();
    assert_eq!(listed.len(), 2);
    let record = |device| {
        listed
            .iter()
            .find(|r| r.device == device)
            .expect("is listed")
    };
    assert_eq!(record(phone).name.as_deref(), Some("phone 📱"));
    assert_eq!(
        (record(phone).registered, record(phone).seen),
        (START, START)
    );
    assert_eq!(record(nameless).name, None);
    assert_eq!(
        record(nameless).registered,
        START.plus(Duration::from_secs(5))
    );

    revoke(&*devices, &anna(), phone).await;
    assert_eq!(ids(&*devices, &anna()).await, [nameless].into());
    assert_eq!(ids(&*devices, &ben()).await.len(), 1);
}

async fn seen_never_goes_back(ctx: Ctx) {
    let devices = ctx.devices();
    let phone = register(&*devices, &anna(), "phone").await;
    let laptop = register(&*devices, &anna(), "laptop").await;
    let at = |seconds| START.plus(Duration::from_secs(seconds));
    for (generation, seconds, expected) in [
        (5, 100, (5, 100)),
        (4, 50, (5, 100)),
        (4, 200, (5, 200)),
        (9, 150, (9, 200)),
        (9, 200, (9, 200)),
    ] {
        devices
            .seen(&anna(), phone, Generation(generation), at(seconds))
            .await
            .unwrap();
        let listed = devices.list(&anna()).await.unwrap();
        let record = listed
            .iter()
            .find(|r| r.device == phone)
            .expect("is listed");
        let (generation, seconds) = expected;
        assert_eq!(
            (record.generation, record.seen),
            (Generation(generation), at(seconds))
        );
        let other = listed
            .iter()
            .find(|r| r.device == laptop)
            .expect("is listed");
        assert_eq!(other.seen, START, "each device is seen by itself");
    }
    revoke(&*devices, &anna(), phone).await;
    devices
        .seen(&anna(), phone, Generation(10), at(300))
        .await
        .unwrap();
    let ids = ids(&*devices, &anna()).await;
    assert_eq!(ids, [laptop].into(), "being seen brings no device back");
}

async fn a_published_item_is_in_the_feed(ctx: Ctx) {
    let devices = ctx.devices();
    let phone = register(&*devices, &anna(), "phone").await;
    let (_, mut at) = devices.feed(None, 100).await.unwrap();
    let items = [
        FeedItem::DeviceRevoked {
            user: anna(),
            device: phone,
        },
        FeedItem::SessionsRevoked { user: ben() },
        banned(&cleo(), true),
        blocked(&anna(), &ben(), true),
        banned(&cleo(), false),
        blocked(&anna(), &ben(), false),
    ];
    for item in items {
        let position = devices.publish(&item).await.unwrap();
        let (read, next) = devices.feed(Some(at), 100).await.unwrap();
        assert_eq!(read, [item]);
        assert_eq!(next, position);
        assert!(next > at, "positions rise");
        at = next;
        let from_the_end = devices.feed(None, 100).await.unwrap();
        assert_eq!(from_the_end, (vec![], next), "without a position it begins at the end");
    }
}

async fn a_revoked_device_is_no_longer_listed(ctx: Ctx) {
    let devices = ctx.devices();
    let phone = register(&*devices, &anna(), "phone").await;
    let laptop = register(&*devices, &anna(), "laptop").await;
    let of_ben = register(&*devices, &ben(), "phone").await;
    revoke(&*devices, &anna(), phone).await;
    revoke(&*devices, &anna(), phone).await;
    revoke(&*devices, &anna(), DeviceId(777)).await;
    devices
        .publish(&FeedItem::SessionsRevoked { user: anna() })
        .await
        .unwrap();
    assert_eq!(ids(&*devices, &anna()).await, [laptop].into());
    assert_eq!(ids(&*devices, &ben()).await, [of_ben].into());
}

async fn bans_and_blocks_change_the_standing(ctx: Ctx) {
    let devices = ctx.devices();
    let publish = |item: FeedItem| {
        let devices = Arc::clone(&devices);
        async move { devices.publish(&item).await.unwrap() }
    };
    publish(banned(&anna(), true)).await;
    publish(blocked(&anna(), &ben(), true)).await;
    publish(blocked(&anna(), &cleo(), true)).await;
    publish(blocked(&anna(), &ben(), true)).await;
    publish(blocked(&ben(), &cleo(), true)).await;
    let of_anna = devices.standing(&anna()).await.unwrap();
    let both = Standing {
        banned: true,
        blocks: [ben(), cleo()].into(),
    };
    assert_eq!(of_anna, both);
    let of_ben = devices.standing(&ben()).await.unwrap();
    assert_eq!((of_ben.banned, of_ben.blocks), (false, [cleo()].into()));
    let of_cleo = devices.standing(&cleo()).await.unwrap();
    assert_eq!(of_cleo, Standing::default(), "being blocked is no fault");

    publish(banned(&anna(), false)).await;
    publish(blocked(&anna(), &cleo(), false)).await;
    publish(blocked(&cleo(), &anna(), false)).await;
    let of_anna = devices.standing(&anna()).await.unwrap();
    assert_eq!((of_anna.banned, of_anna.blocks), (false, [ben()].into()));
}

async fn an_acknowledged_item_is_there_after_opening_again(mut ctx: Ctx) {
    let devices = ctx.devices();
    let phone = register(&*devices, &anna(), "phone").await;
    let (_, start) = devices.feed(None, 1).await.unwrap();
    revoke(&*devices, &anna(), phone).await;
    let items = [banned(&ben(), true), blocked(&anna(), &cleo(), true)];
    let mut last = start;
    for item in &items {
        last = devices.publish(item).await.unwrap();
    }
    drop(devices);

    ctx.open_again().await;

    let devices = ctx.devices();
    let (read, end) = devices.feed(Some(start), 100).await.unwrap();
    assert_eq!(read[1..], items);
    assert_eq!(end, last, "a position of before goes on");
    assert_eq!(ids(&*devices, &anna()).await, BTreeSet::new());
    assert!(devices.standing(&ben()).await.unwrap().banned);
    let blocks = devices.standing(&anna()).await.unwrap().blocks;
    assert_eq!(blocks, [cleo()].into());
    let next = devices.publish(&banned(&ben(), false)).await.unwrap();
    assert!(next > last);
}

const PUBLISHERS: usize = 4;
const ITEMS_EACH: usize = 8;

async fn the_feed_is_read_in_order_without_holes(ctx: Ctx) {
    let devices = ctx.devices();
    devices.publish(&banned(&cleo(), true)).await.unwrap();
    let (_, start) = devices.feed(None, 100).await.unwrap();
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let devices = Arc::clone(&devices);
        async move {
            let mut positions = Vec::new();
            for item in 0..ITEMS_EACH {
                let of = user(&format!("user-{publisher}-{item}"));
                positions.push(devices.publish(&banned(&of, true)).await.unwrap());
            }
            assert!(positions.is_sorted());
        }
    });
    ctx.race(publishers).await;

    let (whole, end) = devices.feed(Some(start), 1000).await.unwrap();
    assert_eq!(whole.len(), PUBLISHERS * ITEMS_EACH, "each item once");
    for publisher in 0..PUBLISHERS {
        let own: Vec<_> = whole
            .iter()
            .filter(|item| {
                matches!(item, FeedItem::Banned { user, .. }
                if user.as_str().starts_with(&format!("user-{publisher}-")))
            })
            .collect();
        let in_order: Vec<_> = (0..ITEMS_EACH)
            .map(|item| banned(&user(&format!("user-{publisher}-{item}")), true))
            .collect();
        assert_eq!(own, in_order.iter().collect::<Vec<_>>());
    }

    for limit in [1, 5, 7] {
        let (paged, at) = in_pages(&*devices, start, limit).await;
        assert_eq!(paged, whole, "in pages of {limit}");
        assert_eq!(at, end);
    }
    let (none, at) = devices.feed(Some(end), 10).await.unwrap();
    assert_eq!((none, at), (vec![], end));
}

async fn in_pages(
    devices: &dyn DeviceStore,
    start: FeedPosition,
    limit: usize,
) -> (Vec<FeedItem>, FeedPosition) {
    let (mut all, mut at) = (Vec::new(), start);
    loop {
        let (page, next) = devices.feed(Some(at), limit).await.unwrap();
        assert!(page.len() <= limit, "a page keeps to its limit");
        if page.is_empty() {
            return (all, next);
        }
        all.extend(page);
        assert!(all.len() <= 1000, "the feed ends");
        at = next;
    }
}

async fn a_user_never_mentioned_is_in_good_standing(ctx: Ctx) {
    let devices = ctx.devices();
    devices.publish(&banned(&anna(), true)).await.unwrap();
    register(&*devices, &ben(), "phone").await;
    for user in [ben(), cleo()] {
        let standing = devices.standing(&user).await.unwrap();
        assert_eq!(standing, Standing::default());
    }
}

fn banned(user: &UserId, banned: bool) -> FeedItem {
    FeedItem::Banned {
        user: user.clone(),
        banned,
    }
}

fn blocked(by: &UserId, user: &UserId, blocked: bool) -> FeedItem {
    FeedItem::Blocked {
        by: by.clone(),
        user: user.clone(),
        blocked,
    }
}

async fn revoke(devices: &dyn DeviceStore, user: &UserId, device: DeviceId) {
    let item = FeedItem::DeviceRevoked {
        user: user.clone(),
        device,
    };
    devices.publish(&item).await.expect("an item is published");
}

async fn ids(devices: &dyn DeviceStore, user: &UserId) -> BTreeSet<DeviceId> {
    let listed = devices.list(user).await.expect("devices are listed");
    listed.iter().map(|record| record.device).collect()
}
