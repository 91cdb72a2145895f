//! Steps on presence, until the stores are opened again: what was there may be lost then.

use messenger_core::id::{DeviceId, Generation, NodeId};
use messenger_core::model::DevicePresence;
use messenger_core::store::Heartbeat;

use super::pair::{Pair, both, users};

const NODES: [NodeId; 3] = [NodeId(0xa1), NodeId(0xb2), NodeId(0xc3)];

pub(super) async fn step(pair: &mut Pair) {
    if pair.reopened {
        return;
    }
    match pair.rng.below(10) {
        0..=2 => connect(pair).await,
        3..=4 => touch(pair).await,
        5 => disconnect(pair).await,
        6..=7 => locate(pair).await,
        _ => beat(pair).await,
    }
}

/// A session of a device; or a transient one, always on the same node and of generation 0.
fn session(pair: &mut Pair) -> Heartbeat {
    let user = pair.user();
    if pair.rng.once_in(4) {
        return Heartbeat {
            user,
            device: None,
            node: NODES[0],
            generation: Generation(0),
        };
    }
    Heartbeat {
        user,
        device: Some(DeviceId(1 + pair.rng.below(2))),
        node: pair.rng.pick(&NODES),
        generation: Generation(1 + pair.rng.below(6)),
    }
}

async fn connect(pair: &mut Pair) {
    let (session, now) = (session(pair), pair.now);
    let (reference, subject) = both!(pair.presence);
    let a = reference.connect(&session, now).await.unwrap();
    let b = subject.connect(&session, now).await.unwrap();
    pair.same(format!("connect {session:?}"), &a, &b);
}

async fn touch(pair: &mut Pair) {
    let now = pair.now;
    let batch: Vec<_> = (0..=pair.rng.below(3)).map(|_| session(pair)).collect();
    let (reference, subject) = both!(pair.presence);
    reference.touch(&batch, now).await.unwrap();
    subject.touch(&batch, now).await.unwrap();
    pair.did(format!("touch {batch:?}"));
}

async fn disconnect(pair: &mut Pair) {
    let session = session(pair);
    let (reference, subject) = both!(pair.presence);
    reference.disconnect(&session).await.unwrap();
    subject.disconnect(&session).await.unwrap();
    pair.did(format!("disconnect {session:?}"));
}

async fn locate(pair: &mut Pair) {
    let now = pair.now;
    let asked = pair.rng.some(&users(), 4);
    let (reference, subject) = both!(pair.presence);
    let a = reference.locate(&asked, now).await.unwrap();
    let b = subject.locate(&asked, now).await.unwrap();
    let sorted = |mut located: Vec<Vec<DevicePresence>>| {
        for records in &mut located {
            records.sort_by_key(|record| record.device);
        }
        located
    };
    pair.same(format!("locate {asked:?}"), &sorted(a), &sorted(b));
}

async fn beat(pair: &mut Pair) {
    let (node, now) = (pair.rng.pick(&NODES), pair.now);
    let (reference, subject) = both!(pair.presence);
    let mut a = reference.beat(node, now).await.unwrap();
    let mut b = subject.beat(node, now).await.unwrap();
    a.sort_unstable();
    b.sort_unstable();
    pair.same(format!("beat {node}"), &a, &b);
}
