//! Tests of the whole store on the simulated disk and index, step by step and without threads.

mod crash;
mod erase;
mod faults;
mod rebuild;
mod reclaim;
mod world;
