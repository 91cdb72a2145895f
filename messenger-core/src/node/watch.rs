//! The presence of watched users, told to each observer once per transition (PRES-4).
//!
//! ```text
//!   unknown ──a device is live──► online ──none for 15 s──► offline
//!      ▲                            │ └──logout───────────────►
//!      └──the view is stale─────────┘
//! ```

use std::collections::BTreeMap;

use crate::id::UserId;
use crate::limits::OFFLINE_GRACE;
use crate::model::UserPresence;
use crate::time::Timestamp;

/// The users that somebody here watches.
#[derive(Debug, Default)]
pub struct Watch {
    users: BTreeMap<UserId, State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    observers: usize,
    shown: UserPresence,
    /// Since when no device is live.
    away_since: Option<Timestamp>,
}

/// What an observer is told of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// What they are now.
    pub state: UserPresence,
}

impl Watch {
    /// An observer begins to watch a user; answers what is shown now.
    pub fn begin(&mut self, user: &UserId) -> UserPresence {
        let state = self.users.entry(user.clone()).or_insert(State {
            observers: 0,
            shown: UserPresence::Unknown,
            away_since: None,
        });
        state.observers += 1;
        state.shown
    }

    /// An observer watches a user no longer.
    pub fn end(&mut self, user: &UserId) {
        if let Some(state) = self.users.get_mut(user) {
            state.observers -= 1;
            if state.observers == 0 {
                self.users.remove(user);
            }
        }
    }

    /// The watched users.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.users.keys()
    }

    /// Whether a device of the user is live, as the presence store says now; answers the transition, if it is one.
    pub fn learn(&mut self, now: Timestamp, user: &UserId, live: bool) -> Option<Seen> {
        let state = self.users.get_mut(user)?;
        let shown = if live {
            state.away_since = None;
            UserPresence::Online
        } else {
            let since = *state.away_since.get_or_insert(now);
            match state.shown {
                UserPresence::Online if now.since(since) < OFFLINE_GRACE => UserPresence::Online,
                _ => UserPresence::Offline,
            }
        };
        self.show(user, shown)
    }

    /// The user logged out on the last device: offline at once.
    pub fn logged_out(&mut self, user: &UserId) -> Option<Seen> {
        self.show(user, UserPresence::Offline)
    }

    /// The presence store does not answer: everybody is unknown (PRES-5).
    pub fn blind(&mut self) -> Vec<Seen> {
        let users: Vec<UserId> = self.users.keys().cloned().collect();
        users
            .iter()
            .filter_map(|user| self.show(user, UserPresence::Unknown))
            .collect()
    }

    fn show(&mut self, user: &UserId, shown: UserPresence) -> Option<Seen> {
        let state = self.users.get_mut(user)?;
        (state.shown != shown).then(|| {
            state.shown = shown;
            Seen {
                user: user.clone(),
                state: shown,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn offline_is_told_once_and_only_after_the_grace() {
        let (start, anna) = (Timestamp(1_790_000_000_000), UserId::parse("anna").unwrap());
        let mut watch = Watch::default();
        assert_eq!(watch.begin(&anna), UserPresence::Unknown);
        let online = watch.learn(start, &anna, true).unwrap();
        assert_eq!(online.state, UserPresence::Online);
        assert_eq!(watch.learn(start, &anna, false), None);
        let almost = start.plus(Duration::from_millis(14_999));
        assert_eq!(watch.learn(almost, &anna, false), None);
        let after = start.plus(OFFLINE_GRACE);
        assert_eq!(
            watch.learn(after, &anna, false).unwrap().state,
            UserPresence::Offline
        );
        assert_eq!(watch.learn(after, &anna, false), None);
    }

    #[test]
    fn a_short_absence_is_never_seen() {
        let (start, anna) = (Timestamp(1_790_000_000_000), UserId::parse("anna").unwrap());
        let mut watch = Watch::default();
        watch.begin(&anna);
        watch.learn(start, &anna, true);
        assert_eq!(
            watch.learn(start.plus(Duration::from_secs(5)), &anna, false),
            None
        );
        assert_eq!(
            watch.learn(start.plus(Duration::from_secs(10)), &anna, true),
            None
        );
        assert_eq!(
            watch.learn(start.plus(Duration::from_secs(20)), &anna, false),
            None
        );
    }
}
