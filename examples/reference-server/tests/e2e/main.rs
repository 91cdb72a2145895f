//! The server as its users meet it: real processes, a data folder on disk, traffic over loopback.

mod operator;
mod process;
mod start;
