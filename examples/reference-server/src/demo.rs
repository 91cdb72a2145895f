//! The demo log-ins: two accounts for a first try, made only in a folder without accounts, alive only on loopback.
//!
//! ```text
//! loopback, demo = true, no accounts ──► anna, ben with made-up passwords ──► demo.json, printed at each start
//! listening elsewhere, or demo = false ──► locked like a revoked account; back on loopback: unlocked
//! `user passwd` or `user revoke` of one ──► a real account from then on: forgotten here
//! ```
//!
//! The passwords are random, so that a proxy in front of a loopback listener opens nothing to the world.

use std::fs;
use std::io;

use messenger::core::id::UserId;
use messenger::core::store::{DeviceStore, FeedItem};
use messenger::ws::{AccountsError, AccountsService};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::data::{DataFolder, write_private};
use crate::exit::{Exit, Failure};
use crate::secret::Secret;

/// Who may try.
const NAMES: [(&str, &str); 2] = [("anna", "Anna"), ("ben", "Ben")];

/// The demo log-ins of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demo {
    /// The accounts that are still demo accounts.
    pub logins: Vec<Login>,
    /// Locked, because the server listened where others could reach it.
    locked: bool,
}

/// One demo log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user id.
    pub user: UserId,
    /// The password.
    pub password: Secret,
}

impl Demo {
    /// Returns the log-ins that work now.
    pub fn active(&self) -> &[Login] {
        if self.locked { &[] } else { &self.logins }
    }

    /// Brings the demo accounts of a folder in line with `wanted`: makes, unlocks or locks them.
    ///
    /// # Errors
    ///
    /// Returns a failure if the store or the folder cannot be written.
    pub async fn settle(
        data: &DataFolder,
        accounts: &AccountsService,
        devices: &dyn DeviceStore,
        wanted: bool,
    ) -> Result<Self, Failure> {
        let mut demo = read(data);
        if wanted
            && demo.logins.is_empty()
            && accounts
                .store()
                .search("", 1)
                .await
                .map_err(failed)?
                .is_empty()
        {
            demo.logins = create(accounts).await?;
            demo.save(data)?;
        }
        if demo.locked == wanted && !demo.logins.is_empty() {
            for login in &demo.logins {
                let item = FeedItem::Banned {
                    user: login.user.clone(),
                    banned: !wanted,
                };
                devices.publish(&item).await.map_err(failed)?;
            }
            demo.locked = !wanted;
            demo.save(data)?;
        }
        Ok(demo)
    }

    fn save(&self, data: &DataFolder) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).expect("plain data is JSON");
        write_private(&data.demo(), &text).map_err(|error| {
            Failure::new(Exit::Data, format!("{}: {error}", data.demo().display()))
        })
    }
}

/// Lets a demo account be a real one: its password or standing was set by hand.
pub fn forget(data: &DataFolder, user: &UserId) {
    let mut demo = read(data);
    let before = demo.logins.len();
    demo.logins.retain(|login| login.user != *user);
    if demo.logins.len() < before
        && let Err(failure) = demo.save(data)
    {
        tracing::warn!(%user, %failure, "the file of demo log-ins still names this account");
    }
}

fn read(data: &DataFolder) -> Demo {
    match fs::read(data.demo()) {
        Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(file = %data.demo().display(), %error, "the file of demo log-ins cannot be read");
            Demo::default()
        }),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(file = %data.demo().display(), %error, "the file of demo log-ins cannot be read");
            }
            Demo::default()
        }
    }
}

async fn create(accounts: &AccountsService) -> Result<Vec<Login>, Failure> {
    let mut logins = Vec::new();
    for (id, name) in NAMES {
        let login = Login {
            user: UserId::parse(id).expect("a sound id"),
            password: Secret::random(2)?,
        };
        match accounts
            .create(&login.user, name, login.password.reveal(), clock::now())
            .await
        {
            Ok(()) => logins.push(login),
            // Somebody's, from before.
            Err(AccountsError::Taken) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(logins)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Store, format!("demo accounts: {error}"))
}
