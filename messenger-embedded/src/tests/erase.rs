//! What is erased is gone from the disk (RET-2).

use messenger_core::id::Seq;
use messenger_core::model::{Content, EraseReason};
use messenger_core::store::MessageStore as _;
use messenger_testkit::exec::block_on;

use super::world::{Opened, World, append, conversation, read_all};

const CANARY: &str = "🦆 the canary that nobody may find again";

fn on_disk(world: &World) -> bool {
    world.files.dump().iter().any(|(_, bytes)| {
        bytes
            .windows(CANARY.len())
            .any(|part| part == CANARY.as_bytes())
    })
}

fn erase(opened: &Opened, seq: u64) {
    block_on(
        opened
            .stores
            .erase(&conversation(1), &[Seq(seq)], EraseReason::Timed),
    )
    .unwrap();
}

#[test]
fn an_erased_body_is_gone_from_the_raw_folder() {
    let world = World::new();
    let opened = world.open().unwrap();
    append(
        &opened,
        &conversation(1),
        0,
        &["a".into(), CANARY.into(), "c".into()],
    )
    .unwrap();
    append(&opened, &conversation(1), 3, &["x".repeat(5_000) + CANARY]).unwrap();
    assert!(on_disk(&world));
    erase(&opened, 2);
    erase(&opened, 4);
    assert!(matches!(
        read_all(&opened, &conversation(1))[1].entry.content,
        Content::Tombstone(_)
    ));
    opened.engine.overwrite_erased().unwrap();
    assert!(!on_disk(&world));
    let left = read_all(&opened, &conversation(1));
    assert!(matches!(left[0].entry.content, Content::Message(_)));
    assert!(matches!(left[3].entry.content, Content::Tombstone(_)));
}

#[test]
fn a_crash_before_the_overwriting_only_delays_it() {
    let world = World::new();
    let opened = world.open().unwrap();
    append(&opened, &conversation(1), 0, &[CANARY.into()]).unwrap();
    erase(&opened, 1);
    drop(opened);
    world.crash(3);
    let opened = world.open().unwrap();
    assert!(on_disk(&world), "the test needs a body that is still there");
    assert!(matches!(
        read_all(&opened, &conversation(1))[0].entry.content,
        Content::Tombstone(_)
    ));
    opened.engine.checkpoint(&|| ()).unwrap();
    assert!(
        !on_disk(&world),
        "no checkpoint passes an erasure that is not carried out"
    );
}

#[test]
fn an_erasure_is_remembered_by_the_index_and_by_a_rebuild() {
    let world = World::new();
    let opened = world.open().unwrap();
    append(&opened, &conversation(1), 0, &["a".into(), "b".into()]).unwrap();
    opened.engine.checkpoint(&|| ()).unwrap();
    erase(&opened, 1);
    opened.engine.checkpoint(&|| ()).unwrap();
    for rebuild in [false, true] {
        if rebuild {
            world.index.clear();
        }
        let opened = world.open().unwrap();
        let left = read_all(&opened, &conversation(1));
        assert!(
            matches!(left[0].entry.content, Content::Tombstone(_)),
            "rebuilt: {rebuild}"
        );
        assert!(
            matches!(left[1].entry.content, Content::Message(_)),
            "rebuilt: {rebuild}"
        );
    }
}
