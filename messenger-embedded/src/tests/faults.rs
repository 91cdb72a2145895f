//! Full disks and input/output errors: the store says so, ends, and has kept its word.

use messenger_core::error::StoreErrorKind;

use super::world::{Promised, World, append, conversation, run};
use crate::file::sim::Plant;

#[test]
fn a_failed_operation_is_fatal_and_loses_nothing_acknowledged() {
    for plant in [Plant::Error, Plant::Full] {
        for operation in (8..260).step_by(3) {
            let world = World::new();
            let opened = world.open().unwrap();
            world.files.plant(operation, plant);
            let mut promised = Promised::default();
            run(&opened, 90, &mut promised);
            drop(opened);
            world.crash(operation);
            let opened = world.open().unwrap();
            if let Err(lost) = promised.missing_in(&opened) {
                panic!("{plant:?} at operation {operation}: {lost}");
            }
        }
    }
}

#[test]
fn after_a_failed_write_every_call_is_fatal() {
    let world = World::new();
    let opened = world.open().unwrap();
    let to = conversation(1);
    append(&opened, &to, 0, &["a".into()]).unwrap();
    world.files.plant(world.files.operations() + 1, Plant::Full);
    let error = append(&opened, &to, 1, &["b".into()]).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    assert!(!error.is_retriable());
    let again = append(&opened, &to, 1, &["b".into()]).unwrap_err();
    assert_eq!(again.kind(), StoreErrorKind::Fatal);
    let read = messenger_testkit::exec::block_on(messenger_core::store::MessageStore::head(
        &opened.stores,
        &to,
    ));
    assert_eq!(read.unwrap_err().kind(), StoreErrorKind::Fatal);
}
