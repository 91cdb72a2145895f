//! The conformance cases on the memory store.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use messenger_core::{id::Epoch, memory::Memory};
use messenger_testkit::conformance::{self, Instance, OpenError, Subject};
use messenger_testkit::exec::BoxFuture;

#[derive(Default)]
struct InMemory {
    epochs: AtomicU64,
}

impl Subject for InMemory {
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
        let memory = Memory::new(Epoch(1 + self.epochs.fetch_add(1, Ordering::Relaxed)));
        Box::pin(async move { Ok(Box::new(memory.backend()) as Box<dyn Instance>) })
    }
}

fn main() -> ExitCode {
    conformance::run(InMemory::default())
}
