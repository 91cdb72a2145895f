//! Runs the cases on a subject, as named tests or one by one.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use super::cases::ALL;
use super::{Case, Ctx, Ending, Need, Subject};
use crate::differential;

/// All cases, in the order of the traits.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    ALL.iter().copied().flatten()
}

/// Runs everything on a subject, as the `main` of a test with `harness = false`: it takes the arguments of `cargo test`.
pub fn run(subject: impl Subject) -> ExitCode {
    let subject: Arc<dyn Subject> = Arc::new(subject);
    let offers = subject.offers();
    let mut trials = Vec::new();
    for case in cases() {
        trials.extend(trials_of(case, &subject, &offers));
    }
    trials.extend(differential::trials(&subject));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs one case on a fresh store of the subject.
///
/// # Panics
/// When the promise is broken or the store cannot be opened.
pub fn check(subject: &Arc<dyn Subject>, case: &Case, ending: Ending) {
    let of_case = Arc::clone(subject);
    let run = case.run;
    subject.block_on(Box::pin(async move {
        run(Ctx::fresh(of_case, ending).await).await;
    }));
}

fn trials_of(case: &'static Case, subject: &Arc<dyn Subject>, offers: &[Need]) -> Vec<Trial> {
    let offered = case.needs.iter().all(|need| offers.contains(need));
    let endings = Ending::ALL
        .iter()
        .copied()
        .filter(|ending| offers.contains(&Need::Reopen(*ending)));
    let trial = |ending: Ending| {
        let subject = Arc::clone(subject);
        Trial::test(case.name, move || {
            check(&subject, case, ending);
            Ok(())
        })
    };
    match (offered, case.reopens) {
        (true, false) => vec![trial(Ending::Closed)],
        (true, true) => {
            let trials: Vec<_> = endings
                .map(|ending| trial(ending).with_kind(ending.to_string()))
                .collect();
            if trials.is_empty() {
                vec![trial(Ending::Closed).with_ignored_flag(true)]
            } else {
                trials
            }
        }
        (false, _) => vec![trial(Ending::Closed).with_ignored_flag(true)],
    }
}
