//! Two message stores of one's own.
//!
//! [`VecStore`] is written from nothing, as small as it can be. [`Watched`] wraps the store of any back end and says which
//! logs have grown, as a search index or an archive wants to know.
//!
//! Each has a file in `tests/` that runs the conformance cases on it: one named test per promise.

mod vec_store;
mod watched;

pub use vec_store::VecStore;
pub use watched::Watched;
