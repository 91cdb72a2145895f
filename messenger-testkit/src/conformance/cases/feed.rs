//! The feed of revocations, bans and blocks, and the standing that follows from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use messenger_core::id::{DeviceId, UserId};
use messenger_core::model::Standing;
use messenger_core::store::{DeviceStore, FeedItem, FeedPosition};

use super::case;
use super::steps::{ids, register, revoke};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{anna, ben, cleo, user};

pub(super) const CASES: &[Case] = &[
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
        assert_eq!(
            from_the_end,
            (vec![], next),
            "without a position it begins at the end"
        );
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
