//! The relay's one loop.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use super::head::{HEAD, Head, Kind};
use super::journal::{self, Journal};
use crate::link::{Link, ReadBuffer};
use crate::poller::{Interest, Poller, Ready};
use crate::ws::{frame, frame::Opcode, handshake};

const LISTENER: u64 = u64::MAX;
const JOURNAL: u64 = u64::MAX - 1;

/// Users have numbers below this.
const MAX_USERS: u32 = 1_000_000;

/// How a relay is started.
pub(crate) struct Options {
    /// The port on 127.0.0.1; 0 for any.
    pub(crate) port: u16,
    /// So many users in a row are a group.
    pub(crate) group_size: u32,
    /// The folder of the journal, if messages are to be on disk before they are accepted.
    pub(crate) journal: Option<PathBuf>,
}

/// A relay that listens.
pub(crate) struct Relay {
    poller: Poller,
    listener: TcpListener,
    group_size: u32,
    journal: Option<Journal>,
    links: Vec<Option<Guest>>,
    /// Places in `links` that are free again.
    free: Vec<usize>,
    /// Where each user's link is in `links`.
    users: Vec<Option<usize>>,
    /// Links with something to write.
    dirty: Vec<usize>,
}

struct Guest {
    link: Link,
    stage: Stage,
    dirty: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Upgrading,
    Greeting,
    Here(u32),
}

impl Relay {
    /// Binds the port and opens the journal.
    pub(crate) fn bind(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&listener, LISTENER, Interest::Read)?;
        let journal = options
            .journal
            .map(|folder| Journal::open(&folder))
            .transpose()?;
        if let Some(journal) = &journal {
            poller.add(journal.wakes(), JOURNAL, Interest::Read)?;
        }
        Ok(Self {
            poller,
            listener,
            group_size: options.group_size.max(1),
            journal,
            links: Vec::new(),
            free: Vec::new(),
            users: Vec::new(),
            dirty: Vec::new(),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Relays until something is wrong with the machine.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut buffer = ReadBuffer::new();
        let mut ready: Vec<Ready> = Vec::new();
        loop {
            self.poller.wait(None, &mut ready)?;
            for event in ready.drain(..) {
                match event.key {
                    LISTENER => self.accept()?,
                    JOURNAL => self.release()?,
                    key => self.serve(
                        usize::try_from(key).expect("keys are indices"),
                        event,
                        &mut buffer,
                    ),
                }
            }
            if let Some(journal) = &mut self.journal {
                journal.start_sync()?;
            }
            self.flush();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let index = self.free.pop().unwrap_or_else(|| {
                        self.links.push(None);
                        self.links.len() - 1
                    });
                    let link = Link::new(stream, index as u64, &self.poller)?;
                    self.links[index] = Some(Guest {
                        link,
                        stage: Stage::Upgrading,
                        dirty: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn serve(&mut self, index: usize, event: Ready, buffer: &mut ReadBuffer) {
        if event.writable {
            self.mark(index);
        }
        if event.readable && self.read(index, buffer).is_err() {
            self.drop_link(index);
        }
    }

    /// Takes one read's worth of frames from a link; an error ends the link.
    fn read(&mut self, index: usize, buffer: &mut ReadBuffer) -> io::Result<()> {
        let Some(guest) = &mut self.links[index] else {
            return Ok(());
        };
        if !guest.link.read(buffer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut consumed = 0;
        if let Stage::Upgrading = guest.stage {
            match handshake::answer(buffer.filled(), &mut guest.link.outgoing)? {
                Some(length) => {
                    consumed = length;
                    guest.stage = Stage::Greeting;
                    self.mark(index);
                }
                None => {
                    guest.link.keep(buffer, 0);
                    return Ok(());
                }
            }
        }
        loop {
            let bytes = &mut buffer.filled()[consumed..];
            let Some(parsed) = frame::parse(bytes)? else {
                break;
            };
            consumed += parsed.payload.end;
            let payload = &bytes[parsed.payload];
            match parsed.opcode {
                Opcode::Binary => self.handle(index, payload)?,
                Opcode::Ping => self.push(index, Opcode::Pong, payload, &[]),
                Opcode::Pong => {}
                Opcode::Close | Opcode::Text => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        if let Some(guest) = &mut self.links[index] {
            guest.link.keep(buffer, consumed);
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, payload: &[u8]) -> io::Result<()> {
        let head = Head::parse(payload).ok_or(io::ErrorKind::InvalidData)?;
        let stage = self.links[index]
            .as_ref()
            .map_or(Stage::Upgrading, |guest| guest.stage);
        match (stage, head.kind) {
            (Stage::Greeting, Kind::Hello) => self.greet(index, head.user),
            (Stage::Here(user), Kind::Send) => {
                let push = Head {
                    kind: Kind::Push,
                    user,
                    number: head.number,
                };
                let body = &payload[HEAD..];
                match &mut self.journal {
                    Some(journal) => journal.append(&push.bytes(), body),
                    None => self.deliver(push, body),
                }
                Ok(())
            }
            (Stage::Here(user), Kind::Received) => {
                // In larger groups nobody is told: a receipt for each member and message would be all that is measured.
                if self.group_size == 2
                    && let Some(author) = self.link_of(head.user)
                {
                    let receipt = Head {
                        kind: Kind::Receipt,
                        user,
                        number: head.number,
                    };
                    self.push(author, Opcode::Binary, &receipt.bytes(), &[]);
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn greet(&mut self, index: usize, user: u32) -> io::Result<()> {
        if user >= MAX_USERS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let slot = user as usize;
        if self.users.len() <= slot {
            self.users.resize(slot + 1, None);
        }
        self.users[slot] = Some(index);
        if let Some(guest) = &mut self.links[index] {
            guest.stage = Stage::Here(user);
        }
        self.push(
            index,
            Opcode::Binary,
            &Head {
                kind: Kind::Welcome,
                user,
                number: 0,
            }
            .bytes(),
            &[],
        );
        Ok(())
    }

    /// Tells the author, and gives the message to the others of the group.
    fn deliver(&mut self, push: Head, body: &[u8]) {
        if let Some(author) = self.link_of(push.user) {
            self.push(
                author,
                Opcode::Binary,
                &Head {
                    kind: Kind::Accepted,
                    ..push
                }
                .bytes(),
                &[],
            );
        }
        let first = push.user - push.user % self.group_size;
        let head = push.bytes();
        for member in first..first + self.group_size {
            if member != push.user
                && let Some(index) = self.link_of(member)
            {
                self.push(index, Opcode::Binary, &head, body);
            }
        }
    }

    /// Delivers what became durable.
    fn release(&mut self) -> io::Result<()> {
        let Some(journal) = &mut self.journal else {
            return Ok(());
        };
        if let Some(group) = journal.durable()? {
            for record in journal::records(&group) {
                let head = Head::parse(record).expect("the journal gives back what was appended");
                self.deliver(head, &record[HEAD..]);
            }
            if let Some(journal) = &mut self.journal {
                journal.recycle(group);
            }
        }
        Ok(())
    }

    fn link_of(&self, user: u32) -> Option<usize> {
        self.users.get(user as usize).copied().flatten()
    }

    fn push(&mut self, index: usize, opcode: Opcode, head: &[u8], body: &[u8]) {
        if let Some(guest) = &mut self.links[index] {
            frame::append_parts(&mut guest.link.outgoing, opcode, None, head, body);
            self.mark(index);
        }
    }

    fn mark(&mut self, index: usize) {
        if let Some(guest) = &mut self.links[index]
            && !guest.dirty
        {
            guest.dirty = true;
            self.dirty.push(index);
        }
    }

    fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            if let Some(guest) = &mut self.links[index] {
                guest.dirty = false;
                if guest.link.flush(&self.poller).is_err() {
                    self.drop_link(index);
                }
            }
        }
        self.dirty = dirty;
    }

    fn drop_link(&mut self, index: usize) {
        let Some(guest) = self.links[index].take() else {
            return;
        };
        self.free.push(index);
        if let Stage::Here(user) = guest.stage
            && let Some(slot) = self.users.get_mut(user as usize)
            && *slot == Some(index)
        {
            *slot = None;
        }
    }
}
