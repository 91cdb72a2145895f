//! What a run measured.

use std::collections::BTreeMap;
use std::ops::Sub;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// What a server refused, and how often, by the server's words.
pub(crate) type Refusals = BTreeMap<String, u64>;

/// CPU time that was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds of the server, user and system.
    pub(crate) server: f64,
    /// Seconds of the generator.
    pub(crate) generator: f64,
    /// Seconds of everybody on this machine.
    pub(crate) machine: f64,
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server - before.server,
            generator: self.generator - before.generator,
            machine: self.machine - before.machine,
        }
    }
}

/// Latencies in nanoseconds, all from when a message was due.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    /// Until the author was told that it was accepted.
    pub(crate) accepted: Histogram<u64>,
    /// Until it arrived at a recipient.
    pub(crate) delivery: Histogram<u64>,
    /// Until the author was told that it arrived.
    pub(crate) receipt: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).expect("a minute fits");
        let histogram = Histogram::new_with_max(longest, 3).expect("a valid range and precision");
        Self {
            accepted: histogram.clone(),
            delivery: histogram.clone(),
            receipt: histogram,
        }
    }
}

/// The raw result of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Messages that were done within the measured time.
    pub(crate) messages: u64,
    /// Messages that arrived at a recipient within it.
    pub(crate) deliveries: u64,
    /// The measured time.
    pub(crate) seconds: f64,
    /// CPU time within it.
    pub(crate) usage: Usage,
    /// Latencies within it.
    pub(crate) latency: Latency,
    /// What the server refused, over the whole run.
    pub(crate) refused: Refusals,
    /// Messages that arrived a second time.
    pub(crate) repeated: u64,
    /// Messages that were accepted and did not arrive.
    pub(crate) lost: u64,
    /// Messages that were sent and not done at the end.
    pub(crate) unfinished: u64,
}

/// Three percentiles and the maximum, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentiles {
    /// The median.
    pub(crate) p50_us: f64,
    /// The 99th percentile.
    pub(crate) p99_us: f64,
    /// The 99.9th percentile.
    pub(crate) p999_us: f64,
    /// The longest.
    pub(crate) max_us: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1e3,
        }
    }
}

/// The result of a run, as it is printed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// Messages done.
    pub(crate) messages: u64,
    /// The measured time.
    pub(crate) seconds: f64,
    /// Messages done in a second.
    pub(crate) messages_per_second: f64,
    /// Arrivals at recipients in a second.
    pub(crate) deliveries_per_second: f64,
    /// CPU time of the server for each message, in microseconds; `None` if the server is not watched.
    pub(crate) server_us_per_message: Option<f64>,
    /// Share of a core that the server used.
    pub(crate) server_load: f64,
    /// Share of a core that the generator used: near one, it is the generator that is measured.
    pub(crate) generator_load: f64,
    /// Cores that other programs used meanwhile: above a tenth, the machine was not quiet.
    pub(crate) others_load: f64,
    /// Latency until accepted.
    pub(crate) accepted: Percentiles,
    /// Latency until delivered.
    pub(crate) delivery: Percentiles,
    /// Latency until the receipt.
    pub(crate) receipt: Percentiles,
    /// What the server refused.
    pub(crate) refused: Refusals,
    /// Messages that arrived twice.
    pub(crate) repeated: u64,
    /// Messages that were accepted and did not arrive.
    pub(crate) lost: u64,
    /// Messages that were not done at the end.
    pub(crate) unfinished: u64,
}

impl Measured {
    /// Works out rates and percentiles.
    pub(crate) fn summary(&self) -> Summary {
        let messages = self.messages.max(1) as f64;
        Summary {
            messages: self.messages,
            seconds: self.seconds,
            messages_per_second: self.messages as f64 / self.seconds,
            deliveries_per_second: self.deliveries as f64 / self.seconds,
            server_us_per_message: (self.usage.server > 0.0)
                .then(|| self.usage.server * 1e6 / messages),
            server_load: self.usage.server / self.seconds,
            generator_load: self.usage.generator / self.seconds,
            others_load: (self.usage.machine - self.usage.server - self.usage.generator).max(0.0)
                / self.seconds,
            accepted: Percentiles::of(&self.latency.accepted),
            delivery: Percentiles::of(&self.latency.delivery),
            receipt: Percentiles::of(&self.latency.receipt),
            refused: self.refused.clone(),
            repeated: self.repeated,
            lost: self.lost,
            unfinished: self.unfinished,
        }
    }
}
