//! The two stores of a history, and what the history remembers of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use messenger_core::id::{ConversationId, DeviceId, Epoch, UserId};
use messenger_core::memory::Memory;
use messenger_core::model::ClaimKey;
use messenger_core::store::{Due, FeedPosition, Since};
use messenger_core::time::{Day, Timestamp};

use super::rng::Rng;
use crate::conformance::{Ending, Instance, Parts, Subject};
use crate::fixtures::{START, anna, ben, cleo, direct, group};

/// The same thing as each of the two stores names it.
#[derive(Clone, Debug)]
pub(super) struct Named<T> {
    pub(super) reference: T,
    pub(super) subject: T,
}

/// The memory store and the subject, on their way through one history.
pub(super) struct Pair {
    pub(super) reference: Parts,
    pub(super) subject: Box<dyn Instance>,
    pub(super) rng: Rng,
    pub(super) now: Timestamp,
    /// Claims that were used, for repeats.
    pub(super) claims: Vec<ClaimKey>,
    pub(super) cmids: u64,
    pub(super) devices: BTreeMap<UserId, Vec<Named<DeviceId>>>,
    pub(super) feed: Vec<Named<FeedPosition>>,
    pub(super) since: BTreeMap<UserId, Vec<Named<Since>>>,
    /// The day of the last touch of each conversation, as a node remembers it.
    pub(super) touched: BTreeMap<ConversationId, Day>,
    pub(super) settled: BTreeSet<Due>,
    pub(super) reopened: bool,
    seed: u64,
    trail: Vec<String>,
}

impl Pair {
    pub(super) async fn fresh(subject: &dyn Subject, seed: u64) -> Self {
        let subject = match subject.fresh().await {
            Ok(instance) => instance,
            Err(error) => panic!("the store cannot be opened: {error}"),
        };
        Self {
            reference: Parts::from(Memory::new(Epoch(seed)).backend()),
            subject,
            rng: Rng::new(seed),
            now: START,
            claims: Vec::new(),
            cmids: 0,
            devices: BTreeMap::new(),
            feed: Vec::new(),
            since: BTreeMap::new(),
            touched: BTreeMap::new(),
            settled: BTreeSet::new(),
            reopened: false,
            seed,
            trail: Vec::new(),
        }
    }

    /// Mostly milliseconds, sometimes hours, so that days pass within a history, but never 32 of them.
    pub(super) fn pass_time(&mut self) {
        let millis = match self.rng.below(20) {
            0 => 1000 * 60 * self.rng.below(120),
            1..=4 => self.rng.below(4000),
            _ => self.rng.below(50),
        };
        self.now = self.now.plus(Duration::from_millis(1 + millis));
    }

    pub(super) fn user(&mut self) -> UserId {
        self.rng.pick(&users())
    }

    pub(super) fn conversation(&mut self) -> ConversationId {
        self.rng.pick(&conversations())
    }

    /// Compares the answers of a step; the step is told when they differ, or a later one's do.
    pub(super) fn same<T: PartialEq + Debug>(&mut self, step: String, reference: &T, subject: &T) {
        self.note(step);
        if reference != subject {
            self.differ(&format!("memory:  {reference:?}\nsubject: {subject:?}"));
        }
    }

    /// A step without an answer was done on both.
    pub(super) fn did(&mut self, step: String) {
        self.note(step);
    }

    /// Fails unless it holds.
    pub(super) fn holds(&mut self, step: String, holds: bool, what: &str) {
        self.note(step);
        if !holds {
            self.differ(what);
        }
    }

    pub(super) async fn open_again(&mut self, ending: Ending) {
        self.note(format!("open again after it {ending}"));
        if let Err(error) = self.subject.open_again(ending).await {
            self.differ(&format!("it cannot be opened again: {error}"));
        }
        self.reopened = true;
        // Settling need not be durable: what is due once more is settled once more.
        if let Some(retention) = self.subject.parts().retention {
            for due in &self.settled {
                retention.settle(due).await.expect("a day is settled");
            }
        }
    }

    fn note(&mut self, step: String) {
        self.trail.push(step);
    }

    fn differ(&self, how: &str) -> ! {
        let from = self.trail.len().saturating_sub(TRAIL_SHOWN);
        let trail = self.trail[from..].join("\n  ");
        panic!(
            "the answers of step {} of seed {} differ\n{how}\nafter\n  {trail}",
            self.trail.len(),
            self.seed
        );
    }
}

/// How many of the last steps a failure shows.
const TRAIL_SHOWN: usize = 25;

pub(super) fn users() -> [UserId; 3] {
    [anna(), ben(), cleo()]
}

pub(super) fn conversations() -> [ConversationId; 4] {
    [
        direct(),
        ConversationId::direct(&anna(), &anna()),
        group(1),
        group(2),
    ]
}

/// The stores of this name of both sides, the reference first.
macro_rules! both {
    ($pair:ident.$part:ident) => {{
        let reference = $pair.reference.$part.clone();
        let subject = $pair.subject.parts().$part;
        (
            reference.expect("memory has every store"),
            subject.expect("the subject offers this store"),
        )
    }};
}

pub(super) use both;
