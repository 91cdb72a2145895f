//! Conformance cases: one per promise of the store traits, as data.
//!
//! ```text
//!   trait method ── # Contract ── bullet `a_name` (CLAUSE)
//!                                        │ the same name
//!                                 Case { name, clauses, needs, run }
//! ```
//!
//! A back end runs them from a `tests/conformance.rs` with `harness = false` in its manifest:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use messenger_core::{id::Epoch, memory::Memory};
//! use messenger_testkit::conformance::{self, Instance, OpenError, Subject};
//! use messenger_testkit::exec::BoxFuture;
//!
//! struct MyStore;
//!
//! impl Subject for MyStore {
//!     fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Instance>, OpenError>> {
//!         // An epoch is drawn at random for each new store.
//!         let store = Memory::new(Epoch(rand()));
//!         Box::pin(async move { Ok(Box::new(store.backend()) as Box<dyn Instance>) })
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     conformance::run(MyStore)
//! }
//! # fn rand() -> u64 { 7 }
//! ```
//!
//! What the back end does not offer shows as *ignored*; a store that cannot be opened is a *failure*. A store whose futures
//! need a runtime overrides [`Subject::block_on`]. One that is durable implements [`Instance::open_again`] and offers
//! [`Need::Reopen`].

mod cases;
mod runner;
mod subject;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::join_all;
use messenger_core::store::{
    Accounts, Broker, ConversationStore, DeviceStore, InboxStore, MessageStore, PresenceStore,
    ReceiptStore, RetentionStore,
};

pub use crate::differential::play;
pub use runner::{cases, check, run};
pub use subject::{Ending, Instance, Need, OpenError, Parts, Subject};

use crate::exec::{BoxFuture, on_thread};

/// One promise of a store trait, and the test of it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of the `# Contract` bullet.
    pub name: &'static str,
    /// The clauses of the delivery contract that the promise serves.
    pub clauses: &'static [&'static str],
    /// What the back end has to offer for it.
    pub needs: &'static [Need],
    /// True when the promise is about opening again; it is run for each ending that the back end offers.
    pub reopens: bool,
    /// The test; it panics when the promise is broken.
    pub run: fn(Ctx) -> BoxFuture<'static, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A fresh store for one case.
pub struct Ctx {
    subject: Arc<dyn Subject>,
    instance: Box<dyn Instance>,
    ending: Ending,
}

macro_rules! parts {
    ($($part:ident: $store:ident,)+) => {
        impl Ctx {
            $(
                /// The store of this name.
                ///
                /// # Panics
                /// When the case does not need it but asks for it, or the subject offers it but has none.
                pub fn $part(&self) -> Arc<dyn $store> {
                    let part = self.instance.parts().$part;
                    part.expect(concat!("the subject offers ", stringify!($store), " but has none"))
                }
            )+
        }
    };
}

parts! {
    messages: MessageStore,
    receipts: ReceiptStore,
    conversations: ConversationStore,
    inboxes: InboxStore,
    devices: DeviceStore,
    retention: RetentionStore,
    presence: PresenceStore,
    broker: Broker,
    accounts: Accounts,
}

impl Ctx {
    /// Another empty store of the same subject, under another epoch.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn another(&self) -> Self {
        Self::fresh(Arc::clone(&self.subject), self.ending).await
    }

    /// Ends the store and opens it again. Stores taken from the context before are to be dropped first.
    ///
    /// # Panics
    /// When it cannot be opened again.
    pub async fn open_again(&mut self) {
        let ending = self.ending;
        if let Err(error) = self.instance.open_again(ending).await {
            panic!("opening again after the store {ending}: {error}");
        }
    }

    /// Runs futures at the same time, each on a thread of its own, and answers their outputs in order.
    pub async fn race<T, F>(&self, racers: impl IntoIterator<Item = F>) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let started: Vec<_> = racers
            .into_iter()
            .map(|racer| {
                let subject = Arc::clone(&self.subject);
                on_thread(move || {
                    let mut output = None;
                    subject.block_on(Box::pin(async { output = Some(racer.await) }));
                    output.expect("block_on runs its future to the end")
                })
            })
            .collect();
        join_all(started).await
    }

    async fn fresh(subject: Arc<dyn Subject>, ending: Ending) -> Self {
        let instance = match subject.fresh().await {
            Ok(instance) => instance,
            Err(error) => panic!("the store cannot be opened: {error}"),
        };
        Self {
            subject,
            instance,
            ending,
        }
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").finish_non_exhaustive()
    }
}
