//! A watcher that follows what it is told has the whole log.

use std::sync::{Arc, Mutex};

use messenger_core::id::{Cmid, ConversationId, Epoch, Ordinal, Seq, UserId};
use messenger_core::memory::Memory;
use messenger_core::model::{Content, Entry, Message, Stored};
use messenger_core::store::{MessageStore, ReadLimit};
use messenger_core::time::Timestamp;
use messenger_example_custom_store::Watched;

#[tokio::test]
async fn a_watcher_is_told_how_far_a_log_reaches() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let memory = Memory::new(Epoch(1)).backend();
    let store = Watched::new(memory.messages, move |conversation, head| {
        log.lock()
            .expect("no test panics with the lock")
            .push((conversation.clone(), head));
    });
    let conversation = ConversationId::parse("anna/ben").expect("a valid id");

    for seq in 1..=2 {
        let entries = vec![entry(seq, "hello")];
        let outcome = store.append(&conversation, Seq(seq - 1), entries).await;
        outcome.expect("memory never fails");
    }
    let lost_race = store
        .append(&conversation, Seq(1), vec![entry(2, "too late")])
        .await;
    lost_race.expect("memory never fails");

    let told = told.lock().expect("no test panics with the lock").clone();
    assert_eq!(told, [1, 2, 2].map(|seq| (conversation.clone(), Seq(seq))));
    let limit = ReadLimit {
        entries: 10,
        bytes: 1_000,
        newest_first: false,
    };
    let read = store.read(&conversation, Seq(1)..=Seq(2), limit).await;
    assert_eq!(read.expect("memory never fails").len(), 2);
}

fn entry(seq: u64, text: &str) -> Arc<Stored> {
    let time = Timestamp::from_millis(1_790_000_000_000 + seq);
    let mut random = [0; 10];
    random[9] = u8::try_from(text.len() + usize::try_from(seq).expect("small")).expect("small");
    Arc::new(Stored {
        entry: Entry {
            seq: Seq(seq),
            sender: UserId::parse("anna").expect("a valid id"),
            cmid: Cmid::from_parts(time, random),
            time,
            ordinal: Ordinal(seq),
            content: Content::Message(Message::text(text)),
        },
        accepted_at: time,
        hidden_from: None,
        expiry: None,
        digest: None,
    })
}
