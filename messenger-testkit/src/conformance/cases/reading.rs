//! Reading logs, and erasing bodies from them.

use std::ops::RangeInclusive;

use messenger_core::id::Seq;
use messenger_core::model::{Content, EraseReason, Expiry, Kind, Tombstone};
use messenger_core::store::{MessageStore, ReadLimit};

use super::case;
use super::steps::{EVERYTHING, append, log_of, seqs, text, whole_log};
use crate::conformance::{Case, Ctx};
use crate::fixtures::{LogBuilder, anna, ben, direct, group};

pub(super) const CASES: &[Case] = &[
    case!(read_gives_the_range_in_seq_order, [Messages], ["LOG-5"]),
    case!(
        read_stops_at_the_limit_of_entries_and_of_bytes,
        [Messages],
        ["BP-4"]
    ),
    case!(
        read_newest_first_gives_the_end_of_the_range,
        [Messages],
        ["BP-4"]
    ),
    case!(read_beyond_the_head_gives_nothing, [Messages], ["LOG-1"]),
    case!(erased_entries_are_read_as_tombstones, [Messages], ["LOG-6"]),
    case!(an_erased_body_is_unreadable_at_once, [Messages], ["RET-2"]),
    case!(
        erasing_keeps_seq_sender_cmid_time_and_ordinal,
        [Messages],
        ["LOG-6"]
    ),
    case!(erasing_again_keeps_the_first_reason, [Messages], ["LOG-6"]),
];

async fn read_gives_the_range_in_seq_order(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = log_of(&*messages, &direct(), &anna(), 10).await;
    for _ in 0..15 {
        let one = log.message(&ben(), "one by one");
        append(&*messages, &direct(), &[one]).await;
    }
    let ranges = [(1, 25), (1, 1), (25, 25), (9, 12), (7, 25), (0, 3)];
    for (from, to) in ranges {
        let read = read(&*messages, from..=to, EVERYTHING).await;
        let expected: Vec<_> = (from.max(1)..=to).collect();
        assert_eq!(read, expected, "{from} to {to}");
    }
}

async fn read_stops_at_the_limit_of_entries_and_of_bytes(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let sizes = [1000, 1000, 1000, 5000, 1000, 1000];
    let entries: Vec<_> = sizes
        .iter()
        .map(|size| log.message(&anna(), &"x".repeat(*size)))
        .collect();
    append(&*messages, &direct(), &entries).await;

    let some = ReadLimit {
        entries: 2,
        ..EVERYTHING
    };
    assert_eq!(read(&*messages, 2..=6, some).await, [2, 3]);
    for bytes in [0, 1, 1000, 2500, 8000, 100_000] {
        let limit = ReadLimit {
            bytes,
            ..EVERYTHING
        };
        for from in 1..=6 {
            let page = read(&*messages, from..=6, limit).await;
            check_bytes(&page, from, bytes, &sizes);
        }
    }
}

/// A page begins the range, is not empty, has what fits, and overshoots by one entry at most.
fn check_bytes(page: &[u64], from: u64, bytes: usize, sizes: &[usize]) {
    let range: Vec<_> = (from..from + page.len() as u64).collect();
    assert_eq!(page, range, "a page begins the range and has no hole");
    assert!(!page.is_empty(), "a page is never empty by size");
    let sizes = &sizes[usize::try_from(from).unwrap() - 1..];
    let size: usize = sizes[..page.len()].iter().sum();
    let without_last = size - sizes[page.len() - 1];
    assert!(page.len() == 1 || without_last <= bytes, "{page:?}");
    let with_next = sizes.get(page.len()).map(|next| size + next);
    assert!(
        with_next.is_none_or(|sum| sum > bytes),
        "{page:?} for {bytes} bytes"
    );
}

async fn read_newest_first_gives_the_end_of_the_range(ctx: Ctx) {
    let messages = ctx.messages();
    log_of(&*messages, &direct(), &anna(), 20).await;
    let limit = ReadLimit {
        entries: 3,
        newest_first: true,
        ..EVERYTHING
    };
    assert_eq!(read(&*messages, 1..=20, limit).await, [18, 19, 20]);
    assert_eq!(read(&*messages, 1..=7, limit).await, [5, 6, 7]);
    assert_eq!(read(&*messages, 6..=7, limit).await, [6, 7]);
    assert_eq!(read(&*messages, 15..=400, limit).await, [18, 19, 20]);
    let by_size = ReadLimit {
        bytes: 0,
        newest_first: true,
        ..EVERYTHING
    };
    let page = read(&*messages, 1..=10, by_size).await;
    assert_eq!(page.last(), Some(&10));
}

async fn read_beyond_the_head_gives_nothing(ctx: Ctx) {
    let messages = ctx.messages();
    assert_eq!(read(&*messages, 1..=100, EVERYTHING).await, [0; 0]);
    log_of(&*messages, &direct(), &anna(), 3).await;
    let newest = ReadLimit {
        newest_first: true,
        ..EVERYTHING
    };
    for limit in [EVERYTHING, newest] {
        assert_eq!(read(&*messages, 4..=100, limit).await, [0; 0]);
        assert_eq!(read(&*messages, 3..=100, limit).await, [3]);
    }
    let elsewhere = whole_log(&*messages, &group(1)).await;
    assert_eq!(elsewhere, []);
}

async fn erased_entries_are_read_as_tombstones(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let mut entries = log.one_of_each(&anna());
    entries.extend(log.messages(&ben(), 3));
    append(&*messages, &direct(), &entries).await;

    // All of them, some twice, and some that are not there: only what has a body goes.
    let mut all: Vec<_> = (0..=40).map(Seq).collect();
    all.push(Seq(1));
    messages
        .erase(&direct(), &all, EraseReason::Timed)
        .await
        .unwrap();

    let read = whole_log(&*messages, &direct()).await;
    assert_eq!(read.len(), entries.len());
    for (read, written) in read.iter().zip(&entries) {
        if written.entry.content.has_body() {
            let tombstone = Content::Tombstone(Tombstone {
                kind: written.entry.content.kind(),
                reason: EraseReason::Timed,
            });
            assert_eq!(read.entry.content, tombstone);
        } else {
            assert_eq!(read, written, "it has no body");
        }
    }
}

async fn an_erased_body_is_unreadable_at_once(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let entries = [
        log.message(&anna(), "stays"),
        log.message(&anna(), "goes 🔥"),
        log.message(&anna(), "stays too"),
    ];
    append(&*messages, &direct(), &entries).await;
    messages
        .erase(&direct(), &[Seq(2)], EraseReason::Relayed)
        .await
        .unwrap();

    let one = ReadLimit {
        entries: 1,
        ..EVERYTHING
    };
    let newest = ReadLimit {
        newest_first: true,
        ..EVERYTHING
    };
    for (range, limit) in [(1..=3, EVERYTHING), (2..=2, one), (1..=2, newest)] {
        let range = Seq(*range.start())..=Seq(*range.end());
        for stored in messages.read(&direct(), range, limit).await.unwrap() {
            let goes = stored.seq() == Seq(2);
            assert_eq!(text(&stored).is_none(), goes, "{}", stored.seq());
            assert_eq!(stored.digest.is_none(), goes, "the digest goes with it");
        }
    }
    let head = messages.head(&direct()).await.unwrap();
    assert_eq!(head.head, Seq(3), "the entry stays");
}

async fn erasing_keeps_seq_sender_cmid_time_and_ordinal(ctx: Ctx) {
    let messages = ctx.messages();
    let mut log = LogBuilder::new();
    let mut hidden = (*log.message(&anna(), "hidden")).clone();
    hidden.hidden_from = Some(ben());
    hidden.expiry = Some(Expiry {
        at: hidden.accepted_at,
        relay: false,
    });
    hidden.accepted_at = hidden
        .accepted_at
        .minus(std::time::Duration::from_millis(5));
    let entries = [
        std::sync::Arc::new(hidden),
        log.silent(&ben(), "not counted"),
        log.edit(&anna(), Seq(1), "edited"),
        log.message(&ben(), "last"),
    ];
    append(&*messages, &direct(), &entries).await;
    let before = messages.head(&direct()).await.unwrap();
    let seqs = [4, 2, 3, 1].map(Seq);
    messages
        .erase(&direct(), &seqs, EraseReason::Law)
        .await
        .unwrap();
    for (read, written) in whole_log(&*messages, &direct()).await.iter().zip(&entries) {
        assert_eq!(**read, written.erased(EraseReason::Law));
    }
    assert_eq!(messages.head(&direct()).await.unwrap(), before);
}

async fn erasing_again_keeps_the_first_reason(ctx: Ctx) {
    let messages = ctx.messages();
    log_of(&*messages, &direct(), &anna(), 2).await;
    for reason in [EraseReason::Expired, EraseReason::Retracted] {
        messages.erase(&direct(), &[Seq(1)], reason).await.unwrap();
    }
    let first = Content::Tombstone(Tombstone {
        kind: Kind::Message,
        reason: EraseReason::Expired,
    });
    let log = whole_log(&*messages, &direct()).await;
    assert_eq!(log[0].entry.content, first);
    assert!(text(&log[1]).is_some(), "the other one stays");
}

async fn read(
    messages: &dyn MessageStore,
    range: RangeInclusive<u64>,
    limit: ReadLimit,
) -> Vec<u64> {
    let range = Seq(*range.start())..=Seq(*range.end());
    seqs(&messages.read(&direct(), range, limit).await.unwrap())
}
