//! The store in a real folder: opening, locking, backup, restore, looking inside.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use messenger_core::error::StoreErrorKind;
use messenger_core::id::{ConversationId, DeviceId, Ordinal, Seq};
use messenger_core::model::{EraseReason, Holder, MarkKind, Position, Raise};
use messenger_core::store::{AppendOutcome, Backend};
use messenger_embedded::{BodyLife, OpenError, Options, Store};
use messenger_testkit::exec::block_on;
use messenger_testkit::fixtures::{LogBuilder, anna, ben, direct};
use tempfile::TempDir;

fn open(folder: &Path) -> Store {
    Store::open(folder, Options::default()).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn append(backend: &Backend, to: &ConversationId, log: &mut LogBuilder, text: &str) {
    let after = log.head();
    let entry = log.message(&anna(), text);
    let outcome = block_on(backend.messages.append(to, after, vec![entry])).unwrap();
    assert_eq!(outcome, AppendOutcome::Appended);
}

fn delivered(seq: Seq) -> Raise {
    Raise {
        conversation: direct(),
        holder: Holder {
            user: ben(),
            device: None,
        },
        kind: MarkKind::Delivered,
        to: Position {
            seq,
            ordinal: Ordinal(seq.get()),
        },
    }
}

#[test]
fn a_second_opening_names_the_folder() {
    let folder = folder();
    let held = open(folder.path());
    let error = Store::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string()),
        "{error}"
    );
    drop(held);
    open(folder.path());
}

#[test]
fn a_back_end_that_outlives_its_store_fails_and_keeps_the_folder_from_being_opened() {
    let folder = folder();
    let store = open(folder.path());
    let backend = store.backend();
    append(&backend, &direct(), &mut LogBuilder::new(), "before");
    drop(store);
    let error = block_on(backend.messages.head(&direct())).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    assert!(matches!(
        Store::open(folder.path(), Options::default()),
        Err(OpenError::InUse(_))
    ));
    drop(backend);
    let store = open(folder.path());
    assert_eq!(store.check().unwrap().entries, 1);
}

#[test]
fn another_format_is_refused_with_both_versions() {
    let folder = folder();
    drop(open(folder.path()));
    let file = folder.path().join("FORMAT");
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("format 1", "format 9");
    fs::write(&file, text).unwrap();
    let error = Store::open(folder.path(), Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("format 9") && error.contains("format 1"),
        "{error}"
    );
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = folder();
    fs::write(folder.path().join("thesis.txt"), "my thesis").unwrap();
    let error = Store::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::NotAStore(_)), "{error}");
    assert!(!folder.path().join("entries").exists());
}

#[test]
fn a_lost_index_is_rebuilt_on_opening() {
    let folder = folder();
    let store = open(folder.path());
    let mut log = LogBuilder::new();
    for i in 0..50 {
        append(&store.backend(), &direct(), &mut log, &format!("{i}"));
    }
    drop(store);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let store = open(folder.path());
    let check = store.check().unwrap();
    assert_eq!((check.entries, check.problems), (50, Vec::new()));
}

#[test]
fn a_backup_under_load_restores_to_a_whole_store_under_a_new_epoch() {
    let (live, backup, restored) = (folder(), folder(), folder());
    let store = Arc::new(open(live.path()));
    let epoch = store.backend().messages.info().epoch;
    let ended = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(Mutex::new(Seq::ZERO));
    let load = std::thread::spawn({
        let (backend, ended, acknowledged) = (store.backend(), ended.clone(), acknowledged.clone());
        move || {
            let mut log = LogBuilder::new();
            while !ended.load(Ordering::Relaxed) {
                append(&backend, &direct(), &mut log, "under load");
                block_on(backend.receipts.raise(&[delivered(log.head())])).unwrap();
                *acknowledged.lock().unwrap() = log.head();
            }
            log.head()
        }
    });
    while acknowledged.lock().unwrap().get() < 100 {
        std::thread::yield_now();
    }
    let before = *acknowledged.lock().unwrap();
    store.backup(backup.path()).unwrap();
    ended.store(true, Ordering::Relaxed);
    let after = load.join().unwrap();

    assert!(matches!(
        Store::open(backup.path(), Options::default()),
        Err(OpenError::Backup(_))
    ));
    Store::restore(backup.path(), restored.path()).unwrap();
    for _ in 0..2 {
        let copy = open(restored.path());
        assert_ne!(copy.backend().messages.info().epoch, epoch);
        assert_eq!(copy.check().unwrap().problems, Vec::<String>::new());
        let end = block_on(copy.backend().messages.head(&direct())).unwrap();
        assert!(
            (before..=after).contains(&end.head),
            "{before} <= {} <= {after}",
            end.head
        );
        assert_eq!(end.kept, end.head, "all that was restored is kept");
        let marks = block_on(copy.backend().receipts.of_conversation(&direct(), &[ben()])).unwrap();
        assert!(marks[0].delivered.seq >= before);
    }
    assert!(matches!(
        Store::restore(live.path(), folder().path()),
        Err(OpenError::NotABackup(_))
    ));
    assert!(matches!(
        Store::restore(backup.path(), restored.path()),
        Err(OpenError::NotEmpty(_))
    ));
}

#[test]
fn what_comes_after_a_restore_is_not_counted_as_kept() {
    let (live, backup, restored) = (folder(), folder(), folder());
    let store = open(live.path());
    let mut log = LogBuilder::new();
    append(&store.backend(), &direct(), &mut log, "before");
    store.backup(backup.path()).unwrap();
    Store::restore(backup.path(), restored.path()).unwrap();
    for opening in 1..=3 {
        let copy = open(restored.path());
        append(&copy.backend(), &direct(), &mut log, "after");
        let end = block_on(copy.backend().messages.head(&direct())).unwrap();
        assert_eq!((end.kept, end.head), (Seq(1), Seq(1 + opening)));
    }
}

#[test]
fn the_life_of_a_message_is_told_without_its_body() {
    let folder = folder();
    let store = open(folder.path());
    let backend = store.backend();
    let mut log = LogBuilder::new();
    append(&backend, &direct(), &mut log, "one");
    append(&backend, &direct(), &mut log, "two");
    block_on(backend.receipts.raise(&[delivered(Seq(2))])).unwrap();
    block_on(
        backend
            .messages
            .erase(&direct(), &[Seq(1)], EraseReason::Retracted),
    )
    .unwrap();
    let life = |seq| block_on(store.message(&direct(), Seq(seq))).unwrap();
    assert_eq!(
        life(1).unwrap().body,
        BodyLife::Erased(EraseReason::Retracted)
    );
    let two = life(2).unwrap();
    assert_eq!((two.body, two.sender), (BodyLife::Kept, anna()));
    assert_eq!(
        two.marks
            .iter()
            .find(|(user, _)| *user == ben())
            .unwrap()
            .1
            .delivered
            .seq,
        Seq(2)
    );
    assert!(two.file.exists());
    assert_eq!(life(3), None);
    let listed = store.conversations(None, 10).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0.clone(), listed[0].1.head), (direct(), Seq(2)));
    assert!(store.conversations(Some(&direct()), 10).unwrap().is_empty());
    assert!(store.sizes().unwrap().entries > 0);
}

/// 10 million raises over 1,000 conversations in the long run, 200,000 in the everyday one.
#[test]
fn many_raises_leave_little_on_the_disk() {
    let long = std::env::var_os("MESSENGER_LONG_TESTS").is_some();
    let rounds = if long { 10_000 } else { 200 };
    let folder = folder();
    let store = open(folder.path());
    let backend = store.backend();
    let conversations: Vec<_> = (0..1_000).map(messenger_testkit::fixtures::group).collect();
    for round in 1..=rounds {
        let raises: Vec<Raise> = conversations
            .iter()
            .map(|conversation| {
                let device = Some(DeviceId(1));
                Raise {
                    conversation: conversation.clone(),
                    holder: Holder {
                        user: ben(),
                        device,
                    },
                    kind: MarkKind::Acked,
                    to: Position {
                        seq: Seq(round),
                        ordinal: Ordinal(round),
                    },
                }
            })
            .collect();
        assert!(
            block_on(backend.receipts.raise(&raises))
                .unwrap()
                .iter()
                .all(|rose| *rose)
        );
    }
    drop(backend);
    drop(store);
    // What is superseded goes in the background; opening again gives it no more than a moment.
    let store = open(folder.path());
    let sizes = store.sizes().unwrap();
    let megabytes = (sizes.entries + sizes.state + sizes.index) >> 20;
    assert!(megabytes <= 100, "{sizes:?}");
    let acked = block_on(
        store
            .backend()
            .receipts
            .of_device(&ben(), DeviceId(1), &conversations),
    )
    .unwrap();
    assert!(acked.iter().all(|mark| mark.unwrap().seq == Seq(rounds)));
}
