//! What the memory store promises beyond the contract of the traits; that has its cases in `messenger-testkit`.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::*;
use crate::id::{Cmid, NodeId, Ordinal};
use crate::model::{Content, Entry, Message, Stored};
use crate::store::{AppendOutcome, Broker, MessageStore};
use crate::time::Timestamp;

const NODE: NodeId = NodeId(7);

#[test]
fn a_restored_copy_has_a_new_epoch_and_keeps_each_head_apart_from_the_original() {
    let memory = Memory::new(Epoch(1));
    let notes = ConversationId::parse("anna/anna").unwrap();
    append(&memory, &notes, 1);
    append(&memory, &notes, 2);

    let restored = memory.restored(Epoch(2));
    append(&memory, &notes, 3);
    append(&restored, &notes, 3);
    append(&restored, &notes, 4);

    assert_eq!(restored.info().epoch, Epoch(2));
    let head = done(restored.head(&notes)).unwrap();
    assert_eq!((head.head, head.kept), (Seq(4), Seq(2)));
    let head = done(memory.head(&notes)).unwrap();
    assert_eq!((head.head, head.kept), (Seq(3), Seq::ZERO));
}

#[test]
fn a_full_queue_drops_the_oldest_frames() {
    let memory = Memory::new(Epoch(1));
    let mut frames = done(memory.subscribe(NODE)).unwrap();
    for number in 0..BROKER_QUEUE_FRAMES + 2 {
        let frame = Bytes::copy_from_slice(&number.to_be_bytes());
        done(memory.publish(NODE, frame)).unwrap();
    }
    let first = done(frames.next()).unwrap();
    assert_eq!(first.as_ref(), 2_usize.to_be_bytes());
}

#[test]
fn a_subscription_ends_with_a_newer_one_and_with_the_store() {
    let memory = Memory::new(Epoch(1));
    let mut older = done(memory.subscribe(NODE)).unwrap();
    let mut newer = done(memory.subscribe(NODE)).unwrap();
    done(memory.publish(NODE, Bytes::from_static(b"x"))).unwrap();
    assert_eq!(done(older.next()), None);
    drop(older);
    drop(memory);
    assert_eq!(done(newer.next()), Some(Bytes::from_static(b"x")));
    assert_eq!(done(newer.next()), None);
}

fn append(memory: &Memory, notes: &ConversationId, seq: u64) {
    let time = Timestamp(1_790_000_000_000 + seq);
    let entry = Entry {
        seq: Seq(seq),
        sender: UserId::parse("anna").unwrap(),
        cmid: Cmid::from_parts(time, [0; 10]),
        time,
        ordinal: Ordinal(seq),
        content: Content::Message(Message::text("hi")),
    };
    let stored = Stored {
        entry,
        accepted_at: time,
        hidden_from: None,
        digest: None,
        expiry: None,
    };
    let outcome = done(memory.append(notes, Seq(seq - 1), vec![Arc::new(stored)])).unwrap();
    assert_eq!(outcome, AppendOutcome::Appended);
}

/// The outcome of a call: the memory store never waits.
fn done<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the memory store waited"),
    }
}
