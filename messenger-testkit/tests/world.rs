//! Worlds from seeds: the machines' daily test harness.

use messenger_testkit::world;

/// Worlds of the everyday run.
const EVERYDAY: u64 = 500;
/// Worlds of the long run.
const LONG: u64 = 1_500;

#[test]
fn in_every_world_everybody_agrees_after_the_rest() {
    let long = std::env::var_os("MESSENGER_LONG_TESTS").is_some();
    let worlds = if long { LONG } else { EVERYDAY };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    (thread..worlds)
                        .step_by(threads as usize)
                        .filter_map(|seed| {
                            world::run(seed).err().map(|e| format!("seed {seed}: {e}"))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        runs.into_iter()
            .flat_map(|run| run.join().expect("no world panics"))
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} worlds: {:#?}",
        failures.len(),
        &failures[..failures.len().min(10)]
    );
}

#[test]
fn the_same_seed_is_the_same_world() {
    assert_eq!(world::run(42), world::run(42));
}

#[test]
fn worlds_are_full_of_trouble() {
    let reports: Vec<_> = (0..20).filter_map(|seed| world::run(seed).ok()).collect();
    let sum = |of: fn(&world::Report) -> usize| reports.iter().map(of).sum::<usize>();
    assert!(sum(|r| r.entries) > 200, "{reports:?}");
    assert!(
        sum(|r| r.deaths) > 5 && sum(|r| r.crashes) > 5,
        "{reports:?}"
    );
    assert!(
        sum(|r| r.cuts) > 20 && sum(|r| r.lost_hints) > 20,
        "{reports:?}"
    );
}
