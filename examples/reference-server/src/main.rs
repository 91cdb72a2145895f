//! The reference server of messenger.

fn main() {}
