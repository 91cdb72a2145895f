//! Steps on devices, standing and feed.

use std::time::Duration;

use messenger_core::id::{Generation, UserId};
use messenger_core::store::{DeviceRecord, FeedItem, Registered, Registration};

use super::pair::{Named, Pair, both};

pub(super) async fn step(pair: &mut Pair) {
    match pair.rng.below(10) {
        0..=2 => register(pair).await,
        3 => list(pair).await,
        4..=5 => seen(pair).await,
        6..=7 => publish(pair).await,
        8 => feed(pair).await,
        _ => standing(pair).await,
    }
}

async fn register(pair: &mut Pair) {
    let user = pair.user();
    let key = format!("key-{}", pair.rng.below(12));
    let registration = Registration {
        user: user.clone(),
        key,
        name: pair.rng.once_in(2).then(|| "☎️ дома".to_owned()),
        limit: 4,
        now: pair.now,
    };
    let step = format!("register {user}'s {}", registration.key);
    let (reference, subject) = both!(pair.devices);
    let a = reference.register(&registration).await.unwrap();
    let b = subject.register(&registration).await.unwrap();
    match (a, b) {
        (Registered::Device(reference), Registered::Device(subject)) => {
            let devices = pair.devices.entry(user).or_default();
            let known = devices.iter().find(|device| device.reference == reference);
            let as_before = match known {
                Some(known) => known.subject == subject,
                None => {
                    let new = devices.iter().all(|device| device.subject != subject);
                    devices.push(Named { reference, subject });
                    new
                }
            };
            let what = format!("{subject} is another device than {reference} is");
            pair.holds(step, as_before, &what);
        }
        (Registered::TooMany(a), Registered::TooMany(b)) => same_lists(pair, step, &user, a, b),
        (a, b) => pair.same(step, &format!("{a:?}"), &format!("{b:?}")),
    }
}

async fn list(pair: &mut Pair) {
    let user = pair.user();
    let (reference, subject) = both!(pair.devices);
    let a = reference.list(&user).await.unwrap();
    let b = subject.list(&user).await.unwrap();
    same_lists(pair, format!("list {user}'s devices"), &user, a, b);
}

/// Compares lists by the reference's numbers. After opening again, when a device was seen may be a little behind.
fn same_lists(
    pair: &mut Pair,
    step: String,
    user: &UserId,
    mut a: Vec<DeviceRecord>,
    mut b: Vec<DeviceRecord>,
) {
    let devices = pair.devices.get(user).cloned().unwrap_or_default();
    for record in &mut b {
        let named = devices
            .iter()
            .find(|device| device.subject == record.device);
        match named {
            Some(named) => record.device = named.reference,
            None => pair.holds(step.clone(), false, "a device that nobody registered"),
        }
    }
    if pair.reopened {
        for record in a.iter_mut().chain(&mut b) {
            record.generation = Generation(0);
            record.seen = record.registered;
        }
    }
    a.sort_by_key(|record| record.device);
    b.sort_by_key(|record| record.device);
    pair.same(step, &a, &b);
}

async fn seen(pair: &mut Pair) {
    let user = pair.user();
    let Some(devices) = pair.devices.get(&user).cloned() else {
        return;
    };
    let device = pair.rng.pick(&devices);
    let generation = Generation(1 + pair.rng.below(9));
    let now = pair.now.minus(Duration::from_millis(pair.rng.below(5000)));
    let (reference, subject) = both!(pair.devices);
    reference
        .seen(&user, device.reference, generation, now)
        .await
        .unwrap();
    subject
        .seen(&user, device.subject, generation, now)
        .await
        .unwrap();
    let step = format!("{user}'s {device:?} is seen with {generation}");
    pair.did(step);
}

async fn publish(pair: &mut Pair) {
    let item = item(pair);
    let (reference, subject) = both!(pair.devices);
    let position = Named {
        reference: reference.publish(&item.reference).await.unwrap(),
        subject: subject.publish(&item.subject).await.unwrap(),
    };
    let rises = pair
        .feed
        .last()
        .is_none_or(|last| last.subject < position.subject);
    pair.feed.push(position);
    pair.holds(
        format!("publish {item:?}"),
        rises,
        "the position does not rise",
    );
}

fn item(pair: &mut Pair) -> Named<FeedItem> {
    let (user, other) = (pair.user(), pair.user());
    let yes = pair.rng.once_in(2);
    let same = |item: FeedItem| Named {
        reference: item.clone(),
        subject: item,
    };
    match pair.rng.below(4) {
        0 => {
            let Some(devices) = pair.devices.get(&user).cloned() else {
                return same(FeedItem::SessionsRevoked { user });
            };
            let device = pair.rng.pick(&devices);
            let revoked = |device| FeedItem::DeviceRevoked {
                user: user.clone(),
                device,
            };
            Named {
                reference: revoked(device.reference),
                subject: revoked(device.subject),
            }
        }
        1 => same(FeedItem::Banned { user, banned: yes }),
        2 => same(FeedItem::Blocked {
            by: user,
            user: other,
            blocked: yes,
        }),
        _ => same(FeedItem::SessionsRevoked { user }),
    }
}

async fn feed(pair: &mut Pair) {
    let (reference, subject) = both!(pair.devices);
    let given = pair.feed.clone();
    if given.is_empty() {
        return;
    }
    let since = pair.rng.pick(&given);
    let limit = usize::try_from(1 + pair.rng.below(8)).expect("it is small");
    let (a, next_a) = reference.feed(Some(since.reference), limit).await.unwrap();
    let (b, next_b) = subject.feed(Some(since.subject), limit).await.unwrap();
    let plain = |items: Vec<FeedItem>| -> Vec<FeedItem> {
        items
            .into_iter()
            .filter(|item| !matches!(item, FeedItem::DeviceRevoked { .. }))
            .collect()
    };
    let lengths = (a.len(), b.len());
    let step = format!("feed since {since:?}");
    pair.same(step.clone(), &lengths.0, &lengths.1);
    pair.same(step.clone(), &plain(a), &plain(b));
    let named = given.iter().find(|named| named.reference == next_a);
    let fits = named.is_none_or(|named| named.subject == next_b);
    pair.holds(step, fits, "the next position is that of another item");
}

async fn standing(pair: &mut Pair) {
    let user = pair.user();
    let (reference, subject) = both!(pair.devices);
    let a = reference.standing(&user).await.unwrap();
    let b = subject.standing(&user).await.unwrap();
    pair.same(format!("standing of {user}"), &a, &b);
}
