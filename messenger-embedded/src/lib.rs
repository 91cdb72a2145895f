//! Durable storage in the process: every store trait in one folder on disk.

#![allow(dead_code, unused_imports)]

mod bytes;
mod file;
mod folder;
mod index;
mod log;
mod record;
