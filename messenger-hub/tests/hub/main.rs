//! The hub over the memory store, driven through its links.

mod chapter;
mod cluster;
mod harness;
mod links;
mod rights;
