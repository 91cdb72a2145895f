//! Faults planted into the memory store: each is caught by a case, and each case catches one.
//!
//! ```text
//!   memory ── wrapped by one Fault ──► all cases that need the faulty store ──► which of them failed
//! ```

mod accounts;
mod broker;
mod conversations;
mod devices;
mod inboxes;
mod messages;
mod presence;
mod receipts;
mod retention;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messenger_core::id::Epoch;
use messenger_core::memory::Memory;
use messenger_testkit::conformance::{
    self, Case, Ending, Instance, Need, OpenError, Parts, Subject, cases,
};
use messenger_testkit::exec::BoxFuture;

/// One way in which a store may be wrong.
struct Fault {
    name: String,
    need: Need,
    plant: Box<dyn Fn(&mut Parts) + Send + Sync>,
}

/// The faults of one store: an enum of them, and how each is planted.
fn faults<F: std::fmt::Debug + Copy + Send + Sync + 'static>(
    need: Need,
    all: &[F],
    plant: fn(&mut Parts, F),
) -> Vec<Fault> {
    all.iter()
        .map(|fault| {
            let fault = *fault;
            Fault {
                name: format!("{need:?}::{fault:?}"),
                need,
                plant: Box::new(move |parts| plant(parts, fault)),
            }
        })
        .collect()
}

fn all_faults() -> Vec<Fault> {
    [
        messages::faults(),
        receipts::faults(),
        conversations::faults(),
        inboxes::faults(),
        devices::faults(),
        retention::faults(),
        presence::faults(),
        broker::faults(),
        accounts::faults(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_planted_fault_is_caught_and_every_case_catches_one() {
    let quiet = Quiet::begin();
    let mut report = String::new();
    let mut uncaught = Vec::new();
    let mut never_failed: BTreeSet<_> = cases().map(|case| case.name).collect();
    let mut of_store: BTreeMap<Need, usize> = BTreeMap::new();
    for fault in all_faults() {
        let name = fault.name.clone();
        *of_store.entry(fault.need).or_default() += 1;
        let caught_by = failing(Faulty::planted(fault));
        for name in &caught_by {
            never_failed.remove(name);
        }
        writeln!(report, "{name}: {}", caught_by.join(", ")).expect("a String grows");
        if caught_by.is_empty() {
            uncaught.push(name);
        }
    }
    let forgetful = failing(Faulty::forgetting_all());
    let reopening: Vec<_> = cases()
        .filter(|case| case.reopens)
        .map(|c| c.name)
        .collect();
    drop(quiet);

    assert_eq!(forgetful, reopening, "nothing is there after opening again");
    never_failed.retain(|name| !reopening.contains(name));
    assert_eq!(uncaught, Vec::<String>::new(), "caught are:\n{report}");
    assert_eq!(never_failed, BTreeSet::new(), "caught are:\n{report}");
    for store in Need::STORES {
        assert!(
            of_store.contains_key(store),
            "a fault is planted into {store:?}"
        );
    }
}

/// How many histories a faulty store is given.
const HISTORIES: u64 = 3;

#[test]
fn random_histories_catch_most_faults_and_some_of_each_store() {
    let quiet = Quiet::begin();
    let (mut caught, mut passed) = (Vec::new(), Vec::new());
    for fault in all_faults() {
        let (name, need) = (fault.name.clone(), fault.need);
        let subject: Arc<dyn Subject> = Arc::new(Faulty::planted(fault));
        let differs = (1..=HISTORIES).any(|seed| {
            let play = || conformance::play(&subject, seed);
            panic::catch_unwind(AssertUnwindSafe(play)).is_err()
        });
        if differs {
            caught.push(need);
        } else {
            passed.push(name);
        }
    }
    drop(quiet);
    for store in Need::STORES {
        // Frames may be lost: there is nothing to compare.
        assert!(
            caught.contains(store) || *store == Need::Broker,
            "{store:?}: {passed:#?}"
        );
    }
    assert!(caught.len() > 2 * passed.len(), "these passed: {passed:#?}");
}

#[test]
fn without_a_fault_no_history_differs_also_when_it_is_opened_again() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let subject: Arc<dyn Subject> = Arc::new(Faulty::sound());
    for seed in 100..110 {
        conformance::play(&subject, seed);
    }
}

#[test]
fn without_a_fault_no_case_fails() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(failing(Faulty::sound()), Vec::<&str>::new());
}

/// While it lives, panics say nothing: the cases are expected to fail, by the hundred. Tests that want quiet take turns.
struct Quiet {
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl Quiet {
    fn begin() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        panic::set_hook(Box::new(|_| {}));
        Self { _turn: turn }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(panic::take_hook());
        }
    }
}

/// The names of the cases that fail on a subject.
fn failing(faulty: Faulty) -> Vec<&'static str> {
    let concerned = faulty.fault.as_ref().map(|fault| fault.need);
    let subject: Arc<dyn Subject> = Arc::new(faulty);
    let fails = |case: &&Case| {
        let run = || conformance::check(&subject, case, Ending::Crashed);
        panic::catch_unwind(AssertUnwindSafe(run)).is_err()
    };
    cases()
        .filter(|case| concerned.is_none_or(|need| case.needs.contains(&need)))
        .filter(fails)
        .map(|case| case.name)
        .collect()
}

/// The memory store with at most one fault.
struct Faulty {
    fault: Option<Fault>,
    forgets: bool,
    epochs: AtomicU64,
}

impl Faulty {
    fn sound() -> Self {
        Self {
            fault: None,
            forgets: false,
            epochs: AtomicU64::new(1),
        }
    }

    fn planted(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::sound()
        }
    }

    /// Opened again, it is empty.
    fn forgetting_all() -> Self {
        Self {
            forgets: true,
            ..Self::sound()
        }
    }
}

impl Subject for Faulty {
    fn offers(&self) -> Vec<Need> {
        let mut offers = Need::STORES.to_vec();
        offers.extend(Ending::ALL.iter().map(|ending| Need::Reopen(*ending)));
        offers
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
        let epoch = Epoch(self.epochs.fetch_add(1, Ordering::Relaxed));
        let mut parts = Parts::from(Memory::new(epoch).backend());
        if let Some(fault) = &self.fault {
            (fault.plant)(&mut parts);
        }
        let forgets = self.forgets.then_some(epoch);
        Box::pin(async move { Ok(Box::new(Opened { parts, forgets }) as Box<dyn Instance>) })
    }
}

/// One memory store, which is still there after "opening again", unless it forgets all.
struct Opened {
    parts: Parts,
    forgets: Option<Epoch>,
}

impl Instance for Opened {
    fn parts(&self) -> Parts {
        self.parts.clone()
    }

    fn open_again(&mut self, _: Ending) -> BoxFuture<'_, Result<(), OpenError>> {
        if let Some(epoch) = self.forgets {
            self.parts = Parts::from(Memory::new(epoch).backend());
        }
        Box::pin(async { Ok(()) })
    }
}
