//! Presence: leases, where the higher generation wins.

use std::time::Duration;

use messenger_core::id::{DeviceId, Generation, NodeId, UserId};
use messenger_core::model::DevicePresence;
use messenger_core::store::{Connected, Heartbeat, NODE_LEASE, PresenceStore};
use messenger_core::time::Timestamp;

use super::case;
use crate::conformance::{Case, Ctx};
use crate::fixtures::{START, anna, ben, cleo};

pub(super) const CASES: &[Case] = &[
    case!(a_connected_device_is_located, [Presence], ["PRES-1"]),
    case!(
        a_higher_generation_replaces_a_lower_one,
        [Presence],
        ["PRES-3"]
    ),
    case!(
        a_lower_generation_is_stale_and_changes_nothing,
        [Presence],
        ["PRES-3"]
    ),
    case!(
        transient_sessions_of_a_user_share_one_record,
        [Presence],
        ["PRES-1"]
    ),
    case!(
        a_heartbeat_renews_and_restores_a_record,
        [Presence],
        ["PRES-2"]
    ),
    case!(
        a_late_heartbeat_never_revives_an_older_generation,
        [Presence],
        ["PRES-3"]
    ),
    case!(
        a_disconnected_device_is_no_longer_located,
        [Presence],
        ["PRES-4"]
    ),
    case!(
        a_late_disconnect_never_ends_a_newer_generation,
        [Presence],
        ["PRES-3"]
    ),
    case!(records_of_dead_nodes_are_left_out, [Presence], ["PRES-4"]),
    case!(
        a_node_without_a_beat_for_5_seconds_is_dead,
        [Presence],
        ["PRES-4"]
    ),
];

const NORTH: NodeId = NodeId(0xa1);
const SOUTH: NodeId = NodeId(0xb2);
const PHONE: Option<DeviceId> = Some(DeviceId(1));
const LAPTOP: Option<DeviceId> = Some(DeviceId(2));
const TRANSIENT: Option<DeviceId> = None;

async fn a_connected_device_is_located(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    for session in [
        session(&anna(), PHONE, NORTH, 3),
        session(&anna(), LAPTOP, SOUTH, 8),
        session(&ben(), PHONE, SOUTH, 1),
    ] {
        assert_eq!(connect(&*presence, &session).await, NEW);
    }
    let asked = [ben(), cleo(), anna(), ben()];
    let located = located(&*presence, &asked, START).await;
    let of_ben = vec![record(PHONE, SOUTH, 1, START)];
    let of_anna = vec![
        record(PHONE, NORTH, 3, START),
        record(LAPTOP, SOUTH, 8, START),
    ];
    assert_eq!(located, [of_ben.clone(), vec![], of_anna, of_ben]);
}

async fn a_higher_generation_replaces_a_lower_one(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 3)).await;
    let replaced = connect(&*presence, &session(&anna(), PHONE, SOUTH, 4)).await;
    let before = Some(record(PHONE, NORTH, 3, START));
    assert_eq!(replaced, Connected::Recorded { before });
    let now = located(&*presence, &[anna()], START).await;
    assert_eq!(now, [[record(PHONE, SOUTH, 4, START)]]);
}

async fn a_lower_generation_is_stale_and_changes_nothing(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 7)).await;
    for generation in [6, 7, 1] {
        let late = session(&anna(), PHONE, SOUTH, generation);
        let stale = Connected::Stale {
            current: Generation(7),
        };
        assert_eq!(connect(&*presence, &late).await, stale, "{generation}");
        let now = located(&*presence, &[anna()], START).await;
        assert_eq!(now, [[record(PHONE, NORTH, 7, START)]]);
    }
    let other = session(&anna(), LAPTOP, SOUTH, 1);
    assert_eq!(
        connect(&*presence, &other).await,
        NEW,
        "generations are a device's own"
    );
}

async fn transient_sessions_of_a_user_share_one_record(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    let sessions = [NORTH, SOUTH, NORTH].map(|node| session(&anna(), TRANSIENT, node, 0));
    for session in &sessions {
        // None of them replaces another or is stale.
        assert_eq!(connect(&*presence, session).await, NEW);
        let now = located(&*presence, &[anna()], START).await;
        assert_eq!(now, [[record(TRANSIENT, session.node, 0, START)]]);
    }
    connect(&*presence, &session(&anna(), PHONE, SOUTH, 2)).await;
    let now = located(&*presence, &[anna()], START).await;
    assert_eq!(now[0].len(), 2, "a device has a record of its own");

    // The one that goes leaves the record of the one that stays, or that one's next heartbeat restores it.
    presence.disconnect(&sessions[1]).await.unwrap();
    presence.touch(&sessions[..1], START).await.unwrap();
    let now = located(&*presence, &[anna()], START).await;
    assert!(now[0].contains(&record(TRANSIENT, NORTH, 0, START)));
}

async fn a_heartbeat_renews_and_restores_a_record(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 3)).await;
    let later = START.plus(Duration::from_secs(2));
    let batch = [
        session(&anna(), PHONE, NORTH, 3),
        session(&ben(), PHONE, SOUTH, 5),
    ];
    presence.touch(&batch, later).await.unwrap();
    presence.touch(&[], later).await.unwrap();
    let now = located(&*presence, &[anna(), ben()], later).await;
    let renewed = vec![record(PHONE, NORTH, 3, later)];
    let restored = vec![record(PHONE, SOUTH, 5, later)];
    assert_eq!(now, [renewed, restored]);
}

async fn a_late_heartbeat_never_revives_an_older_generation(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 3)).await;
    connect(&*presence, &session(&anna(), PHONE, SOUTH, 4)).await;
    let late = START.plus(Duration::from_secs(1));
    let batch = [
        session(&anna(), PHONE, NORTH, 3),
        session(&ben(), PHONE, NORTH, 1),
    ];
    presence.touch(&batch, late).await.unwrap();
    let now = located(&*presence, &[anna(), ben()], late).await;
    assert_eq!(now[0], [record(PHONE, SOUTH, 4, START)]);
    assert_eq!(now[1].len(), 1, "the rest of the batch counts");
}

async fn a_disconnected_device_is_no_longer_located(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    let phone = session(&anna(), PHONE, NORTH, 3);
    for session in [
        phone.clone(),
        session(&anna(), LAPTOP, NORTH, 3),
        session(&ben(), PHONE, NORTH, 3),
    ] {
        connect(&*presence, &session).await;
    }
    presence.disconnect(&phone).await.unwrap();
    presence.disconnect(&phone).await.unwrap();
    let now = located(&*presence, &[anna(), ben()], START).await;
    assert_eq!(now[0], [record(LAPTOP, NORTH, 3, START)]);
    assert_eq!(now[1].len(), 1);
}

async fn a_late_disconnect_never_ends_a_newer_generation(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    let older = session(&anna(), PHONE, NORTH, 3);
    connect(&*presence, &older).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 4)).await;
    presence.disconnect(&older).await.unwrap();
    let now = located(&*presence, &[anna()], START).await;
    assert_eq!(now, [[record(PHONE, NORTH, 4, START)]]);
}

async fn records_of_dead_nodes_are_left_out(ctx: Ctx) {
    let presence = nodes_up(&ctx).await;
    connect(&*presence, &session(&anna(), PHONE, NORTH, 1)).await;
    connect(&*presence, &session(&anna(), LAPTOP, SOUTH, 1)).await;
    let never_beat = session(&ben(), PHONE, NodeId(0xc3), 1);
    presence.touch(&[never_beat], START).await.unwrap();

    // The south goes on beating, the north does not.
    let later = after_the_lease();
    presence
        .beat(SOUTH, START.plus(NODE_LEASE / 2))
        .await
        .unwrap();
    let now = located(&*presence, &[anna(), ben()], later).await;
    assert_eq!(now[0], [record(LAPTOP, SOUTH, 1, START)]);
    assert_eq!(now[1], [], "a node that never beat is not live");

    presence.beat(NORTH, later).await.unwrap();
    let now = located(&*presence, &[anna()], later).await;
    assert!(now[0].iter().any(|record| record.node == SOUTH));
}

async fn a_node_without_a_beat_for_5_seconds_is_dead(ctx: Ctx) {
    let presence = ctx.presence();
    assert_eq!(NODE_LEASE, Duration::from_secs(5));
    assert_eq!(beat(&*presence, NORTH, START).await, [NORTH]);
    let within = START.plus(NODE_LEASE - Duration::from_millis(100));
    assert_eq!(beat(&*presence, SOUTH, within).await, [NORTH, SOUTH]);
    let later = after_the_lease();
    assert_eq!(beat(&*presence, SOUTH, later).await, [SOUTH]);
    assert_eq!(beat(&*presence, NORTH, later).await, [NORTH, SOUTH]);
}

const NEW: Connected = Connected::Recorded { before: None };

fn after_the_lease() -> Timestamp {
    START.plus(NODE_LEASE + Duration::from_millis(100))
}

fn session(user: &UserId, device: Option<DeviceId>, node: NodeId, generation: u64) -> Heartbeat {
    Heartbeat {
        user: user.clone(),
        device,
        node,
        generation: Generation(generation),
    }
}

fn record(
    device: Option<DeviceId>,
    node: NodeId,
    generation: u64,
    heartbeat: Timestamp,
) -> DevicePresence {
    DevicePresence {
        device,
        node,
        generation: Generation(generation),
        heartbeat,
    }
}

/// The store, with both nodes live at the start.
async fn nodes_up(ctx: &Ctx) -> std::sync::Arc<dyn PresenceStore> {
    let presence = ctx.presence();
    for node in [NORTH, SOUTH] {
        presence.beat(node, START).await.expect("a node beats");
    }
    presence
}

async fn connect(presence: &dyn PresenceStore, session: &Heartbeat) -> Connected {
    let connected = presence.connect(session, START).await;
    connected.expect("a session connects")
}

/// The live devices of users, each user's in the order of devices.
async fn located(
    presence: &dyn PresenceStore,
    users: &[UserId],
    now: Timestamp,
) -> Vec<Vec<DevicePresence>> {
    let mut located = presence
        .locate(users, now)
        .await
        .expect("users are located");
    for records in &mut located {
        records.sort_by_key(|record| record.device);
    }
    located
}

async fn beat(presence: &dyn PresenceStore, node: NodeId, now: Timestamp) -> Vec<NodeId> {
    let mut live = presence.beat(node, now).await.expect("a node beats");
    live.sort_unstable();
    live
}
