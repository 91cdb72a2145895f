//! Many logged-in clients on one thread.
//!
//! ```text
//!   connect ──► Upgrading ── 101 ──► Greeting ── live ──► Live      any end of a link is an error of the run
//!                          hello ►
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::dialect::{Dialect, Heard};
use crate::identity::{Identity, cmid};
use crate::link::{Link, ReadBuffer};
use crate::poller::{Poller, Ready};
use crate::seat::Seat;
use crate::ws::{frame, frame::Opcode, handshake};

/// So many logins are under way at once while a fleet connects.
const LOGINS_AT_ONCE: usize = 64;

/// A fleet that has not logged in whole within this time is an error.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(120);

/// Between two looks at the clock while a fleet connects.
const CONNECT_POLL: Duration = Duration::from_millis(100);

/// So many links leave from one source address: half of Linux' default range of ports.
const LINKS_PER_ADDRESS: usize = 14_000;

/// Clients of one server.
pub(crate) struct Fleet {
    address: SocketAddr,
    dialect: Dialect,
    poller: Poller,
    clients: Vec<Client>,
    buffer: ReadBuffer,
    ready: Vec<Ready>,
    scratch: Vec<u8>,
    /// Tells the devices and messages of this fleet from those of others on the same store.
    salt: u32,
}

struct Client {
    link: Option<Link>,
    who: Identity,
    stage: Stage,
    mask: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Upgrading,
    Greeting,
    Live,
}

impl Fleet {
    /// A fleet that has nobody yet.
    pub(crate) fn new(address: SocketAddr, dialect: Dialect) -> io::Result<Self> {
        Ok(Self {
            address,
            dialect,
            poller: Poller::new()?,
            clients: Vec::new(),
            buffer: ReadBuffer::new(),
            ready: Vec::new(),
            scratch: Vec::new(),
            salt: getrandom::u32().map_err(io::Error::other)?,
        })
    }

    /// Connects a client for each seat, and waits until all are logged in and caught up.
    ///
    /// # Errors
    ///
    /// A refused login, a link that ends, or [`CONNECT_TIMEOUT`].
    pub(crate) fn connect(
        address: SocketAddr,
        dialect: Dialect,
        seats: &[Seat],
    ) -> io::Result<Self> {
        let mut fleet = Self::new(address, dialect)?;
        for some in seats.chunks(LOGINS_AT_ONCE) {
            for &seat in some {
                fleet.open(seat)?;
            }
            fleet.hear_until(some.len(), "clients logged in", |heard| {
                *heard == Heard::Live
            })?;
        }
        if fleet.dialect.has_groups() && seats.iter().any(|seat| seat.room_size > 2) {
            fleet.found_groups()?;
        }
        Ok(fleet)
    }

    /// Begins the groups of all rooms.
    fn found_groups(&mut self) -> io::Result<()> {
        let founders: Vec<usize> = (0..self.len())
            .filter(|&index| self.seat(index).user == self.seat(index).first())
            .collect();
        for &index in &founders {
            let seat = self.seat(index);
            let members: Vec<String> = (seat.user + 1..seat.user + seat.room_size)
                .map(Seat::name)
                .collect();
            let key = cmid(self.salt, seat.user, 0);
            self.say(index, |dialect, who, out| {
                dialect.create(who, key, &members, out)
            });
            self.flush(index)?;
        }
        self.hear_until(founders.len(), "groups begun", |heard| {
            matches!(heard, Heard::Accepted { .. })
        })
    }

    /// Goes on until an event was heard so often.
    fn hear_until(
        &mut self,
        count: usize,
        what: &str,
        wanted: impl Fn(&Heard) -> bool,
    ) -> io::Result<()> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let mut heard = Vec::new();
        let mut found = 0;
        while found < count {
            for index in self.wait(Some(CONNECT_POLL))? {
                self.read(index, &mut heard)?;
                self.flush(index)?;
                for event in heard.drain(..) {
                    if let Heard::Refused { reason, .. } = &event {
                        return Err(self.ended(index, reason));
                    }
                    found += usize::from(wanted(&event));
                }
            }
            if Instant::now() > deadline {
                let message = format!("only {found} of {count} {what}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
        Ok(())
    }

    /// How many clients there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// The seat of a client.
    pub(crate) fn seat(&self, index: usize) -> Seat {
        self.clients[index].who.seat
    }

    /// Tells the messages of this fleet from those of others on the same store.
    pub(crate) fn salt(&self) -> u32 {
        self.salt
    }

    /// Opens one more link and sends its handshake; [`Heard::Live`] tells when it is logged in.
    pub(crate) fn open(&mut self, seat: Seat) -> io::Result<usize> {
        let index = self.clients.len();
        self.clients.push(Client {
            link: None,
            who: Identity::new(seat, self.salt),
            stage: Stage::Upgrading,
            mask: [0; 4],
        });
        self.reopen(index)?;
        Ok(index)
    }

    /// Opens the link of a client anew; the old one is closed.
    pub(crate) fn reopen(&mut self, index: usize) -> io::Result<()> {
        let client = &mut self.clients[index];
        client.link = None;
        let stream = connect_from(source(index), self.address)?;
        let mut link = Link::new(stream, index as u64, &self.poller)?;
        getrandom::fill(&mut client.mask).map_err(io::Error::other)?;
        client.stage = Stage::Upgrading;
        client.who.generation += 1;
        let host = self.address.to_string();
        handshake::request(
            &mut link.outgoing,
            &host,
            self.dialect.path(),
            self.dialect.subprotocol(),
        );
        link.flush(&self.poller)?;
        client.link = Some(link);
        Ok(())
    }

    /// Waits for something to read, and gives the clients that have it; links that have room again are flushed.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = usize> + use<>> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.poller.wait(timeout, &mut ready)?;
        let mut readable = Vec::with_capacity(ready.len());
        for event in &ready {
            let index = usize::try_from(event.key).expect("keys are indices");
            if event.writable {
                self.flush(index)?;
            }
            if event.readable {
                readable.push(index);
            }
        }
        self.ready = ready;
        Ok(readable.into_iter())
    }

    /// Reads once from a client's link and appends what was heard.
    ///
    /// # Errors
    ///
    /// The end of the link, or a frame that cannot be read.
    pub(crate) fn read(&mut self, index: usize, heard: &mut Vec<Heard>) -> io::Result<()> {
        let client = &mut self.clients[index];
        let Some(link) = &mut client.link else {
            return Ok(());
        };
        if !link.read(&mut self.buffer)? {
            return Err(self.ended(index, "the link ended"));
        }
        let mut consumed = 0;
        if client.stage == Stage::Upgrading {
            let Some(length) =
                handshake::read_answer(self.buffer.filled(), self.dialect.subprotocol())?
            else {
                link.keep(&self.buffer, 0);
                return Ok(());
            };
            consumed = length;
            client.stage = Stage::Greeting;
            self.scratch.clear();
            self.dialect.hello(&client.who, &mut self.scratch);
            link.push(self.dialect.opcode(), Some(client.mask), &self.scratch);
        }
        loop {
            let bytes = &mut self.buffer.filled()[consumed..];
            let Some(parsed) = frame::parse(bytes)? else {
                break;
            };
            consumed += parsed.payload.end;
            let payload = &bytes[parsed.payload];
            match parsed.opcode {
                Opcode::Text | Opcode::Binary => {
                    let before = heard.len();
                    if self.dialect.read(payload, heard).is_none() {
                        let shown = String::from_utf8_lossy(&payload[..payload.len().min(200)])
                            .into_owned();
                        return Err(self.ended(index, &format!("cannot read {shown:?}")));
                    }
                    for event in &heard[before..] {
                        match *event {
                            Heard::Live => client.stage = Stage::Live,
                            Heard::Device(device) => client.who.device = Some(device),
                            Heard::Page(page) => {
                                self.scratch.clear();
                                self.dialect.confirm(page, &mut self.scratch);
                                link.push(self.dialect.opcode(), Some(client.mask), &self.scratch);
                            }
                            _ => {}
                        }
                    }
                }
                Opcode::Ping => link.push(Opcode::Pong, Some(client.mask), payload),
                Opcode::Pong => {}
                Opcode::Close => {
                    let code = payload
                        .first_chunk()
                        .map_or(0, |code| u16::from_be_bytes(*code));
                    let reason =
                        String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    return Err(self.ended(index, &format!("closed with {code} {reason}")));
                }
            }
        }
        link.keep(&self.buffer, consumed);
        Ok(())
    }

    /// Appends a frame to what a client sends with its next flush; `write` makes the payload.
    pub(crate) fn say(
        &mut self,
        index: usize,
        write: impl FnOnce(&Dialect, &Identity, &mut Vec<u8>),
    ) {
        let client = &mut self.clients[index];
        if let Some(link) = &mut client.link {
            self.scratch.clear();
            write(&self.dialect, &client.who, &mut self.scratch);
            link.push(self.dialect.opcode(), Some(client.mask), &self.scratch);
        }
    }

    /// Writes what a client has to send, in one write.
    pub(crate) fn flush(&mut self, index: usize) -> io::Result<()> {
        match &mut self.clients[index].link {
            Some(link) => link.flush(&self.poller),
            None => Ok(()),
        }
    }

    /// Stays connected for a while, and answers pings.
    pub(crate) fn idle(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        let mut heard = Vec::new();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            for index in self.wait(Some(end - now))? {
                self.read(index, &mut heard)?;
                self.flush(index)?;
                heard.clear();
            }
        }
    }

    fn ended(&self, index: usize, what: &str) -> io::Error {
        let client = &self.clients[index];
        let stage = match client.stage {
            Stage::Upgrading => "in the handshake",
            Stage::Greeting => "in the login",
            Stage::Live => "when live",
        };
        io::Error::other(format!(
            "{} {stage}: {what}",
            Seat::name(client.who.seat.user)
        ))
    }
}

/// The address from which a client connects: one address has too few ports for very many.
fn source(index: usize) -> Option<Ipv4Addr> {
    let address = u8::try_from(index / LINKS_PER_ADDRESS).unwrap_or(u8::MAX - 1);
    (address > 0).then(|| Ipv4Addr::new(127, 0, 0, 1 + address))
}

fn connect_from(source: Option<Ipv4Addr>, server: SocketAddr) -> io::Result<TcpStream> {
    use rustix::net::{
        AddressFamily, SocketFlags, SocketType, bind, connect, ipproto, socket_with,
    };
    let Some(source) = source else {
        return TcpStream::connect(server);
    };
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        Some(ipproto::TCP),
    )?;
    bind(&socket, &SocketAddr::new(IpAddr::V4(source), 0))?;
    connect(&socket, &server)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
