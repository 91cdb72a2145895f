//! The conformance cases on a whole back end, of which one store is watched.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use messenger_core::id::Epoch;
use messenger_core::memory::Memory;
use messenger_core::store::Backend;
use messenger_example_custom_store::Watched;
use messenger_testkit::conformance::{self, Instance, OpenError, Subject};
use messenger_testkit::exec::BoxFuture;

#[derive(Default)]
struct WatchedMemory {
    opened: AtomicU64,
}

impl Subject for WatchedMemory {
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
        let epoch = Epoch(self.opened.fetch_add(1, Ordering::Relaxed) + 1);
        let memory = Memory::new(epoch).backend();
        let watched = Watched::new(memory.messages.clone(), |_, _| {});
        let backend = Backend {
            messages: Arc::new(watched),
            ..memory
        };
        Box::pin(async move { Ok(Box::new(backend) as Box<dyn Instance>) })
    }
}

fn main() -> ExitCode {
    conformance::run(WatchedMemory::default())
}
