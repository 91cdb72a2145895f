//! The reference server of messenger: the shell around the library that a person meets.
//!
//! ```text
//! cli ──► config ──► serve ──► hub + store + routes, logs, metrics, signals
//!    └──► admin commands ──► over the socket of the running server, or on the folder itself
//! ```
//!
//! The binary `messenger-server` is a thin `main` over this library, so that tests reach its parts.

pub mod admin;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod data;
pub mod demo;
pub mod exit;
pub mod identity;
pub mod logs;
pub mod secret;
pub mod serve;
pub mod store;
