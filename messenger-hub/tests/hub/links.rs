//! One node: sending, receiving, marks, resuming, bad input.

use std::time::Duration;

use messenger_core::id::{ConversationId, Generation, Seq};
use messenger_core::wire::{
    CloseCode, Code, Hello, HistoryRequest, Ping, Read, ServerFrame, Typing,
};

use crate::harness::{Person, cmid, entries, hello, memory, node, text_frame, text_of, user};

fn chat() -> ConversationId {
    ConversationId::direct(&user("anna"), &user("ben"))
}

#[tokio::test]
async fn two_people_chat_and_the_sender_sees_delivered_and_read() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    let seq = anna.say(&chat(), "hi Ben 👋🏽").await;
    let heard = ben.hears("hi Ben 👋🏽").await;
    assert_eq!((heard.seq, heard.sender), (seq, user("anna")));

    ben.ack(&chat(), seq);
    let delivered = |frame: &ServerFrame| match frame {
        ServerFrame::Marks(marks) => marks.marks.first().map(|m| (m.delivered, m.read)),
        _ => None,
    };
    assert_eq!(anna.wait_for("delivered", delivered).await, (seq, Seq(0)));
    ben.send(Read {
        id: None,
        conversation: chat(),
        seq,
        private: false,
    });
    assert_eq!(anna.wait_for("read", delivered).await, (seq, seq));
}

#[tokio::test]
async fn a_repeated_cmid_is_answered_with_the_first_seq() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let key = cmid();
    anna.send(text_frame(&chat(), key, "once"));
    let first = anna.accepted(key).await;
    anna.say(&chat(), "in between").await;
    anna.send(text_frame(&chat(), key, "once"));
    assert_eq!(anna.accepted(key).await, first);
    anna.send(text_frame(&chat(), key, "something else"));
    let rejected = anna
        .wait_for("mismatch", |frame| match frame {
            ServerFrame::Rejected(rejected) => Some((rejected.code, rejected.seq)),
            _ => None,
        })
        .await;
    assert_eq!(rejected, (Code::IdempotencyMismatch, Some(first)));
}

#[tokio::test]
async fn what_was_not_acked_is_pushed_again_and_what_was_is_not() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    let device = ben.device.unwrap();
    let first = anna.say(&chat(), "one").await;
    ben.hears("one").await;
    ben.ack(&chat(), first);
    ben.wait_for("own marks", |frame| match frame {
        ServerFrame::Marks(marks) => marks.own,
        _ => None,
    })
    .await;
    drop(ben);
    for i in 0..250 {
        anna.say(&chat(), &format!("while away {i}")).await;
    }
    let ben = Person::again(&hub, "ben", device, 2).await;
    let texts: Vec<String> = ben
        .frames
        .iter()
        .flat_map(entries)
        .filter_map(|entry| text_of(&entry).map(str::to_owned))
        .collect();
    let expected: Vec<String> = (0..250).map(|i| format!("while away {i}")).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn many_messages_under_way_keep_their_order_on_all_devices() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut phone = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    for round in 0..20 {
        let keys: Vec<_> = (0..8).map(|_| cmid()).collect();
        for (i, key) in keys.iter().enumerate() {
            anna.send(text_frame(&chat(), *key, &format!("{round}/{i}")));
        }
        for key in keys {
            anna.accepted(key).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    for person in [&mut ben, &mut phone] {
        let mut seqs = Vec::new();
        person
            .wait_for("the last", |frame| {
                seqs.extend(entries(frame).into_iter().map(|entry| entry.seq.get()));
                seqs.contains(&160).then_some(())
            })
            .await;
        assert_eq!(seqs, (1..=160).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn history_pages_back_to_the_first_entry() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    for i in 1..=30 {
        anna.say(&chat(), &format!("{i}")).await;
    }
    let mut before = None;
    let mut seqs = Vec::new();
    loop {
        anna.send(HistoryRequest {
            id: Some(5),
            conversation: chat(),
            before,
            after: None,
            limit: Some(12),
        });
        let page = anna
            .wait_for("page", |frame| match frame {
                ServerFrame::Entries(entries) if entries.re == Some(5) => Some(entries.clone()),
                _ => None,
            })
            .await;
        seqs.splice(0..0, page.entries.iter().map(|entry| entry.seq.get()));
        before = page.entries.first().map(|entry| entry.seq);
        if !page.more {
            break;
        }
    }
    assert_eq!(seqs, (1..=30).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_newer_session_of_a_device_replaces_the_older_one() {
    let hub = node(&memory()).await;
    let mut old = Person::new(&hub, "anna").await;
    let device = old.device.unwrap();
    let _new = Person::again(&hub, "anna", device, 2).await;
    assert_eq!(old.closed().await, CloseCode::Replaced);
    let mut stale = Person::dial(&hub, "anna");
    stale.send(Hello {
        device: Some(device),
        generation: Generation(2),
        ..hello("anna")
    });
    assert_eq!(stale.closed().await, CloseCode::GenerationStale);
}

#[tokio::test]
async fn the_first_frame_must_be_a_hello() {
    let hub = node(&memory()).await;
    let mut link = Person::dial(&hub, "anna");
    link.send(Ping { id: Some(1) });
    assert_eq!(link.closed().await, CloseCode::HelloExpected);
    let mut garbage = Person::dial(&hub, "anna");
    garbage.send_raw(b"\x00\xff not json");
    assert_eq!(garbage.closed().await, CloseCode::HelloExpected);
}

#[tokio::test]
async fn bad_frames_are_answered_and_the_link_lives() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    for (bytes, code) in [
        (&b"{\"dance\":{\"id\":3}}"[..], Code::UnknownFrame),
        (b"{\"send\":", Code::BadFrame),
        (b"{\"send\":{\"id\":3}}", Code::BadFrame),
        (b"\xff\xfe", Code::BadFrame),
    ] {
        anna.send_raw(bytes);
        let answered = anna
            .wait_for("error", |frame| match frame {
                ServerFrame::Error(error) => Some(error.code),
                _ => None,
            })
            .await;
        assert_eq!(answered, code, "{:?}", String::from_utf8_lossy(bytes));
    }
    anna.send(Ping { id: Some(9) });
    anna.wait_for("pong", |frame| {
        matches!(frame, ServerFrame::Pong(p) if p.re == Some(9)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn typing_reaches_the_other_and_not_oneself() {
    let hub = node(&memory()).await;
    let mut anna = Person::new(&hub, "anna").await;
    let mut ben = Person::new(&hub, "ben").await;
    anna.send(Typing {
        conversation: chat(),
        stopped: false,
    });
    let typing = |frame: &ServerFrame| match frame {
        ServerFrame::Typing(typing) => Some(typing.user.clone()),
        _ => None,
    };
    assert_eq!(ben.wait_for("typing", typing).await, user("anna"));
    anna.settle(Duration::from_millis(50)).await;
    assert!(!anna.frames.iter().any(|frame| typing(frame).is_some()));
}
