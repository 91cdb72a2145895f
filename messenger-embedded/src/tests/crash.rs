//! The power fails at every operation of a recorded run: nothing that was acknowledged is lost.

use std::sync::atomic::Ordering;

use super::world::{Promised, World, run};
use crate::file::sim::Plant;

/// Crashes tried at each operation, each with another choice of unsynced sectors; more in the long run.
fn seeds() -> u64 {
    if std::env::var_os("MESSENGER_LONG_TESTS").is_some() {
        8
    } else {
        1
    }
}

/// Steps of the recorded run.
const STEPS: u64 = 160;

/// Runs until the crash, opens again and compares; then goes on, crashes once more and compares again.
fn crash_at(
    operation: u64,
    seed: u64,
    prepare: impl Fn(&World, &super::world::Opened),
) -> Result<(), String> {
    let world = World::new();
    world.files.plant(operation, Plant::Crash);
    let mut promised = Promised::default();
    if let Ok(opened) = world.open() {
        prepare(&world, &opened);
        run(&opened, STEPS, &mut promised);
    }
    world.crash(seed);
    let opened = world
        .open()
        .map_err(|fault| format!("opening again: {fault}"))?;
    promised.missing_in(&opened)?;
    promised.settle(&opened);
    run(&opened, STEPS / 3, &mut promised);
    drop(opened);
    world.crash(seed + 1);
    promised.missing_in(
        &world
            .open()
            .map_err(|fault| format!("opening once more: {fault}"))?,
    )
}

/// The operations of the whole run.
fn operations() -> u64 {
    let world = World::new();
    let opened = world.open().unwrap();
    let mut promised = Promised::default();
    run(&opened, STEPS, &mut promised);
    promised.missing_in(&opened).unwrap();
    world.files.operations()
}

#[test]
fn nothing_acknowledged_is_lost_at_any_crash() {
    let operations = operations();
    assert!(operations > 200, "the run has only {operations} operations");
    for operation in 1..=operations {
        for seed in 0..seeds() {
            if let Err(lost) = crash_at(operation, seed * 1_000 + operation, |_, _| ()) {
                panic!("crash at operation {operation}, seed {seed}: {lost}");
            }
        }
    }
}

#[test]
fn the_crash_tests_fail_when_syncs_are_left_out() {
    let operations = operations();
    let caught = (1..=operations).any(|operation| {
        crash_at(operation, operation, |world, _| {
            world.files.skip_every_sync()
        })
        .is_err()
    });
    assert!(caught, "a store that never syncs would pass");
}

#[test]
fn the_crash_tests_fail_when_the_acknowledgement_comes_before_the_sync() {
    let operations = operations();
    let caught = (1..=operations).any(|operation| {
        crash_at(operation, operation, |_, opened| {
            opened
                .engine
                .log
                .acknowledge_before_sync
                .store(true, Ordering::Relaxed);
        })
        .is_err()
    });
    assert!(caught, "a store that acknowledges too early would pass");
}
