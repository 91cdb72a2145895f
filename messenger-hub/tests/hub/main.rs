//! The hub over the memory store, driven through its links.

mod cluster;
mod harness;
mod links;
mod rights;
