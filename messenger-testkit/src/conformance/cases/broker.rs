//! Frames between nodes. They are hints: the cases ask for what holds on an idle broker.

use std::time::Duration;

use bytes::Bytes;
use messenger_core::id::NodeId;
use messenger_core::store::Subscription;

use super::case;
use crate::conformance::{Case, Ctx};
use crate::exec::within;

pub(super) const CASES: &[Case] = &[
    case!(a_published_frame_reaches_its_node, [Broker], ["RES-5"]),
    case!(
        a_frame_to_a_node_that_is_gone_is_no_error,
        [Broker],
        ["RES-5"]
    ),
    case!(each_node_gets_only_its_own_frames, [Broker], ["RES-5"]),
];

const NORTH: NodeId = NodeId(0xa1);
const SOUTH: NodeId = NodeId(0xb2);

/// How long an idle broker may take for a frame.
const FRAME_WAIT: Duration = Duration::from_secs(10);

async fn a_published_frame_reaches_its_node(ctx: Ctx) {
    let broker = ctx.broker();
    let mut north = broker.subscribe(NORTH).await.unwrap();
    let large = Bytes::from(vec![0xab; 256 * 1024]);
    for frame in [Bytes::new(), Bytes::from_static(b"\x00\xff\r\n"), large] {
        broker.publish(NORTH, frame.clone()).await.unwrap();
        assert_eq!(next(&mut *north).await, frame);
    }

    // Also one that comes while the node waits for it.
    let late = broker.clone();
    let wait = async move { next(&mut *north).await };
    let send = async move {
        late.publish(NORTH, Bytes::from_static(b"late"))
            .await
            .unwrap();
        Bytes::new()
    };
    let racers: [crate::exec::BoxFuture<'static, Bytes>; 2] = [Box::pin(wait), Box::pin(send)];
    assert_eq!(ctx.race(racers).await[0], "late");
}

async fn a_frame_to_a_node_that_is_gone_is_no_error(ctx: Ctx) {
    let broker = ctx.broker();
    let frame = Bytes::from_static(b"is anybody there?");
    broker.publish(NORTH, frame.clone()).await.unwrap();
    let mut gone = broker.subscribe(NORTH).await.unwrap();
    broker.publish(NORTH, frame.clone()).await.unwrap();
    assert_eq!(next(&mut *gone).await, frame);
    drop(gone);
    for _ in 0..3 {
        broker.publish(NORTH, frame.clone()).await.unwrap();
    }
}

async fn each_node_gets_only_its_own_frames(ctx: Ctx) {
    let broker = ctx.broker();
    let mut north = broker.subscribe(NORTH).await.unwrap();
    let mut south = broker.subscribe(SOUTH).await.unwrap();
    for number in 0..10_u8 {
        let node = if number % 2 == 0 { NORTH } else { SOUTH };
        let frame = Bytes::copy_from_slice(&[number]);
        broker.publish(node, frame).await.unwrap();
    }
    for _ in 0..5 {
        assert_eq!(next(&mut *north).await[0] % 2, 0);
        assert_eq!(next(&mut *south).await[0] % 2, 1);
    }
}

async fn next(frames: &mut dyn Subscription) -> Bytes {
    let frame = within(FRAME_WAIT, frames.next()).await;
    let frame = frame.expect("a frame arrives in time");
    frame.expect("the broker did not end")
}
