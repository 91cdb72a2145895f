//! One non-blocking socket with frames going in and out, and no buffer while it is idle.
//!
//! ```text
//!   socket ──read──► the thread's shared buffer ──► frames ──► caller          what is left of a half frame stays here
//!   socket ◄──one write a round── outgoing ◄── frames ◄── caller
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::poller::{Interest, Poller};
use crate::ws::frame::{self, Mask, Opcode};

/// Bytes taken from a socket in one read.
const READ_SIZE: usize = 256 * 1024;

/// An outgoing buffer above this is given back when it is empty.
const KEPT_CAPACITY: usize = 64 * 1024;

/// The buffer into which all links of a thread read.
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    end: usize,
}

impl ReadBuffer {
    /// A buffer for one thread.
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; READ_SIZE + frame::MAX_FRAME],
            end: 0,
        }
    }

    /// What came in and was not consumed.
    pub(crate) fn filled(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.end]
    }
}

/// A socket, what it has to write, and what it has read of the next frame.
pub(crate) struct Link {
    stream: TcpStream,
    key: u64,
    partial: Vec<u8>,
    /// Bytes to write; append, then [`Link::flush`].
    pub(crate) outgoing: Vec<u8>,
    written: usize,
    waits_for_room: bool,
}

impl Link {
    /// Takes a connected socket and watches it under `key`.
    pub(crate) fn new(stream: TcpStream, key: u64, poller: &Poller) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        poller.add(&stream, key, Interest::Read)?;
        Ok(Self {
            stream,
            key,
            partial: Vec::new(),
            outgoing: Vec::new(),
            written: 0,
            waits_for_room: false,
        })
    }

    /// Reads once into `buffer`, behind what the last read left; `false` at the end of the stream.
    ///
    /// One read is enough: the poller is level-triggered and comes again.
    pub(crate) fn read(&mut self, buffer: &mut ReadBuffer) -> io::Result<bool> {
        let kept = self.partial.len();
        buffer.bytes[..kept].copy_from_slice(&self.partial);
        buffer.end = kept;
        match self.stream.read(&mut buffer.bytes[kept..kept + READ_SIZE]) {
            Ok(0) => Ok(false),
            Ok(count) => {
                buffer.end += count;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(true)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps what of `buffer` was not consumed: the bytes from `consumed` on.
    pub(crate) fn keep(&mut self, buffer: &ReadBuffer, consumed: usize) {
        self.partial.clear();
        self.partial
            .extend_from_slice(&buffer.bytes[consumed..buffer.end]);
    }

    /// Appends a frame to what goes out with the next flush.
    pub(crate) fn push(&mut self, opcode: Opcode, mask: Mask, payload: &[u8]) {
        frame::append(&mut self.outgoing, opcode, mask, payload);
    }

    /// Writes all that is outgoing, in one write if the socket has room.
    pub(crate) fn flush(&mut self, poller: &Poller) -> io::Result<()> {
        while self.written < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return self.wait_for_room(poller, true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.written = 0;
        self.outgoing.clear();
        if self.outgoing.capacity() > KEPT_CAPACITY {
            self.outgoing = Vec::new();
        }
        self.wait_for_room(poller, false)
    }

    fn wait_for_room(&mut self, poller: &Poller, wait: bool) -> io::Result<()> {
        if self.waits_for_room != wait {
            self.waits_for_room = wait;
            poller.change(
                &self.stream,
                self.key,
                if wait {
                    Interest::ReadWrite
                } else {
                    Interest::Read
                },
            )?;
        }
        Ok(())
    }
}
