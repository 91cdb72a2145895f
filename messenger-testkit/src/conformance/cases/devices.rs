//! Devices: registering, listing, and when they were seen.

use std::collections::BTreeSet;
use std::time::Duration;

use messenger_core::id::Generation;
use messenger_core::model::MarkKind;
use messenger_core::store::{Registered, Registration};

use super::case;
use super::steps::{acked, ids, position, raise, register, registration, revoke};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{START, anna, ben, direct, group};

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
