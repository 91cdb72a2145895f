//! Who is connected, and how many of them have not said who they are.
//!
//! ```text
//!   accept ──► half-open ──established()──► counted, not half-open
//!                 │                                │
//!                 └────────── dropped ◄────────────┘   the slot is free again
//! ```
//!
//! A slot is taken before the first byte is read and goes with the last clone of its [`Connection`]: the one that the
//! HTTP connection holds, or, after an upgrade, the one that the link holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ServeConfig;

/// One accepted connection; request handlers find it in the request's extensions.
///
/// It is cheap to clone. The connection counts against the limits of [`ServeConfig`] until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Slot>);

impl Connection {
    /// Returns the address at the other end of the socket: the client, or the load balancer in front of it.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Returns whether the other end of the socket is one of [`ServeConfig::trusted_proxies`].
    #[must_use]
    pub fn is_trusted_proxy(&self) -> bool {
        self.0
            .slots
            .trusted_proxies
            .contains(&self.0.peer.ip().to_canonical())
    }

    /// Says that the link on this connection is authenticated, so that it no longer counts as half-open.
    pub fn established(&self) {
        if self.0.half_open.swap(false, Ordering::AcqRel) {
            self.0.slots.lock().leave_half_open(self.0.peer.ip());
        }
    }
}

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// [`ServeConfig::max_connections`] are open.
    ServerFull,
    /// [`ServeConfig::max_half_open_per_address`] of this address are open and not authenticated.
    AddressFull,
}

/// Counts the open connections of one accept loop.
#[derive(Debug)]
pub(super) struct Slots {
    max_connections: usize,
    max_half_open_per_address: usize,
    trusted_proxies: Vec<IpAddr>,
    counts: Mutex<Counts>,
}

impl Slots {
    pub(super) fn new(config: &ServeConfig) -> Arc<Self> {
        Arc::new(Self {
            max_connections: config.max_connections,
            max_half_open_per_address: match config.max_half_open_per_address {
                0 => usize::MAX,
                limit => limit,
            },
            trusted_proxies: config
                .trusted_proxies
                .iter()
                .map(IpAddr::to_canonical)
                .collect(),
            counts: Mutex::default(),
        })
    }

    /// Takes a slot for a connection from `peer`.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Result<Connection, Refusal> {
        let half_open = !self.trusted_proxies.contains(&peer.ip().to_canonical());
        let mut counts = self.lock();
        if counts.open >= self.max_connections {
            return Err(Refusal::ServerFull);
        }
        if half_open {
            let of_address = counts.half_open.entry(network(peer.ip())).or_default();
            if *of_address >= self.max_half_open_per_address {
                return Err(Refusal::AddressFull);
            }
            *of_address += 1;
        }
        counts.open += 1;
        drop(counts);
        Ok(Connection(Arc::new(Slot {
            peer,
            half_open: AtomicBool::new(half_open),
            slots: Arc::clone(self),
        })))
    }

    /// Returns the number of open connections.
    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // The counts are changed by whole statements that cannot panic, so a poisoned lock still guards true counts.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    half_open: HashMap<IpAddr, usize>,
}

impl Counts {
    fn leave_half_open(&mut self, address: IpAddr) {
        if let Entry::Occupied(mut of_address) = self.half_open.entry(network(address)) {
            *of_address.get_mut() -= 1;
            if *of_address.get() == 0 {
                of_address.remove();
            }
        }
    }
}

#[derive(Debug)]
struct Slot {
    peer: SocketAddr,
    half_open: AtomicBool,
    slots: Arc<Slots>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.lock();
        counts.open -= 1;
        if *self.half_open.get_mut() {
            counts.leave_half_open(self.peer.ip());
        }
    }
}

/// Returns what counts as one address: an IPv4 address, or the /64 network of an IPv6 address, which is what one
/// subscriber is given.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(max_connections: usize, max_half_open_per_address: usize) -> Arc<Slots> {
        let trusted_proxies = vec!["10.0.0.9".parse().expect("an address")];
        Slots::new(&ServeConfig {
            max_connections,
            max_half_open_per_address,
            trusted_proxies,
            ..ServeConfig::default()
        })
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().expect("a socket address")
    }

    #[test]
    fn half_open_connections_are_bounded_per_address() {
        let slots = slots(10, 2);
        let first = slots.take(peer("10.0.0.1:1")).expect("the first of two");
        let _second = slots.take(peer("10.0.0.1:2")).expect("the second of two");
        assert_eq!(
            slots.take(peer("10.0.0.1:3")).err(),
            Some(Refusal::AddressFull)
        );
        assert!(
            slots.take(peer("10.0.0.2:3")).is_ok(),
            "another address has a limit of its own"
        );

        first.established();
        first.established();
        let _third = slots
            .take(peer("10.0.0.1:3"))
            .expect("one of them is established");
        assert_eq!(
            slots.take(peer("10.0.0.1:4")).err(),
            Some(Refusal::AddressFull),
            "established counts once"
        );
    }

    #[test]
    fn a_refused_connection_takes_no_slot() {
        let slots = slots(10, 1);
        let _first = slots.take(peer("10.0.0.1:1")).expect("the only one");
        assert!(slots.take(peer("10.0.0.1:2")).is_err());
        assert_eq!(slots.open(), 1);
    }

    #[test]
    fn a_dropped_connection_frees_its_slot_and_leaves_no_trace_of_its_address() {
        let slots = slots(1, 1);
        let connection = slots.take(peer("10.0.0.1:1")).expect("the only one");
        let of_link = connection.clone();
        drop(connection);
        assert_eq!(
            slots.take(peer("10.0.0.2:1")).err(),
            Some(Refusal::ServerFull),
            "the link still holds it"
        );
        drop(of_link);
        assert_eq!(slots.open(), 0);
        assert!(slots.lock().half_open.is_empty());
    }

    #[test]
    fn an_ipv6_address_counts_as_its_network() {
        let slots = slots(10, 1);
        let _one = slots
            .take(peer("[2001:db8:0:1::1]:1"))
            .expect("the only one");
        assert_eq!(
            slots.take(peer("[2001:db8:0:1::ffff]:1")).err(),
            Some(Refusal::AddressFull)
        );
        assert!(slots.take(peer("[2001:db8:0:2::1]:1")).is_ok());
        let _mapped = slots
            .take(peer("[::ffff:10.0.0.1]:1"))
            .expect("a mapped address is its IPv4 address");
        assert_eq!(
            slots.take(peer("10.0.0.1:1")).err(),
            Some(Refusal::AddressFull)
        );
    }

    #[test]
    fn a_trusted_proxy_is_exempt_from_the_limit_per_address() {
        let slots = slots(3, 1);
        let held: Vec<_> = (1..=3)
            .map(|port| slots.take(SocketAddr::new("10.0.0.9".parse().unwrap(), port)))
            .collect();
        assert!(held.iter().all(Result::is_ok));
        assert!(held[0].as_ref().is_ok_and(Connection::is_trusted_proxy));
        assert_eq!(
            slots.take(peer("10.0.0.9:4")).err(),
            Some(Refusal::ServerFull)
        );
    }
}
