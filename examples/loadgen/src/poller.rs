//! Waiting for many sockets: a thin, safe layer over epoll, level-triggered, with microseconds in its time-out.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};

/// At most so many events come out of one wait.
const EVENTS_PER_WAIT: usize = 1024;

/// A set of sockets, each under a number of the caller's.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// What a socket is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Bytes to read.
    Read,
    /// Bytes to read, and room to write.
    ReadWrite,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN | EventFlags::RDHUP,
            Self::ReadWrite => EventFlags::IN | EventFlags::RDHUP | EventFlags::OUT,
        }
    }
}

/// What happened at a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The number under which it was added.
    pub(crate) key: u64,
    /// It can be read, or it ended.
    pub(crate) readable: bool,
    /// It has room again.
    pub(crate) writable: bool,
}

impl Poller {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_PER_WAIT),
        })
    }

    /// Adds a socket under `key`. It leaves the set by being closed.
    pub(crate) fn add(&self, source: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(key),
            interest.flags(),
        )?)
    }

    /// Changes what a socket is watched for.
    pub(crate) fn change(&self, source: impl AsFd, key: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            source,
            EventData::new_u64(key),
            interest.flags(),
        )?)
    }

    /// Waits until something is ready or `timeout` is over; appends what is ready to `ready`.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        let timeout = timeout.map(|span| Timespec {
            tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: span.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            // Copied first: the struct is packed on some machines.
            let (data, flags) = (event.data, event.flags);
            Ready {
                key: data.u64(),
                readable: flags.intersects(
                    EventFlags::IN | EventFlags::HUP | EventFlags::RDHUP | EventFlags::ERR,
                ),
                writable: flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}
