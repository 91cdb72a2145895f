//! The cases, one file per trait.

mod accounts;
mod broker;
mod conversations;
mod devices;
mod feed;
mod inboxes;
mod messages;
mod overlays;
mod presence;
mod reading;
mod receipts;
mod retention;
mod settings;
mod steps;

use super::Case;

/// All cases, in the order of the traits.
pub(super) const ALL: &[&[Case]] = &[
    messages::CASES,
    reading::CASES,
    receipts::CASES,
    overlays::CASES,
    conversations::CASES,
    inboxes::CASES,
    settings::CASES,
    devices::CASES,
    feed::CASES,
    retention::CASES,
    presence::CASES,
    broker::CASES,
    accounts::CASES,
];

/// A case by the function that tests it: `case!(name, [needs], [clauses])`, with `reopens` for those that open again.
macro_rules! case {
    ($name:ident, [$($need:ident),+], [$($clause:literal),+]) => {
        $crate::conformance::cases::case!($name, [$($need),+], [$($clause),+], false)
    };
    ($name:ident, [$($need:ident),+], [$($clause:literal),+], reopens) => {
        $crate::conformance::cases::case!($name, [$($need),+], [$($clause),+], true)
    };
    ($name:ident, [$($need:ident),+], [$($clause:literal),+], $reopens:literal) => {
        $crate::conformance::Case {
            name: stringify!($name),
            clauses: &[$($clause),+],
            needs: &[$($crate::conformance::Need::$need),+],
            reopens: $reopens,
            run: |ctx| Box::pin($name(ctx)),
        }
    };
}

use case;
