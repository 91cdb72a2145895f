//! The server as its users meet it: real processes, a data folder on disk, traffic over loopback.

mod chat;
mod crash;
mod operator;
mod person;
mod process;
mod start;
