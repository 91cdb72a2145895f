//! A token bucket, with the time as an argument.

use std::time::Duration;

use crate::time::Timestamp;

/// A token bucket: `per_second` tokens flow in, at most `burst` are kept.
///
/// Tokens are counted in thousandths, so that a rate of one per second is exact to the millisecond.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_second: u32,
    burst: u32,
    millitokens: u64,
    filled: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub fn new(per_second: u64, burst: u64, now: Timestamp) -> Self {
        let burst = u32::try_from(burst.max(1)).unwrap_or(u32::MAX);
        Self {
            per_second: u32::try_from(per_second.max(1)).unwrap_or(u32::MAX),
            burst,
            millitokens: u64::from(burst) * 1_000,
            filled: now,
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// The time until there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        let passed = now.get().saturating_sub(self.filled.get());
        let full = u64::from(self.burst) * 1_000;
        self.millitokens = passed
            .saturating_mul(u64::from(self.per_second))
            .saturating_add(self.millitokens)
            .min(full);
        self.filled = self.filled.max(now);
        match self.millitokens.checked_sub(1_000) {
            Some(left) => {
                self.millitokens = left;
                Ok(())
            }
            None => {
                let missing = 1_000 - self.millitokens;
                Err(Duration::from_millis(
                    missing.div_ceil(u64::from(self.per_second)),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_through_and_then_the_rate() {
        let start = Timestamp(1_000_000);
        let mut bucket = Bucket::new(2, 3, start);
        for _ in 0..3 {
            assert_eq!(bucket.take(start), Ok(()));
        }
        assert_eq!(bucket.take(start), Err(Duration::from_millis(500)));
        assert_eq!(
            bucket.take(start.plus(Duration::from_millis(499))),
            Err(Duration::from_millis(1))
        );
        assert_eq!(bucket.take(start.plus(Duration::from_millis(500))), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let start = Timestamp(1_000_000);
        let mut bucket = Bucket::new(1, 1, start);
        assert_eq!(bucket.take(start), Ok(()));
        assert!(bucket.take(start.minus(Duration::from_secs(60))).is_err());
        assert!(bucket.take(start.plus(Duration::from_millis(999))).is_err());
        assert_eq!(bucket.take(start.plus(Duration::from_secs(1))), Ok(()));
    }
}
