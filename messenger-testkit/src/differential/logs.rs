//! Steps on logs and snapshots.

use std::collections::BTreeSet;
use std::sync::Arc;

use messenger_core::id::{Ordinal, Seq, UserId};
use messenger_core::model::{
    ClaimKey, Content, ContentDigest, Conversation, Edit, Entry, EraseReason, Expiry, Message,
    Reaction, Retention, Stored,
};
use messenger_core::store::{LogHead, ReadLimit};
use messenger_core::time::DAY;

use super::inboxes::touch_for_today;
use super::pair::{Pair, both};
use crate::fixtures::{DIGEST_KEY, TEXTS, cmid};

pub(super) async fn step(pair: &mut Pair) {
    match pair.rng.below(10) {
        0..=4 => append(pair).await,
        5 => find(pair).await,
        6..=7 => read(pair).await,
        8 => erase(pair).await,
        _ => head(pair).await,
    }
}

async fn append(pair: &mut Pair) {
    let conversation = pair.conversation();
    touch_for_today(pair, &conversation).await;
    let (reference, subject) = both!(pair.messages);
    let head = reference.head(&conversation).await.unwrap();
    let after = match pair.rng.below(10) {
        0 => Seq(pair.rng.below(head.head.0 + 1)),
        1 => Seq(head.head.0 + 1 + pair.rng.below(3)),
        _ => head.head,
    };
    let entries = drafts(pair, after, head);
    let step = format!("append {} to {conversation} after {after}", entries.len());
    let a = reference
        .append(&conversation, after, entries.clone())
        .await;
    let b = subject.append(&conversation, after, entries).await;
    pair.same(step, &a.unwrap(), &b.unwrap());
}

/// Finished entries, mostly new, sometimes of a claim that was used before; never two of one claim.
fn drafts(pair: &mut Pair, after: Seq, head: LogHead) -> Vec<Arc<Stored>> {
    let mut taken = BTreeSet::new();
    let mut ordinal = head.ordinal;
    let mut entries = Vec::new();
    for _ in 0..=pair.rng.below(4) {
        let sender = pair.user();
        let key = claim(pair, &sender);
        if !taken.insert(key.clone()) {
            continue;
        }
        let content = content(pair, after);
        if content.is_countable() {
            ordinal = Ordinal(ordinal.0 + 1);
        }
        let digest = ContentDigest::of(&content, &DIGEST_KEY);
        let entry = Entry {
            seq: Seq(after.0 + 1 + entries.len() as u64),
            sender: key.sender,
            cmid: key.cmid,
            time: head.time.max(pair.now),
            ordinal,
            content,
        };
        let hidden = pair.rng.once_in(8).then(|| pair.user());
        let expiry = pair.rng.once_in(4).then(|| Expiry {
            at: pair.now.plus(DAY),
            relay: pair.rng.once_in(2),
        });
        entries.push(Arc::new(Stored {
            entry,
            accepted_at: pair.now,
            hidden_from: hidden,
            digest: Some(digest),
            expiry,
        }));
    }
    entries
}

fn claim(pair: &mut Pair, sender: &UserId) -> ClaimKey {
    if !pair.claims.is_empty() && pair.rng.once_in(8) {
        let used = pair.claims.clone();
        let mut key = pair.rng.pick(&used);
        if pair.rng.once_in(3) {
            key.sender = sender.clone(); // The cmid of somebody else, perhaps.
        }
        return key;
    }
    pair.cmids += 1;
    let key = ClaimKey {
        sender: sender.clone(),
        cmid: cmid(pair.now, pair.cmids),
    };
    pair.claims.push(key.clone());
    key
}

fn content(pair: &mut Pair, after: Seq) -> Content {
    let (_, text) = pair.rng.pick(TEXTS);
    let target = Seq(1 + pair.rng.below(after.0 + 1));
    let message = Message {
        silent: pair.rng.once_in(5),
        ..Message::text(text)
    };
    match pair.rng.below(6) {
        0 => Content::Edit(Edit { target, message }),
        1 => Content::Reaction(Reaction {
            target,
            emoji: "🤝🏾".to_owned(),
            set: pair.rng.once_in(2),
        }),
        _ => Content::Message(message),
    }
}

async fn find(pair: &mut Pair) {
    let conversation = pair.conversation();
    let mut known = pair.claims.clone();
    known.push(ClaimKey {
        sender: pair.user(),
        cmid: cmid(pair.now, 1 << 40),
    });
    let keys = pair.rng.some(&known, 5);
    let (reference, subject) = both!(pair.messages);
    let a = reference.find(&conversation, &keys).await.unwrap();
    let b = subject.find(&conversation, &keys).await.unwrap();
    pair.same(format!("find {} in {conversation}", keys.len()), &a, &b);
}

async fn read(pair: &mut Pair) {
    let conversation = pair.conversation();
    let (reference, subject) = both!(pair.messages);
    let head = reference.head(&conversation).await.unwrap().head.0;
    let from = pair.rng.below(head + 3);
    let to = from + pair.rng.below(head + 3);
    let limit = ReadLimit {
        entries: usize::try_from(1 + pair.rng.below(30)).expect("it is small"),
        bytes: usize::MAX,
        newest_first: pair.rng.once_in(2),
    };
    let range = Seq(from)..=Seq(to);
    let a = reference.read(&conversation, range.clone(), limit).await;
    let b = subject.read(&conversation, range, limit).await;
    let step = format!("read {from} to {to} of {conversation}, {limit:?}");
    pair.same(step, &a.unwrap(), &b.unwrap());
}

async fn erase(pair: &mut Pair) {
    let conversation = pair.conversation();
    let (reference, subject) = both!(pair.messages);
    let head = reference.head(&conversation).await.unwrap().head.0;
    let all: Vec<_> = (0..head + 2).map(Seq).collect();
    let seqs = pair.rng.some(&all, 3);
    let reason = pair.rng.pick(EraseReason::ALL);
    reference.erase(&conversation, &seqs, reason).await.unwrap();
    subject.erase(&conversation, &seqs, reason).await.unwrap();
    let step = format!("erase {seqs:?} of {conversation}: {reason}");
    pair.did(step);
}

async fn head(pair: &mut Pair) {
    let conversation = pair.conversation();
    let (reference, subject) = both!(pair.messages);
    let a = reference.head(&conversation).await.unwrap();
    let b = subject.head(&conversation).await.unwrap();
    pair.same(format!("head of {conversation}"), &a, &b);
}

pub(super) async fn snapshot_step(pair: &mut Pair) {
    let id = pair.conversation();
    let (reference, subject) = both!(pair.conversations);
    if pair.rng.once_in(2) {
        let mut snapshot = Conversation::empty(id);
        snapshot.as_of = Seq(pair.rng.below(1000));
        // One snapshot of a seq has one content.
        snapshot.title = Some(format!("{} {}", TEXTS[9].1, snapshot.as_of));
        snapshot.policy.retention = Retention::Timed(snapshot.as_of.0);
        reference.save(&snapshot).await.unwrap();
        subject.save(&snapshot).await.unwrap();
        pair.did(format!("save {} as of {}", snapshot.id, snapshot.as_of));
    } else {
        let a = reference.load(&id).await.unwrap();
        let b = subject.load(&id).await.unwrap();
        pair.same(format!("load {id}"), &a, &b);
    }
}
