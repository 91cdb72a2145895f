//! How often somebody may guess.
//!
//! ```text
//!   bucket of the account  ──┐ both have a token left ──► the password is looked at ──right──► both tokens back
//!   bucket of the address  ──┘ else: retry_after                                    └─wrong──► both are spent
//! ```
//!
//! A bucket that is full again says nothing, so it can be forgotten: the tables stay small by themselves, and bounded by
//! forgetting the fullest half when somebody fills them on purpose.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messenger_core::id::UserId;
use messenger_core::time::Timestamp;

use super::{AccountsConfig, AccountsError};
use crate::serve::network;

/// Accounts and addresses remembered at once, each.
const MAX_BUCKETS: usize = 10_000;

/// The attempts of all accounts and addresses.
#[derive(Debug)]
pub(super) struct LoginAttempts {
    of_account: Mutex<Buckets<UserId>>,
    of_address: Mutex<Buckets<IpAddr>>,
}

impl LoginAttempts {
    pub(super) fn new(config: &AccountsConfig) -> Self {
        Self {
            of_account: Mutex::new(Buckets::new(
                config.attempts_per_account,
                config.attempt_per_account_every_s,
            )),
            of_address: Mutex::new(Buckets::new(
                config.attempts_per_address,
                config.attempt_per_address_every_s,
            )),
        }
    }

    /// Takes one attempt of both, or none.
    pub(super) fn take(
        &self,
        user: &UserId,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AccountsError> {
        self.take_of_address(address, now)?;
        lock(&self.of_account)
            .take(user.clone(), now)
            .inspect_err(|_| self.give_back_of_address(address, now))
    }

    /// Takes one attempt of an address; where the address is not known, only accounts are limited.
    pub(super) fn take_of_address(
        &self,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AccountsError> {
        match address {
            Some(address) => lock(&self.of_address).take(network(address), now),
            None => Ok(()),
        }
    }

    /// Gives both attempts back: the password was right.
    pub(super) fn give_back(&self, user: &UserId, address: Option<IpAddr>, now: Timestamp) {
        lock(&self.of_account).give_back(user, now);
        self.give_back_of_address(address, now);
    }

    fn give_back_of_address(&self, address: Option<IpAddr>, now: Timestamp) {
        if let Some(address) = address {
            lock(&self.of_address).give_back(&network(address), now);
        }
    }
}

fn lock<K>(buckets: &Mutex<Buckets<K>>) -> MutexGuard<'_, Buckets<K>> {
    // Each change is one assignment, so a poisoned lock still guards true buckets.
    buckets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Token buckets of one size by key; a key without one has it full.
#[derive(Debug)]
struct Buckets<K> {
    /// What a bucket holds, and what one attempt takes, as the time that refills it.
    full_ms: u64,
    attempt_ms: u64,
    /// When each bucket will be full again.
    full_at: HashMap<K, Timestamp>,
}

impl<K: Eq + Hash + Clone> Buckets<K> {
    fn new(attempts: u32, every_s: u64) -> Self {
        let attempt_ms = every_s.max(1).saturating_mul(1000);
        Self {
            full_ms: attempt_ms.saturating_mul(u64::from(attempts.max(1))),
            attempt_ms,
            full_at: HashMap::new(),
        }
    }

    fn take(&mut self, key: K, now: Timestamp) -> Result<(), AccountsError> {
        self.make_room(now);
        let missing_ms = self.missing_ms(&key, now) + self.attempt_ms;
        if missing_ms > self.full_ms {
            return Err(AccountsError::TooManyAttempts {
                retry_after: Duration::from_millis(missing_ms - self.full_ms),
            });
        }
        self.full_at
            .insert(key, now.plus(Duration::from_millis(missing_ms)));
        Ok(())
    }

    fn give_back(&mut self, key: &K, now: Timestamp) {
        let missing_ms = self.missing_ms(key, now).saturating_sub(self.attempt_ms);
        if missing_ms == 0 {
            self.full_at.remove(key);
        } else if let Some(full_at) = self.full_at.get_mut(key) {
            *full_at = now.plus(Duration::from_millis(missing_ms));
        }
    }

    fn missing_ms(&self, key: &K, now: Timestamp) -> u64 {
        self.full_at
            .get(key)
            .map_or(0, |full_at| full_at.since(now).as_millis() as u64)
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.full_at.len() < MAX_BUCKETS {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < MAX_BUCKETS {
            return;
        }
        let mut times: Vec<Timestamp> = self.full_at.values().copied().collect();
        let middle = times.len() / 2;
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        self.full_at.retain(|_, full_at| *full_at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn after(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn attempts(of_account: u32, of_address: u32) -> LoginAttempts {
        LoginAttempts::new(&AccountsConfig {
            attempts_per_account: of_account,
            attempt_per_account_every_s: 30,
            attempts_per_address: of_address,
            attempt_per_address_every_s: 10,
            ..AccountsConfig::default()
        })
    }

    fn retry_after_s(result: Result<(), AccountsError>) -> Option<u64> {
        match result {
            Err(AccountsError::TooManyAttempts { retry_after }) => Some(retry_after.as_secs()),
            Err(_) | Ok(()) => None,
        }
    }

    #[test]
    fn an_account_is_guessed_at_a_bounded_rate_from_anywhere() {
        let attempts = attempts(2, 100);
        let anna = UserId::parse("anna").unwrap();
        let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        assert!(attempts.take(&anna, from(1), START).is_ok());
        assert!(attempts.take(&anna, from(2), START).is_ok());
        assert_eq!(
            retry_after_s(attempts.take(&anna, from(3), START)),
            Some(30)
        );
        assert_eq!(
            retry_after_s(attempts.take(&anna, from(3), after(10))),
            Some(20)
        );
        assert!(attempts.take(&anna, from(3), after(30)).is_ok());
        assert_eq!(
            retry_after_s(attempts.take(&anna, from(3), after(30))),
            Some(30)
        );
    }

    #[test]
    fn an_address_guesses_at_a_bounded_rate_whomever_it_guesses() {
        let attempts = attempts(100, 2);
        let address = |last: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]));
        for (user, last) in [("anna", 1), ("ben", 2)] {
            assert!(
                attempts
                    .take(&UserId::parse(user).unwrap(), address(last), START)
                    .is_ok()
            );
        }
        let carla = UserId::parse("carla").unwrap();
        assert_eq!(
            retry_after_s(attempts.take(&carla, address(3), START)),
            Some(10)
        );
        assert_eq!(
            retry_after_s(attempts.take_of_address(address(4), START)),
            Some(10)
        );
    }

    #[test]
    fn a_right_password_costs_no_attempt() {
        let attempts = attempts(1, 1);
        let anna = UserId::parse("anna").unwrap();
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..5 {
            assert!(attempts.take(&anna, address, START).is_ok());
            attempts.give_back(&anna, address, START);
        }
        assert!(
            lock(&attempts.of_account).full_at.is_empty(),
            "what is full is forgotten"
        );
    }

    #[test]
    fn a_refused_attempt_of_an_account_costs_the_address_nothing() {
        let attempts = attempts(1, 2);
        let anna = UserId::parse("anna").unwrap();
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        assert!(attempts.take(&anna, address, START).is_ok());
        for _ in 0..5 {
            assert_eq!(
                retry_after_s(attempts.take(&anna, address, START)),
                Some(30)
            );
        }
        assert!(attempts.take_of_address(address, START).is_ok());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_guessed_most() {
        let mut buckets: Buckets<usize> = Buckets::new(3, 10);
        for _ in 0..3 {
            assert!(buckets.take(0, START).is_ok());
        }
        for key in 1..3 * MAX_BUCKETS {
            assert!(buckets.take(key, START).is_ok());
        }
        assert!(buckets.full_at.len() <= MAX_BUCKETS);
        assert!(buckets.take(0, START).is_err());
    }
}
