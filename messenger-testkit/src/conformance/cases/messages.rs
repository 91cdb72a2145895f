//! Appending to logs, and their claims.

use std::sync::Arc;
use std::time::Duration;

use messenger_core::id::{Cmid, ConversationId, Ordinal, Seq, UserId};
use messenger_core::limits::CLAIM_KEPT;
use messenger_core::model::{ClaimKey, Content, EraseReason, Expiry, Message};
use messenger_core::store::{AppendOutcome, Found, LogHead, MessageStore};

use super::case;
use super::steps::{append, conflict, log_of, seqs, whole_log};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{
    DIGEST_KEY, LogBuilder, TEXTS, anna, ben, claim_key, cleo, cmid, direct, group, paste,
};

pub(super) const CASES: &[Case] = &[
    case!(an_empty_log_has_base_1_head_0, [Messages], ["LOG-8"]),
    case!(the_head_is_the_last_appended_entry, [Messages], ["LOG-1"]),
    case!(
        an_append_after_the_head_is_applied_whole,
        [Messages],
        ["LOG-1", "LOG-2"]
    ),
    case!(an_append_below_the_head_conflicts, [Messages], ["LOG-2"]),
    case!(an_append_above_the_head_conflicts, [Messages], ["LOG-2"]),
    case!(
        a_conflict_changes_nothing_and_names_the_head,
        [Messages],
        ["LOG-2"]
    ),
    case!(
        a_duplicate_claim_conflicts_and_names_its_seq,
        [Messages],
        ["LOG-3"]
    ),
    case!(
        claims_are_scoped_to_the_sender_and_the_conversation,
        [Messages],
        ["LOG-3"]
    ),
    case!(
        a_claim_outlives_erasure_of_its_entry,
        [Messages],
        ["LOG-3", "LOG-6"]
    ),
    case!(
        racing_appends_leave_a_dense_log,
        [Messages],
        ["LOG-1", "LOG-2"]
    ),
    case!(
        an_acknowledged_append_is_there_after_opening_again,
        [Messages],
        ["LOG-4"],
        reopens
    ),
    case!(find_answers_each_key_in_order, [Messages], ["LOG-3"]),
    case!(find_knows_claims_for_32_days, [Messages], ["LOG-3"]),
];

async fn an_empty_log_has_base_1_head_0(ctx: Ctx) {
    let messages = ctx.messages();
    log_of(&*messages, &group(2), &anna(), 3).await;
    for conversation in [direct(), group(1), ConversationId::direct(&anna(), &anna())] {
        let head = messages.head(&conversation).await.unwrap();
        assert_eq!(head, LogHead::EMPTY, "{conversation}");
    }
}

async fn the_head_is_the_last_appended_entry(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let one = [log.message(&anna(), "a"), log.silent(&ben(), "b")];
    append(&*messages, &direct(), &one).await;
    assert_head(&*messages, Seq(2), Ordinal(1), &log).await;

    let two = [log.edit(&anna(), Seq(1), "c"), log.message(&ben(), "d")];
    append(&*messages, &direct(), &two).await;
    assert_head(&*messages, Seq(4), Ordinal(2), &log).await;

    log_of(&*messages, &group(1), &anna(), 9).await;
    assert_head(&*messages, Seq(4), Ordinal(2), &log).await;
}

async fn assert_head(messages: &dyn MessageStore, seq: Seq, ordinal: Ordinal, log: &LogBuilder) {
    let head = messages.head(&direct()).await.unwrap();
    let expected = LogHead {
        head: seq,
        ordinal,
        time: log.time(),
        ..LogHead::EMPTY
    };
    assert_eq!(head, expected);
}

async fn an_append_after_the_head_is_applied_whole(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let mut texts: Vec<_> = TEXTS.iter().map(|(_, text)| (*text).to_owned()).collect();
    texts.push(paste());
    let written: Vec<_> = texts.iter().map(|t| log.message(&anna(), t)).collect();
    append(&*messages, &direct(), &written).await;

    let mut hidden = (*log.message(&ben(), "nobody sees this")).clone();
    hidden.hidden_from = Some(anna());
    hidden.accepted_at = hidden.accepted_at.minus(Duration::from_secs(7));
    hidden.expiry = Some(Expiry {
        at: hidden.accepted_at.plus(Duration::from_millis(1)),
        relay: true,
    });
    let mut more = vec![Arc::new(hidden)];
    more.extend(log.one_of_each(&ben()));
    append(&*messages, &direct(), &more).await;

    let read = whole_log(&*messages, &direct()).await;
    assert_eq!(read.len(), written.len() + more.len());
    for (read, written) in read.iter().zip(written.iter().chain(&more)) {
        assert_eq!(read, written);
    }
}

async fn an_append_below_the_head_conflicts(ctx: Ctx) {
    let messages = ctx.messages();
    let log = log_of(&*messages, &direct(), &anna(), 3).await;
    for after in 0..3 {
        let late = late_message(after, 100 + after);
        let (head, duplicates) = conflict(&*messages, &direct(), Seq(after), &[late]).await;
        assert_eq!((head.head, head.time), (log.head(), log.time()));
        assert_eq!(duplicates, []);
    }
    assert_eq!(whole_log(&*messages, &direct()).await.len(), 3);
}

async fn an_append_above_the_head_conflicts(ctx: Ctx) {
    let messages = ctx.messages();
    let into_empty = late_message(1, 50);
    let (head, _) = conflict(&*messages, &direct(), Seq(1), &[into_empty]).await;
    assert_eq!(head, LogHead::EMPTY);

    log_of(&*messages, &direct(), &anna(), 3).await;
    for after in [4, 5, 1000] {
        let early = late_message(after, 100 + after);
        let (head, duplicates) = conflict(&*messages, &direct(), Seq(after), &[early]).await;
        assert_eq!(head.head, Seq(3));
        assert_eq!(duplicates, []);
    }
    assert_eq!(seqs(&whole_log(&*messages, &direct()).await), [1, 2, 3]);
}

/// An entry after `after`, of somebody who does not know the present head.
fn late_message(after: u64, number: u64) -> Arc<messenger_core::model::Stored> {
    let mut log = LogBuilder::new();
    log.messages(&ben(), usize::try_from(after).unwrap());
    let content = Content::Message(Message::text("late"));
    let cmid = cmid(log.time(), number);
    log.entry_of(&ben(), cmid, content)
}

async fn a_conflict_changes_nothing_and_names_the_head(ctx: Ctx) {
    let messages = ctx.messages();
    let log = log_of(&*messages, &direct(), &anna(), 3).await;
    let before = whole_log(&*messages, &direct()).await;
    let known = before[1].entry.cmid;

    // Two that are new around one that is not: none may be taken.
    let mut attempt = log.clone();
    let batch = [
        attempt.message(&ben(), "new"),
        attempt.entry_of(&anna(), known, Content::Message(Message::text(TEXTS[1].1))),
        attempt.message(&ben(), "also new"),
    ];
    let (head, duplicates) = conflict(&*messages, &direct(), log.head(), &batch).await;
    assert_eq!((head.head, head.ordinal), (Seq(3), Ordinal(3)));
    assert_eq!(duplicates, [(1, Seq(2))]);
    let (head, duplicates) = conflict(&*messages, &direct(), Seq(1), &batch).await;
    assert_eq!(head.head, Seq(3));
    assert_eq!(duplicates, [(1, Seq(2))]);

    assert_eq!(whole_log(&*messages, &direct()).await, before);
    let keys = [claim_key(&batch[0]), claim_key(&batch[2])];
    let found = messages.find(&direct(), &keys).await.unwrap();
    assert_eq!(found, [None, None]);

    let mut again = log.clone();
    let new = [batch[0].entry.clone(), batch[2].entry.clone()]
        .map(|entry| again.entry_of(&entry.sender, entry.cmid, entry.content));
    append(&*messages, &direct(), &new).await;
}

async fn a_duplicate_claim_conflicts_and_names_its_seq(ctx: Ctx) {
    let messages = ctx.messages();
    let log = log_of(&*messages, &direct(), &anna(), 4).await;
    let first = &whole_log(&*messages, &direct()).await[2];
    let found = Found {
        seq: Seq(3),
        time: first.entry.time,
        ordinal: Ordinal(3),
        digest: first.digest,
    };
    assert!(found.digest.is_some());

    // With another content too: the digest tells the caller, the store compares nothing.
    for content in ["the same", "another"] {
        let mut retry = log.clone();
        let content = Content::Message(Message::text(content));
        let retry = retry.entry_of(&anna(), first.entry.cmid, content);
        let outcome = messages
            .append(&direct(), log.head(), vec![retry])
            .await
            .unwrap();
        match outcome {
            AppendOutcome::Conflict { head, duplicates } => {
                assert_eq!(head.head, Seq(4));
                assert_eq!(duplicates, [(0, found.clone())]);
            }
            AppendOutcome::Appended => panic!("one cmid was appended twice"),
        }
    }
}

async fn claims_are_scoped_to_the_sender_and_the_conversation(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = log_of(&*messages, &direct(), &anna(), 2).await;
    let used = whole_log(&*messages, &direct()).await[0].entry.cmid;
    let content = || Content::Message(Message::text("mine"));

    let of_ben = log.entry_of(&ben(), used, content());
    append(&*messages, &direct(), &[of_ben]).await;
    let elsewhere = LogBuilder::new().entry_of(&anna(), used, content());
    append(&*messages, &group(1), &[elsewhere]).await;

    let keys = [anna(), ben(), cleo()].map(|sender| ClaimKey { sender, cmid: used });
    let here = messages.find(&direct(), &keys).await.unwrap();
    let there = messages.find(&group(1), &keys).await.unwrap();
    let seqs = |found: Vec<Option<Found>>| found.into_iter().map(|f| f.map(|f| f.seq.0)).collect();
    let (here, there): (Vec<_>, Vec<_>) = (seqs(here), seqs(there));
    assert_eq!(here, [Some(1), Some(3), None]);
    assert_eq!(there, [Some(1), None, None]);
}

async fn a_claim_outlives_erasure_of_its_entry(ctx: Ctx) {
    let messages = ctx.messages();
    let log = log_of(&*messages, &direct(), &anna(), 3).await;
    let entry = whole_log(&*messages, &direct()).await[1].entry.clone();
    messages
        .erase(&direct(), &[Seq(2)], EraseReason::Retracted)
        .await
        .unwrap();

    let mut attempt = log.clone();
    let retry = attempt.entry_of(&anna(), entry.cmid, entry.content);
    let (_, duplicates) = conflict(
        &*messages,
        &direct(),
        log.head(),
        std::slice::from_ref(&retry),
    )
    .await;
    assert_eq!(duplicates, [(0, Seq(2))]);

    let found = messages
        .find(&direct(), &[claim_key(&retry)])
        .await
        .unwrap();
    let expected = Found {
        seq: Seq(2),
        time: entry.time,
        ordinal: entry.ordinal,
        digest: None,
    };
    assert_eq!(found, [Some(expected)], "the digest goes with the body");
}

const WRITERS: u64 = 6;
const MESSAGES_EACH: u64 = 10;

/// More than any writer can lose: with each lost race somebody else has appended.
const TRIES: u64 = 2 * WRITERS * MESSAGES_EACH;

async fn racing_appends_leave_a_dense_log(ctx: Ctx) {
    let messages = ctx.messages();
    let writers = (0..WRITERS).map(|writer| {
        let messages = Arc::clone(&messages);
        async move {
            for number in 0..MESSAGES_EACH {
                append_in_a_race(&*messages, &anna(), writer * MESSAGES_EACH + number).await;
            }
        }
    });
    ctx.race(writers).await;

    let log = whole_log(&*messages, &direct()).await;
    let expected: Vec<_> = (1..=WRITERS * MESSAGES_EACH).collect();
    assert_eq!(seqs(&log), expected, "no hole, none twice");
    assert!(log.iter().all(|s| s.entry.ordinal.0 == s.seq().0));
    let cmids: std::collections::BTreeSet<Cmid> = log.iter().map(|s| s.entry.cmid).collect();
    assert_eq!(cmids.len(), log.len(), "each message once");
}

/// Appends one message as a node does: after a conflict it learns the head and tries again.
async fn append_in_a_race(messages: &dyn MessageStore, sender: &UserId, number: u64) {
    let cmid = cmid(crate::fixtures::START, number);
    let mut head = messages.head(&direct()).await.unwrap();
    for _ in 0..TRIES {
        let entry = messenger_core::model::Entry {
            seq: head.head.next(),
            sender: sender.clone(),
            cmid,
            time: head.time.max(crate::fixtures::START),
            ordinal: Ordinal(head.ordinal.0 + 1),
            content: Content::Message(Message::text(format!("{number} 🏁"))),
        };
        let stored = messenger_core::model::Stored {
            accepted_at: entry.time,
            hidden_from: None,
            expiry: None,
            digest: None,
            entry,
        };
        let one = vec![Arc::new(stored)];
        match messages.append(&direct(), head.head, one).await {
            Ok(AppendOutcome::Appended) => return,
            Ok(AppendOutcome::Conflict { duplicates, .. }) if !duplicates.is_empty() => return,
            Ok(AppendOutcome::Conflict { head: other, .. }) => head = other,
            Err(error) if error.is_retriable() => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{number} lost the race {TRIES} times");
}

async fn an_acknowledged_append_is_there_after_opening_again(mut ctx: Ctx) {
    let mut log = LogBuilder::new();
    let mut written = log.one_of_each(&anna());
    written.extend(log.messages(&ben(), 7));
    written.push(log.message(&ben(), &paste()));
    let (messages, epoch) = (ctx.messages(), ctx.messages().info().epoch);
    append(&*messages, &direct(), &written[..5]).await;
    append(&*messages, &direct(), &written[5..]).await;
    append(&*messages, &group(1), &written).await;
    messages
        .erase(&group(1), &[Seq(1)], EraseReason::Law)
        .await
        .unwrap();
    drop(messages);

    ctx.open_again().await;

    let messages = ctx.messages();
    assert_eq!(messages.info().epoch, epoch, "nothing was lost");
    assert_eq!(whole_log(&*messages, &direct()).await, written);
    let erased = written[0].erased(EraseReason::Law);
    assert_eq!(*whole_log(&*messages, &group(1)).await[0], erased);
    let head = messages.head(&direct()).await.unwrap();
    assert_eq!((head.head, head.time), (log.head(), log.time()));
    let keys: Vec<_> = written.iter().map(|stored| claim_key(stored)).collect();
    let found = messages.find(&direct(), &keys).await.unwrap();
    for (found, written) in found.into_iter().zip(&written) {
        let found = found.expect("its claim is there");
        assert_eq!((found.seq, found.digest), (written.seq(), written.digest));
    }
    let next = log.message(&anna(), "goes on");
    append(&*messages, &direct(), &[next]).await;
}

async fn find_answers_each_key_in_order(ctx: Ctx) {
    let messages = ctx.messages();
    log_of(&*messages, &direct(), &anna(), 5).await;
    let log = whole_log(&*messages, &direct()).await;
    let key = |index: usize| claim_key(&log[index]);
    let unknown = ClaimKey {
        sender: anna(),
        cmid: cmid(log[0].entry.time, 999),
    };
    let keys = [key(3), unknown.clone(), key(0), key(3), unknown];
    let found = messages.find(&direct(), &keys).await.unwrap();
    let seqs: Vec<_> = found.iter().map(|f| f.as_ref().map(|f| f.seq.0)).collect();
    assert_eq!(seqs, [Some(4), None, Some(1), Some(4), None]);
    let first = found[2].as_ref().expect("seq 1 was found");
    assert_eq!((first.time, first.ordinal), (log[0].entry.time, Ordinal(1)));
    assert_eq!(first.digest, log[0].digest);

    assert_eq!(messages.find(&direct(), &[]).await.unwrap(), []);
    let elsewhere = messages.find(&group(1), &[key(0)]).await.unwrap();
    assert_eq!(elsewhere, [None]);
}

async fn find_knows_claims_for_32_days(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = log_of(&*messages, &direct(), &anna(), 1).await;
    let first = whole_log(&*messages, &direct()).await.remove(0);
    // The last moment at which the claim has to be known, reached in steps.
    let step = (CLAIM_KEPT - Duration::from_secs(60)) / 16;
    for _ in 0..16 {
        log.pass(step - Duration::from_secs(1));
        let entries = log.messages(&ben(), 2);
        append(&*messages, &direct(), &entries).await;
    }
    let age = log.time().since(first.entry.time);
    assert!(age < CLAIM_KEPT && age > CLAIM_KEPT - Duration::from_secs(300));

    let found = messages
        .find(&direct(), &[claim_key(&first)])
        .await
        .unwrap();
    assert_eq!(found[0].as_ref().map(|f| f.seq), Some(Seq(1)));
    let mut attempt = log.clone();
    let retry = attempt.entry_of(&anna(), first.entry.cmid, first.entry.content.clone());
    let (_, duplicates) = conflict(&*messages, &direct(), log.head(), &[retry]).await;
    assert_eq!(duplicates, [(0, Seq(1))]);
    assert_eq!(
        first.digest,
        Some(messenger_core::model::ContentDigest::of(
            &first.entry.content,
            &DIGEST_KEY
        ))
    );
}
