//! Random histories on the subject and on the memory store, every answer compared.
//!
//! ```text
//!   seed ──► steps ─┬─► memory   ──► answer ─┐
//!                   └─► subject  ──► answer ─┴─ the same? else: seed, number of the step, the last steps
//! ```
//!
//! Where a contract leaves a store free (the numbers of devices, positions in feed and inbox, the order within a day), the
//! comparison leaves it free too. Where it opens again, all that was acknowledged has to be there.

mod accounts;
mod devices;
mod inboxes;
mod logs;
mod marks;
mod pair;
mod presence;
mod rng;
mod schedule;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::conformance::{Ending, Need, Subject};
use pair::Pair;

/// How many steps a history has.
const STEPS: usize = 400;

/// How many histories are played in an everyday run.
const HISTORIES: u64 = 12;

/// The variable that asks for more histories.
const HISTORIES_VARIABLE: &str = "MESSENGER_TESTKIT_HISTORIES";

/// The trials of a subject: one per seed.
pub(crate) fn trials(subject: &Arc<dyn Subject>) -> Vec<Trial> {
    let asked = std::env::var(HISTORIES_VARIABLE).ok();
    let histories = asked.and_then(|n| n.parse().ok()).unwrap_or(HISTORIES);
    (1..=histories)
        .map(|seed| {
            let subject = Arc::clone(subject);
            let name = format!("history_{seed:03}_is_answered_as_by_the_memory_store");
            Trial::test(name, move || {
                play(&subject, seed);
                Ok(())
            })
        })
        .collect()
}

/// Plays the history of a seed on a fresh store of the subject and on a memory store.
///
/// # Panics
/// When an answer differs, with the seed and the last steps; or when a store fails.
pub fn play(subject: &Arc<dyn Subject>, seed: u64) {
    let of_history = Arc::clone(subject);
    subject.block_on(Box::pin(async move {
        let offers = of_history.offers();
        let mut pair = Pair::fresh(&*of_history, seed).await;
        for _ in 0..STEPS {
            step(&mut pair, &offers).await;
        }
    }));
}

/// A kind of step with its weight and what it needs.
const KINDS: &[(u64, &[Need], Kind)] = &[
    (60, &[Need::Messages], Kind::Log),
    (50, &[Need::Receipts], Kind::Marks),
    (12, &[Need::Conversations], Kind::Snapshot),
    (40, &[Need::Inboxes], Kind::Inbox),
    (30, &[Need::Devices], Kind::Devices),
    (12, &[Need::Retention], Kind::Schedule),
    (30, &[Need::Presence], Kind::Presence),
    (16, &[Need::Accounts], Kind::Accounts),
    (
        1,
        &[Need::Reopen(Ending::Closed)],
        Kind::Reopen(Ending::Closed),
    ),
    (
        2,
        &[Need::Reopen(Ending::Crashed)],
        Kind::Reopen(Ending::Crashed),
    ),
];

#[derive(Clone, Copy)]
enum Kind {
    Log,
    Marks,
    Snapshot,
    Inbox,
    Devices,
    Schedule,
    Presence,
    Accounts,
    Reopen(Ending),
}

async fn step(pair: &mut Pair, offers: &[Need]) {
    let possible: Vec<_> = KINDS
        .iter()
        .filter(|(_, needs, _)| needs.iter().all(|need| offers.contains(need)))
        .collect();
    let total = possible.iter().map(|(weight, ..)| weight).sum();
    let mut at = pair.rng.below(total);
    pair.pass_time();
    for (weight, _, kind) in possible {
        if at < *weight {
            return take(pair, *kind).await;
        }
        at -= weight;
    }
}

async fn take(pair: &mut Pair, kind: Kind) {
    match kind {
        Kind::Log => logs::step(pair).await,
        Kind::Marks => marks::step(pair).await,
        Kind::Snapshot => logs::snapshot_step(pair).await,
        Kind::Inbox => inboxes::step(pair).await,
        Kind::Devices => devices::step(pair).await,
        Kind::Schedule => schedule::step(pair).await,
        Kind::Presence => presence::step(pair).await,
        Kind::Accounts => accounts::step(pair).await,
        Kind::Reopen(ending) => pair.open_again(ending).await,
    }
}
