//! How long to wait before the next try: doubling, bounded, spread by random bytes that the caller has.

use std::time::Duration;

/// Delays that double from `first` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first delay.
    pub first: Duration,
    /// The bound that no delay exceeds.
    pub max: Duration,
}

impl Backoff {
    /// For messages that the server could not take now.
    pub const SENDING: Self = Self {
        first: Duration::from_millis(250),
        max: Duration::from_secs(30),
    };

    /// For links that broke or could not be made.
    pub const CONNECTING: Self = Self {
        first: Duration::from_millis(500),
        max: Duration::from_secs(30),
    };

    /// The bound of the delay before try number `attempt`, counted from 0.
    pub fn bound(&self, attempt: u32) -> Duration {
        self.first
            .saturating_mul(1 << attempt.min(16))
            .min(self.max)
    }

    /// A delay anywhere from zero to the bound ("full jitter"): what links use, so that a server is not stormed.
    ///
    /// Source: Brooker, "Exponential Backoff And Jitter" (2015).
    pub fn full_jitter(&self, attempt: u32, random: u32) -> Duration {
        scale(self.bound(attempt), random)
    }

    /// A delay from half the bound to the bound: never at once, still spread.
    pub fn half_jitter(&self, attempt: u32, random: u32) -> Duration {
        let half = self.bound(attempt) / 2;
        half + scale(half, random)
    }
}

/// The part of a duration that a random number stands for.
fn scale(duration: Duration, random: u32) -> Duration {
    let nanos = duration.as_nanos() * u128::from(random) / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_bound_and_stay_inside_their_spread() {
        let backoff = Backoff::CONNECTING;
        assert_eq!(backoff.bound(0), Duration::from_millis(500));
        assert_eq!(backoff.bound(3), Duration::from_secs(4));
        assert_eq!(backoff.bound(1_000), Duration::from_secs(30));
        assert_eq!(backoff.full_jitter(3, 0), Duration::ZERO);
        assert_eq!(backoff.full_jitter(3, u32::MAX), Duration::from_secs(4));
        assert_eq!(backoff.half_jitter(3, 0), Duration::from_secs(2));
        assert_eq!(backoff.half_jitter(3, u32::MAX), Duration::from_secs(4));
    }
}
