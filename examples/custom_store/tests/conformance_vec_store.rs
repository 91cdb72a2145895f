//! The conformance cases on the store that is written from nothing.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use messenger_core::id::Epoch;
use messenger_example_custom_store::VecStore;
use messenger_testkit::conformance::{self, Instance, Need, OpenError, Parts, Subject};
use messenger_testkit::exec::BoxFuture;

#[derive(Default)]
struct Vecs {
    opened: AtomicU64,
}

impl Subject for Vecs {
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
        let epoch = Epoch(self.opened.fetch_add(1, Ordering::Relaxed) + 1);
        let instance = OnlyMessages(Arc::new(VecStore::new(epoch)));
        Box::pin(async move { Ok(Box::new(instance) as Box<dyn Instance>) })
    }

    // It is one store and no whole back end: the cases of the others show as ignored.
    fn offers(&self) -> Vec<Need> {
        vec![Need::Messages]
    }
}

struct OnlyMessages(Arc<VecStore>);

impl Instance for OnlyMessages {
    fn parts(&self) -> Parts {
        Parts {
            messages: Some(self.0.clone()),
            ..Parts::default()
        }
    }
}

fn main() -> ExitCode {
    conformance::run(Vecs::default())
}
