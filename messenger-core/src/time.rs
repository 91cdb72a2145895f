//! Time as an argument: milliseconds since 1970, UTC. Nothing in this crate reads a clock.

use std::time::Duration;

use crate::codec::number;

number! {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    Timestamp
}

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This time and `duration` later.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as u64))
    }

    /// This time and `duration` earlier; not before 1970.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_millis() as u64))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The UTC day.
    pub const fn day(self) -> Day {
        Day((self.0 / DAY.as_millis() as u64) as u32)
    }
}

/// One day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A UTC day: the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// The first moment of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as u64 * DAY.as_millis() as u64)
    }
}
