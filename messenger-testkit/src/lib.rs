//! For authors of messenger stores: conformance cases as data, a differential test, and fixtures.
//!
//! ```text
//!   Subject ──fresh()──► Instance ──parts()──► the stores under test
//!      │
//!   conformance::run ─┬─ every Case whose needs the subject offers       one named test per promise
//!                     └─ random histories, compared with the memory store
//! ```
//!
//! A back end runs all of it from a `tests/conformance.rs` with `harness = false`; see [`conformance`].

pub mod conformance;
mod differential;
pub mod exec;
pub mod fixtures;
pub mod world;
