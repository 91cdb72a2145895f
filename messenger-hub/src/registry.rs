//! The sessions of this node, by user and by link.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use messenger_core::id::{DeviceId, Generation, SessionId, UserId};
use messenger_core::session::Input;
use messenger_core::wire::CloseCode;

use crate::mailbox::Mailbox;

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) device: Option<DeviceId>,
    pub(crate) generation: Generation,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// The sessions of this node.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: RwLock<HashMap<SessionId, Arc<Mailbox>>>,
    users: RwLock<HashMap<UserId, Vec<Entry>>>,
}

impl Registry {
    pub(crate) fn add_link(&self, mailbox: Arc<Mailbox>) {
        write(&self.links).insert(mailbox.id(), mailbox);
    }

    pub(crate) fn remove_link(&self, id: SessionId) {
        write(&self.links).remove(&id);
    }

    pub(crate) fn link(&self, id: SessionId) -> Option<Arc<Mailbox>> {
        read(&self.links).get(&id).cloned()
    }

    /// A session is open; an older one of the same device is told that it was replaced.
    pub(crate) fn open(&self, user: &UserId, entry: Entry) {
        let mut users = write(&self.users);
        let sessions = users.entry(user.clone()).or_default();
        if entry.device.is_some() {
            sessions.retain(|old| {
                let replaced = old.device == entry.device && old.generation < entry.generation;
                if replaced {
                    old.mailbox.post(Input::Close(CloseCode::Replaced));
                }
                !replaced
            });
        }
        sessions.push(entry);
    }

    /// A session has ended; true when it was the user's last one here.
    pub(crate) fn end(&self, user: &UserId, id: SessionId) -> bool {
        let mut users = write(&self.users);
        let Some(sessions) = users.get_mut(user) else {
            return false;
        };
        sessions.retain(|entry| entry.mailbox.id() != id);
        if sessions.is_empty() {
            users.remove(user);
            return true;
        }
        false
    }

    /// Calls `each` with the sessions of a user.
    pub(crate) fn for_user(&self, user: &UserId, mut each: impl FnMut(&Entry)) {
        if let Some(sessions) = read(&self.users).get(user) {
            sessions.iter().for_each(&mut each);
        }
    }

    /// Calls `each` with the sessions of these users, under one lock.
    pub(crate) fn for_users(&self, users: &[UserId], mut each: impl FnMut(&Entry)) {
        let registry = read(&self.users);
        for user in users {
            if let Some(sessions) = registry.get(user) {
                sessions.iter().for_each(&mut each);
            }
        }
    }

    pub(crate) fn has(&self, user: &UserId) -> bool {
        read(&self.users).contains_key(user)
    }

    /// All sessions with their users.
    pub(crate) fn all(&self) -> Vec<(UserId, Entry)> {
        read(&self.users)
            .iter()
            .flat_map(|(user, sessions)| sessions.iter().map(|entry| (user.clone(), entry.clone())))
            .collect()
    }

    /// The mailboxes of all links, also of those that are not yet admitted.
    pub(crate) fn all_links(&self) -> Vec<Arc<Mailbox>> {
        read(&self.links).values().cloned().collect()
    }

    pub(crate) fn link_count(&self) -> usize {
        read(&self.links).len()
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
