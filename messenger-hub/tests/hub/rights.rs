//! Groups, blocks, retention: who gets what.

use std::time::Duration;

use messenger_core::id::{ConversationId, Seq};
use messenger_core::model::{Content, EraseReason, History, PolicyChange, Retention, Retraction};
use messenger_core::store::FeedItem;
use messenger_core::wire::{
    AddMembers, Code, Create, HistoryRequest, MembersChange, MembersRequest, PolicyRequest,
    RemoveMember, Send, SendContent, ServerFrame,
};

use crate::harness::{Person, cmid, entries, memory, node, text_frame, text_of, user};

fn group() -> ConversationId {
    ConversationId::parse("0192f0c1-7b7e-7000-8000-000000000001").unwrap()
}

async fn created(owner: &mut Person, members: &[&str]) {
    let key = cmid();
    owner.send(Create {
        id: None,
        conversation: group(),
        cmid: key,
        title: "Wandern".to_owned(),
        members: members.iter().map(|name| user(name)).collect(),
        retention: Retention::Keep,
        history: History::None,
    });
    owner.accepted(key).await;
}

fn change(change: MembersChange) -> MembersRequest {
    MembersRequest {
        id: None,
        conversation: group(),
        cmid: Some(cmid()),
        change: Some(change),
        after: None,
    }
}

async fn rejection(person: &mut Person) -> Code {
    person
        .wait_for("rejection", |frame| match frame {
            ServerFrame::Rejected(rejected) => Some(rejected.code),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_removed_member_gets_the_removal_and_nothing_after() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    created(&mut anna, &["ben"]).await;
    anna.say(&group(), "welcome").await;
    ben.hears("welcome").await;
    let remove = change(MembersChange::Remove(RemoveMember { user: user("ben") }));
    let key = remove.cmid.unwrap();
    anna.send(remove);
    let removal = anna.accepted(key).await;
    anna.say(&group(), "secret").await;
    let last = ben
        .wait_for("the removal", |frame| {
            entries(frame)
                .into_iter()
                .find(|entry| entry.seq == removal)
        })
        .await;
    assert!(matches!(last.content, Content::Membership(_)));
    ben.settle(Duration::from_millis(100)).await;
    assert!(
        ben.frames.iter().flat_map(entries).next().is_none(),
        "{:?}",
        ben.frames
    );
    ben.send(text_frame(&group(), cmid(), "may I?"));
    assert_eq!(rejection(&mut ben).await, Code::NotAMember);
}

#[tokio::test]
async fn a_new_member_gets_nothing_from_before_the_join() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut cleo = Person::new(&hub, "cleo").await;
    created(&mut anna, &[]).await;
    anna.say(&group(), "before").await;
    let add = change(MembersChange::Add(AddMembers {
        users: vec![user("cleo")],
    }));
    let key = add.cmid.unwrap();
    anna.send(add);
    let joined = anna.accepted(key).await;
    anna.say(&group(), "after").await;
    let mut seqs = Vec::new();
    cleo.wait_for("after", |frame| {
        let entries = entries(frame);
        seqs.extend(entries.iter().map(|entry| entry.seq));
        entries
            .iter()
            .any(|entry| text_of(entry) == Some("after"))
            .then_some(())
    })
    .await;
    assert_eq!(seqs, [joined, joined.next()]);
    cleo.send(HistoryRequest {
        id: Some(1),
        conversation: group(),
        before: None,
        after: None,
        limit: None,
    });
    let page = cleo
        .wait_for("history", |frame| match frame {
            ServerFrame::Entries(page) if page.re == Some(1) => Some(page.clone()),
            _ => None,
        })
        .await;
    assert!(page.entries.iter().all(|entry| entry.seq >= joined) && !page.more);
}

#[tokio::test]
async fn strangers_and_members_without_the_role_are_refused() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    let mut eve = Person::new(&hub, "eve").await;
    created(&mut anna, &["ben"]).await;
    eve.send(text_frame(&group(), cmid(), "let me in"));
    assert_eq!(rejection(&mut eve).await, Code::NotFound);
    ben.send(change(MembersChange::Remove(RemoveMember {
        user: user("anna"),
    })));
    assert_eq!(rejection(&mut ben).await, Code::RoleRequired);
}

#[tokio::test]
async fn a_blocked_user_stays_at_sent_and_the_blocker_hears_nothing() {
    let backend = memory();
    let hub = node(&backend).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    let chat = ConversationId::direct(&user("anna"), &user("ben"));
    anna.say(&chat, "hello").await;
    ben.hears("hello").await;
    hub.publish(FeedItem::Blocked {
        by: user("ben"),
        user: user("anna"),
        blocked: true,
    })
    .await
    .unwrap();
    let hidden = anna.say(&chat, "are you there?").await;
    let gap = ben
        .wait_for("gap", |frame| match frame {
            ServerFrame::Gap(gap) => Some((gap.from, gap.to)),
            ServerFrame::Entries(entries) => panic!("heard {entries:?}"),
            _ => None,
        })
        .await;
    assert_eq!(gap, (hidden, hidden));
    ben.ack(&chat, hidden);
    anna.frames.clear();
    anna.settle(Duration::from_millis(100)).await;
    assert!(anna.frames.is_empty(), "{:?}", anna.frames);
    ben.send(text_frame(&chat, cmid(), "go away"));
    assert_eq!(rejection(&mut ben).await, Code::YouBlockThem);
}

#[tokio::test]
async fn a_retracted_message_is_a_tombstone_for_everybody() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let chat = ConversationId::direct(&user("anna"), &user("ben"));
    let target = anna.say(&chat, "oops").await;
    let key = cmid();
    anna.send(Send {
        id: None,
        conversation: chat.clone(),
        cmid: key,
        after_cmid: None,
        content: SendContent::Retraction(Retraction { target }),
    });
    anna.accepted(key).await;
    let ben = Person::new(&hub, "ben").await;
    let seen: Vec<_> = ben.frames.iter().flat_map(entries).collect();
    assert!(matches!(
        &seen[0].content,
        Content::Tombstone(tombstone) if tombstone.reason == EraseReason::Retracted
    ));
    anna.send(Send {
        id: None,
        conversation: chat,
        cmid: cmid(),
        after_cmid: None,
        content: SendContent::Retraction(Retraction { target }),
    });
    assert_eq!(rejection(&mut anna).await, Code::TargetGone);
}

#[tokio::test]
async fn a_relayed_body_goes_once_every_device_has_it() {
    let backend = memory();
    let hub = node(&backend).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    let chat = ConversationId::direct(&user("anna"), &user("ben"));
    let key = cmid();
    anna.send(PolicyRequest {
        id: None,
        conversation: chat.clone(),
        cmid: key,
        change: PolicyChange::Retention(Retention::Relay),
    });
    anna.accepted(key).await;
    let seq = anna.say(&chat, "for your eyes only").await;
    ben.hears("for your eyes only").await;
    ben.ack(&chat, seq);
    anna.ack(&chat, seq);
    let gone = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            let limit = messenger_core::store::ReadLimit {
                entries: 1,
                bytes: 1_000,
                newest_first: false,
            };
            let read = backend
                .messages
                .read(&chat, seq..=seq, limit)
                .await
                .unwrap();
            if !read[0].entry.content.has_body() {
                return;
            }
            anna.settle(Duration::from_millis(10)).await;
            ben.settle(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(gone.is_ok(), "the body is still there");
    assert_eq!(seq, Seq(2));
}
