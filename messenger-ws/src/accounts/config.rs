//! What the embedded accounts allow.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signup {
    /// Everybody.
    Open,
    /// The operator alone.
    #[default]
    Off,
}

/// Limits of the embedded accounts, each with a safe default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// Who may make an account.
    pub signup: Signup,
    /// How long a token is good for, in days.
    pub token_days: u64,
    /// The shortest new password, in characters.
    pub password_min_chars: usize,
    /// The longest password, in bytes.
    pub password_max_bytes: usize,
    /// Failed log-ins of one account in a row.
    pub attempts_per_account: u32,
    /// After how many seconds an account may try once more.
    pub attempt_per_account_every_s: u64,
    /// Failed log-ins and new accounts of one address in a row; an IPv6 address counts as its /64 network.
    pub attempts_per_address: u32,
    /// After how many seconds an address may try once more.
    pub attempt_per_address_every_s: u64,
    /// Passwords that are hashed at once; each takes 19 MiB and one thread.
    pub hashing_at_once: usize,
    /// How long a log-in may wait for its turn, in milliseconds.
    pub hashing_wait_ms: u64,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            signup: Signup::Off,
            token_days: 90,
            password_min_chars: 8,
            password_max_bytes: 256,
            attempts_per_account: 10,
            attempt_per_account_every_s: 30,
            attempts_per_address: 50,
            attempt_per_address_every_s: 5,
            hashing_at_once: 2,
            hashing_wait_ms: 10_000,
        }
    }
}

impl AccountsConfig {
    pub(super) fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.token_days.saturating_mul(24 * 60 * 60))
    }
}
