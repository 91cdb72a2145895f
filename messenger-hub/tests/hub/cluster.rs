//! Several nodes over one back end serve one user base.

use std::time::Duration;

use messenger_core::id::ConversationId;
use messenger_core::store::FeedItem;
use messenger_core::wire::{CloseCode, ServerFrame, Subscribe};

use crate::harness::{Person, entries, memory, node, user};

#[tokio::test]
async fn three_nodes_serve_one_user_base() {
    let backend = memory();
    let (one, two, three) = (
        node(&backend).await,
        node(&backend).await,
        node(&backend).await,
    );
    // Each node learns of the others with its next beat.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut anna = Person::new(&one, "anna").await;
    let mut ben = Person::new(&two, "ben").await;
    let mut tablet = Person::new(&three, "ben").await;
    let chat = ConversationId::direct(&user("anna"), &user("ben"));
    let seq = anna.say(&chat, "across nodes").await;
    ben.hears("across nodes").await;
    tablet.hears("across nodes").await;
    ben.ack(&chat, seq);
    let delivered = anna
        .wait_for("delivered", |frame| match frame {
            ServerFrame::Marks(marks) => marks.marks.first().map(|m| m.delivered),
            _ => None,
        })
        .await;
    assert_eq!(delivered, seq);
    for i in 0..10 {
        ben.say(&chat, &format!("ben {i}")).await;
        anna.say(&chat, &format!("anna {i}")).await;
    }
    let mut seqs = Vec::new();
    tablet
        .wait_for("all", |frame| {
            seqs.extend(entries(frame).into_iter().map(|entry| entry.seq.get()));
            (seqs.last() == Some(&21)).then_some(())
        })
        .await;
    assert_eq!(seqs, (2..=21).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_revocation_on_one_node_closes_sessions_on_another() {
    let backend = memory();
    let (one, two) = (node(&backend).await, node(&backend).await);
    let mut anna = Person::new(&two, "anna").await;
    one.publish(FeedItem::DeviceRevoked {
        user: user("anna"),
        device: anna.device.unwrap(),
    })
    .await
    .unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(2), anna.closed()).await;
    assert_eq!(
        closed.expect("within 2 s (SEC-4)"),
        CloseCode::DeviceRevoked
    );
}

#[tokio::test]
async fn presence_is_seen_across_nodes() {
    let backend = memory();
    let (one, two) = (node(&backend).await, node(&backend).await);
    let mut anna = Person::new(&one, "anna").await;
    let chat = ConversationId::direct(&user("anna"), &user("ben"));
    anna.say(&chat, "hi").await;
    anna.send(Subscribe {
        id: None,
        conversations: vec![chat],
    });
    let state = |frame: &ServerFrame| match frame {
        ServerFrame::Presence(presence) => Some(presence.state.as_str()),
        _ => None,
    };
    assert_eq!(anna.wait_for("offline", state).await, "offline");
    let _ben = Person::new(&two, "ben").await;
    assert_eq!(anna.wait_for("online", state).await, "online");
}
