//! Steps on marks and overlays.

use messenger_core::id::{DeviceId, Ordinal, Seq};
use messenger_core::model::{Annotation, Change, Holder, MarkKind, Position, Raise};

use super::inboxes::touch_for_today;
use super::pair::{Named, Pair, both, conversations, users};

pub(super) async fn step(pair: &mut Pair) {
    match pair.rng.below(10) {
        0..=4 => raise(pair).await,
        5 => of_conversation(pair).await,
        6..=7 => of_device(pair).await,
        8 => annotate(pair).await,
        _ => overlays(pair).await,
    }
}

async fn raise(pair: &mut Pair) {
    let mut batch = Named {
        reference: Vec::new(),
        subject: Vec::new(),
    };
    for _ in 0..=pair.rng.below(4) {
        let one = one_raise(pair);
        touch_for_today(pair, &one.reference.conversation).await;
        batch.reference.push(one.reference);
        batch.subject.push(one.subject);
    }
    let (reference, subject) = both!(pair.receipts);
    let a = reference.raise(&batch.reference).await.unwrap();
    let b = subject.raise(&batch.subject).await.unwrap();
    pair.same(format!("raise {:?}", batch.reference), &a, &b);
}

fn one_raise(pair: &mut Pair) -> Named<Raise> {
    let user = pair.user();
    let conversation = pair.conversation();
    let seq = pair.rng.below(60);
    // One position of a log has one ordinal.
    let to = Position {
        seq: Seq(seq),
        ordinal: Ordinal(seq / 2),
    };
    let raise = |kind, device| Raise {
        conversation: conversation.clone(),
        holder: Holder {
            user: user.clone(),
            device,
        },
        kind,
        to,
    };
    let kind = pair.rng.pick(MarkKind::ALL);
    let device = a_device(pair, &user);
    match (kind, device) {
        (MarkKind::Acked, Some(device)) => Named {
            reference: raise(kind, Some(device.reference)),
            subject: raise(kind, Some(device.subject)),
        },
        (MarkKind::Acked, None) => Named {
            reference: raise(MarkKind::Delivered, None),
            subject: raise(MarkKind::Delivered, None),
        },
        (kind, _) => Named {
            reference: raise(kind, None),
            subject: raise(kind, None),
        },
    }
}

fn a_device(pair: &mut Pair, user: &messenger_core::id::UserId) -> Option<Named<DeviceId>> {
    let devices = pair.devices.get(user)?.clone();
    Some(pair.rng.pick(&devices))
}

async fn of_conversation(pair: &mut Pair) {
    let conversation = pair.conversation();
    let asked = pair.rng.some(&users(), 4);
    let (reference, subject) = both!(pair.receipts);
    let a = reference.of_conversation(&conversation, &asked).await;
    let b = subject.of_conversation(&conversation, &asked).await;
    let step = format!("marks of {asked:?} in {conversation}");
    pair.same(step, &a.unwrap(), &b.unwrap());
}

async fn of_device(pair: &mut Pair) {
    let user = pair.user();
    let Some(device) = a_device(pair, &user) else {
        return;
    };
    let asked = pair.rng.some(&conversations(), 4);
    let (reference, subject) = both!(pair.receipts);
    let a = reference.of_device(&user, device.reference, &asked).await;
    let b = subject.of_device(&user, device.subject, &asked).await;
    let step = format!("acked of {user}'s {device:?} in {asked:?}");
    pair.same(step, &a.unwrap(), &b.unwrap());
}

async fn annotate(pair: &mut Pair) {
    let conversation = pair.conversation();
    let mut annotations = Vec::new();
    for _ in 0..=pair.rng.below(3) {
        let by = 10 + pair.rng.below(20);
        let user = pair.user();
        // One entry says one thing.
        let change = match by % 4 {
            0 => Change::Edit,
            1 => Change::Retraction,
            _ => Change::Reaction {
                user,
                emoji: ["👍", "👍🏿"][usize::try_from(by % 2).expect("it is small")].to_owned(),
                set: by.is_multiple_of(3),
            },
        };
        annotations.push(Annotation {
            target: Seq(1 + pair.rng.below(4)),
            by: Seq(by),
            change,
        });
    }
    let (reference, subject) = both!(pair.receipts);
    reference
        .annotate(&conversation, &annotations)
        .await
        .unwrap();
    subject.annotate(&conversation, &annotations).await.unwrap();
    let step = format!("annotate {conversation}: {annotations:?}");
    pair.did(step);
}

async fn overlays(pair: &mut Pair) {
    let conversation = pair.conversation();
    let targets: Vec<_> = (1..6).map(Seq).collect();
    let asked = pair.rng.some(&targets, 5);
    let (reference, subject) = both!(pair.receipts);
    let a = reference.overlays(&conversation, &asked).await;
    let b = subject.overlays(&conversation, &asked).await;
    let step = format!("overlays of {asked:?} in {conversation}");
    pair.same(step, &a.unwrap(), &b.unwrap());
}
