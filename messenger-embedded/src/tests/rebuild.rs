//! The index is a help: without it everything is there all the same.

use messenger_core::id::{Cmid, Seq};
use messenger_core::model::ClaimKey;
use messenger_core::store::MessageStore as _;
use messenger_testkit::exec::block_on;

use super::world::{Promised, World, anna, append, conversation, entry, read_all, run};

#[test]
fn a_lost_index_is_rebuilt_from_the_log() {
    let world = World::new();
    let opened = world.open().unwrap();
    let mut promised = Promised::default();
    run(&opened, 400, &mut promised);
    drop(opened);
    world.index.clear();
    promised.missing_in(&world.open().unwrap()).unwrap();
}

#[test]
fn old_claims_are_found_in_the_index_by_their_time() {
    let world = World::new();
    let opened = world.open().unwrap();
    let to = conversation(1);
    for after in 0..800 {
        append(&opened, &to, after, &["x".into()]).unwrap();
        if after % 100 == 0 {
            opened.engine.checkpoint(&|| ()).unwrap();
        }
    }
    opened.engine.checkpoint(&|| ()).unwrap();
    let opened = world.open().unwrap();
    for seq in 1..=800 {
        let cmid = entry(seq, "x").entry.cmid;
        let other = Cmid::from_parts(cmid.time(), [9; 10]);
        let keys = [cmid, other].map(|cmid| ClaimKey {
            sender: anna(),
            cmid,
        });
        let found = block_on(opened.stores.find(&to, &keys)).unwrap();
        assert_eq!(found[0].as_ref().map(|found| found.seq), Some(Seq(seq)));
        assert_eq!(found[1], None);
    }
}

#[test]
fn a_claim_far_from_its_entrys_time_is_found_too() {
    let world = World::new();
    let opened = world.open().unwrap();
    let to = conversation(1);
    let mut stray = (*entry(1, "sent ten days later")).clone();
    stray.entry.cmid = Cmid::from_parts(
        stray
            .entry
            .time
            .minus(std::time::Duration::from_secs(864_000)),
        [1; 10],
    );
    let key = ClaimKey {
        sender: anna(),
        cmid: stray.entry.cmid,
    };
    block_on(opened.stores.append(&to, Seq(0), vec![stray.into()])).unwrap();
    for after in 1..600 {
        append(&opened, &to, after, &["x".into()]).unwrap();
    }
    opened.engine.checkpoint(&|| ()).unwrap();
    let found = block_on(world.open().unwrap().stores.find(&to, &[key])).unwrap();
    assert_eq!(found[0].as_ref().map(|found| found.seq), Some(Seq(1)));
}

#[test]
fn a_log_is_read_across_index_and_memory() {
    let world = World::new();
    let opened = world.open().unwrap();
    let to = conversation(2);
    for after in 0..700 {
        append(&opened, &to, after, &[format!("{}", after + 1)]).unwrap();
        if after == 500 {
            opened.engine.checkpoint(&|| ()).unwrap();
        }
    }
    let seqs: Vec<u64> = read_all(&opened, &to)
        .iter()
        .map(|stored| stored.seq().get())
        .collect();
    assert_eq!(seqs, (1..=700).collect::<Vec<_>>());
}
