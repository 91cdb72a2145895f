//! Snapshots: the newest one holds.

use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::{Conversation, History, Retention, Role};

use super::case;
use crate::conformance::{Case, Ctx};
use crate::fixtures::{LogBuilder, TEXTS, anna, ben, cleo, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(a_saved_snapshot_is_loaded, [Conversations], ["RIGHT-2"]),
    case!(
        a_conversation_never_saved_has_none,
        [Conversations],
        ["RIGHT-2"]
    ),
    case!(
        an_older_snapshot_never_replaces_a_newer_one,
        [Conversations],
        ["RIGHT-2"]
    ),
    case!(
        an_acknowledged_snapshot_is_there_after_opening_again,
        [Conversations],
        ["RIGHT-2"],
        reopens
    ),
];

async fn a_saved_snapshot_is_loaded(ctx: Ctx) {
    let conversations = ctx.conversations();
    let saved = [
        lively(group(1), 40),
        Conversation::empty(direct()),
        Conversation::empty(ConversationId::direct(&anna(), &anna())),
        Conversation::empty(group(2)),
    ];
    for snapshot in &saved {
        conversations.save(snapshot).await.unwrap();
    }
    for snapshot in &saved {
        let loaded = conversations.load(&snapshot.id).await.unwrap();
        assert_eq!(loaded.as_ref(), Some(snapshot));
    }
    conversations.save(&lively(group(1), 41)).await.unwrap();
    let loaded = conversations.load(&group(1)).await.unwrap();
    assert_eq!(
        loaded,
        Some(lively(group(1), 41)),
        "a newer one replaces it"
    );
}

async fn a_conversation_never_saved_has_none(ctx: Ctx) {
    let conversations = ctx.conversations();
    conversations.save(&lively(group(1), 40)).await.unwrap();
    for id in [direct(), group(2)] {
        assert_eq!(conversations.load(&id).await.unwrap(), None);
    }
}

async fn an_older_snapshot_never_replaces_a_newer_one(ctx: Ctx) {
    let conversations = ctx.conversations();
    let newer = lively(group(1), 300);
    conversations.save(&newer).await.unwrap();
    for as_of in [299, 20, 256] {
        conversations.save(&lively(group(1), as_of)).await.unwrap();
        let loaded = conversations.load(&group(1)).await.unwrap();
        assert_eq!(loaded.as_ref(), Some(&newer), "after {as_of}");
    }
    conversations.save(&lively(group(2), 20)).await.unwrap();
    let other = conversations.load(&group(2)).await.unwrap();
    assert_eq!(other.map(|c| c.as_of), Some(Seq(20)));
}

async fn an_acknowledged_snapshot_is_there_after_opening_again(mut ctx: Ctx) {
    let conversations = ctx.conversations();
    for as_of in [20, 60, 40] {
        conversations.save(&lively(group(1), as_of)).await.unwrap();
    }
    drop(conversations);
    ctx.open_again().await;
    let loaded = ctx.conversations().load(&group(1)).await.unwrap();
    assert_eq!(loaded, Some(lively(group(1), 60)));
}

/// A group in which much happened: members with roles, former ones, a policy, a title, more the later.
fn lively(id: ConversationId, as_of: u64) -> Conversation {
    let mut conversation = Conversation::empty(id);
    let mut log = LogBuilder::new();
    for stored in log.one_of_each(&anna()) {
        conversation.apply(&stored.entry);
    }
    conversation.title = Some(format!("{} {as_of}", TEXTS[4].1));
    conversation.policy.retention = Retention::Timed(as_of);
    conversation.policy.history = History::All;
    for user in [ben(), cleo()] {
        let member = conversation.members.get_mut(&user).expect("was added");
        member.role = Role::Moderator;
    }
    let mut left = conversation.members.remove(&cleo()).expect("was added");
    left.rights.leave(Seq(as_of));
    left.rights.join(Seq(as_of + 2), Seq(1));
    left.rights.leave(Seq(as_of + 3));
    conversation.former.insert(cleo(), left.rights);
    conversation.as_of = Seq(as_of);
    conversation
}
