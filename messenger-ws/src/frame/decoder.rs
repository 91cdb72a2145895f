//! The reading half of the framing.
//!
//! ```text
//!   Between ──header of data──► Within{received} ──last byte──► Between
//!      │                           │
//!      │ a whole frame in the      │ gathered: grows with what came,
//!      ▼ input: lent from it       ▼ never with what was announced
//!    event                       event, with the last byte of the last frame
//! ```
//!
//! A header or a control frame that the input cuts is left unconsumed: the caller presents it again with more behind it.

use super::close::CloseFrame;
use super::header::{Header, OpCode, unmask};
use super::utf8::{NotUtf8, Utf8Check};

/// What a decoder found; it borrows from the input or from the decoder.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong of the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The other side closes.
    Close(Option<CloseFrame>),
}

/// How the other side broke the framing; the connection must be failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The bytes are not WebSocket frames of a client.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text message, or the reason of a close frame, is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A message is longer than the limit.
    #[error("message is longer than {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
}

impl From<NotUtf8> for Violation {
    fn from(NotUtf8: NotUtf8) -> Self {
        Self::NotUtf8
    }
}

/// Turns the bytes of a client into messages; see the module's picture.
#[derive(Debug)]
pub struct Decoder {
    max_message_bytes: usize,
    /// The data frame of which the payload has begun to arrive.
    within: Option<Within>,
    /// The message that arrives in several parts, and its bytes so far.
    message: Option<Kind>,
    gathered: Vec<u8>,
}

/// One step of a [`Decoder`].
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// What was found; `None` if the input ends before anything is whole.
    pub event: Option<Event<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Within {
    header: Header,
    received: u64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text(Utf8Check),
    Binary,
}

impl Decoder {
    /// Makes a decoder that refuses messages longer than `max_message_bytes`.
    #[must_use]
    pub fn new(max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            within: None,
            message: None,
            gathered: Vec::new(),
        }
    }

    /// Sets another limit; it holds from the next frame on.
    pub fn set_max_message_bytes(&mut self, max_message_bytes: usize) {
        self.max_message_bytes = max_message_bytes;
    }

    /// Takes the next event out of `input`, which it unmasks in place.
    ///
    /// Call it again with the bytes after `consumed` until it finds no event; what is unconsumed then (less than 140
    /// bytes) goes in front of the bytes that arrive next.
    ///
    /// # Errors
    ///
    /// A [`Violation`] if the bytes are not what RFC 6455 lets a client send; the connection cannot go on after it.
    pub fn decode<'a>(&'a mut self, input: &'a mut [u8]) -> Result<Decoded<'a>, Violation> {
        if self.message.is_none() {
            // What was gathered was lent with the last event; a long message leaves nothing allocated behind.
            self.gathered = Vec::new();
        }
        let mut consumed = 0;
        loop {
            if let Some(within) = self.within {
                let (part_len, frame_done) = self.gather(within, &mut input[consumed..])?;
                consumed += part_len;
                if !frame_done {
                    return Ok(Decoded {
                        consumed,
                        event: None,
                    });
                }
                if within.header.fin {
                    return Ok(Decoded {
                        consumed,
                        event: Some(self.finish_gathered()?),
                    });
                }
                continue;
            }
            let Some((header, header_len)) = Header::parse(&input[consumed..])? else {
                return Ok(Decoded {
                    consumed,
                    event: None,
                });
            };
            let start = consumed + header_len;
            let whole = usize::try_from(header.payload_len)
                .ok()
                .and_then(|length| start.checked_add(length))
                .filter(|&end| end <= input.len());
            if header.opcode.is_control() {
                let Some(end) = whole else {
                    return Ok(Decoded {
                        consumed,
                        event: None,
                    });
                };
                let payload = &mut input[start..end];
                unmask(payload, header.mask, 0);
                return Ok(Decoded {
                    consumed: end,
                    event: Some(control_event(header.opcode, payload)?),
                });
            }
            let kind = self.begin(header)?;
            if let (Some(end), true, None) = (whole, header.fin, self.message) {
                let payload = &mut input[start..end];
                unmask(payload, header.mask, 0);
                return Ok(Decoded {
                    consumed: end,
                    event: Some(message_event(kind, payload)?),
                });
            }
            self.message = Some(kind);
            self.within = Some(Within {
                header,
                received: 0,
            });
            consumed = start;
        }
    }

    /// Judges the header of a data frame against what came before it.
    fn begin(&self, header: Header) -> Result<Kind, Violation> {
        let kind = match (header.opcode, self.message) {
            (OpCode::Continuation, Some(kind)) => kind,
            (OpCode::Continuation, None) => {
                return Err(Violation::Protocol("continuation of nothing"));
            }
            (_, Some(_)) => return Err(Violation::Protocol("new message within a fragmented one")),
            (OpCode::Text, None) => Kind::Text(Utf8Check::default()),
            (_, None) => Kind::Binary,
        };
        let room =
            (self.max_message_bytes - self.gathered.len().min(self.max_message_bytes)) as u64;
        if header.payload_len > room {
            return Err(Violation::TooBig {
                limit: self.max_message_bytes,
            });
        }
        Ok(kind)
    }

    /// Takes the next part of a payload; answers its length and whether the frame is done.
    fn gather(&mut self, within: Within, input: &mut [u8]) -> Result<(usize, bool), Violation> {
        let missing = within.header.payload_len - within.received;
        let part_len = usize::try_from(missing)
            .unwrap_or(usize::MAX)
            .min(input.len());
        let part = &mut input[..part_len];
        unmask(part, within.header.mask, within.received);
        if let Some(Kind::Text(check)) = &mut self.message {
            check.push(part)?;
        }
        self.gathered.extend_from_slice(part);
        let received = within.received + part_len as u64;
        let frame_done = received == within.header.payload_len;
        self.within = (!frame_done).then_some(Within { received, ..within });
        Ok((part_len, frame_done))
    }

    fn finish_gathered(&mut self) -> Result<Event<'_>, Violation> {
        match self.message.take() {
            Some(Kind::Text(check)) => {
                check.finish()?;
                message_event(Kind::Text(check), &self.gathered)
            }
            Some(Kind::Binary) | None => message_event(Kind::Binary, &self.gathered),
        }
    }
}

fn message_event(kind: Kind, payload: &[u8]) -> Result<Event<'_>, Violation> {
    match kind {
        Kind::Text(_) => std::str::from_utf8(payload)
            .map(Event::Text)
            .map_err(|_| Violation::NotUtf8),
        Kind::Binary => Ok(Event::Binary(payload)),
    }
}

fn control_event(opcode: OpCode, payload: &[u8]) -> Result<Event<'_>, Violation> {
    match opcode {
        OpCode::Ping => Ok(Event::Ping(payload)),
        OpCode::Pong => Ok(Event::Pong(payload)),
        OpCode::Close => CloseFrame::parse(payload).map(Event::Close),
        OpCode::Continuation | OpCode::Text | OpCode::Binary => {
            Err(Violation::Protocol("not a control frame"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An event that owns what it carries.
    #[derive(Debug, PartialEq, Eq, Clone)]
    enum Owned {
        Text(String),
        Binary(Vec<u8>),
        Ping(Vec<u8>),
        Pong(Vec<u8>),
        Close(Option<CloseFrame>),
    }

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; 4] = [0xA1, 0x0B, 0x5C, 0xF3];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | length as u8),
            length @ 126..=65_535 => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&MASK);
        bytes.extend(
            payload
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ MASK[i % 4]),
        );
        bytes
    }

    /// Feeds `bytes` in parts of `part_len`, as a socket would deliver them.
    fn decode(
        decoder: &mut Decoder,
        bytes: &[u8],
        part_len: usize,
    ) -> Result<Vec<Owned>, Violation> {
        let mut events = Vec::new();
        let mut held = Vec::new();
        for part in bytes.chunks(part_len.max(1)) {
            held.extend_from_slice(part);
            let mut from = 0;
            loop {
                let decoded = decoder.decode(&mut held[from..])?;
                from += decoded.consumed;
                match decoded.event {
                    Some(Event::Text(text)) => events.push(Owned::Text(text.to_owned())),
                    Some(Event::Binary(bytes)) => events.push(Owned::Binary(bytes.to_vec())),
                    Some(Event::Ping(bytes)) => events.push(Owned::Ping(bytes.to_vec())),
                    Some(Event::Pong(bytes)) => events.push(Owned::Pong(bytes.to_vec())),
                    Some(Event::Close(close)) => events.push(Owned::Close(close)),
                    None => break,
                }
            }
            held.drain(..from);
            assert!(held.len() < 140, "{} bytes are held back", held.len());
        }
        Ok(events)
    }

    fn decode_all(bytes: &[u8]) -> Result<Vec<Owned>, Violation> {
        decode(&mut Decoder::new(1 << 20), bytes, usize::MAX)
    }

    #[test]
    fn a_control_frame_may_stand_within_a_fragmented_message() {
        let bytes = [
            frame(0x01, b"he"),
            frame(0x89, b"?"),
            frame(0x00, b"ll"),
            frame(0x80, b"o"),
        ]
        .concat();
        for part_len in 1..bytes.len() {
            let events = decode(&mut Decoder::new(5), &bytes, part_len);
            assert_eq!(
                events,
                Ok(vec![
                    Owned::Ping(b"?".to_vec()),
                    Owned::Text("hello".into())
                ]),
                "parts of {part_len}"
            );
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_before_it_arrives() {
        let mut decoder = Decoder::new(10);
        assert_eq!(
            decode(&mut decoder, &frame(0x82, &[0; 11])[..6], 6),
            Err(Violation::TooBig { limit: 10 })
        );

        let mut decoder = Decoder::new(10);
        let in_two = [frame(0x02, &[0; 6]), frame(0x80, &[0; 5])].concat();
        assert_eq!(
            decode(&mut decoder, &in_two, 1000),
            Err(Violation::TooBig { limit: 10 })
        );

        let mut decoder = Decoder::new(10);
        let announced = [
            0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0,
        ];
        assert_eq!(
            decode(&mut decoder, &announced, 1000),
            Err(Violation::TooBig { limit: 10 })
        );
        assert_eq!(decoder.gathered.capacity(), 0);
    }

    #[test]
    fn a_raised_limit_holds_from_the_next_frame_on() {
        let mut decoder = Decoder::new(1);
        decoder.set_max_message_bytes(3);
        assert_eq!(
            decode(&mut decoder, &frame(0x82, &[1, 2, 3]), 100),
            Ok(vec![Owned::Binary(vec![1, 2, 3])])
        );
    }

    #[test]
    fn bad_text_is_refused_in_the_middle_of_its_frame() {
        let bytes = frame(
            0x81,
            &[b"fine ".as_slice(), &[0xFF], &[b'x'; 1000]].concat(),
        );
        assert_eq!(
            decode(&mut Decoder::new(2000), &bytes[..20], 1),
            Err(Violation::NotUtf8)
        );
    }

    #[test]
    fn what_breaks_the_framing_is_named() {
        for (bytes, what) in [
            (frame(0x80, b"x"), "continuation of nothing"),
            (
                [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
                "new message within a fragmented one",
            ),
            (frame(0x88, b"x"), "close frame of one byte"),
            (
                frame(0x88, &999u16.to_be_bytes()),
                "close code that must not be sent",
            ),
            (
                frame(0x88, &1006u16.to_be_bytes()),
                "close code that must not be sent",
            ),
        ] {
            assert_eq!(decode_all(&bytes), Err(Violation::Protocol(what)));
        }
        assert_eq!(
            decode_all(&frame(0x88, &[0x03, 0xE8, 0xFF])),
            Err(Violation::NotUtf8)
        );
    }

    #[test]
    fn a_long_message_leaves_nothing_allocated() {
        let mut decoder = Decoder::new(100_000);
        let long = frame(0x82, &[9; 70_000]);
        let events =
            decode(&mut decoder, &[long, frame(0x8A, b"")].concat(), 1000).expect("both are valid");
        assert_eq!(
            events,
            [Owned::Binary(vec![9; 70_000]), Owned::Pong(vec![])]
        );
        assert_eq!(decoder.gathered.capacity(), 0);
    }

    proptest! {
        #[test]
        fn any_cut_of_the_stream_gives_the_same_messages(
            messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<char>(), 0..80), 0usize..4), 0..6),
            part_len in 1usize..300,
        ) {
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for (text, chars, cuts) in messages {
                let payload: String = chars.into_iter().collect();
                let opcode = if text { 0x01 } else { 0x02 };
                let length = payload.len().div_ceil(cuts + 1).max(1);
                let parts: Vec<&[u8]> = if payload.is_empty() { vec![&[]] } else { payload.as_bytes().chunks(length).collect() };
                for (i, part) in parts.iter().enumerate() {
                    let fin = if i + 1 == parts.len() { 0x80 } else { 0 };
                    bytes.extend(frame(fin | if i == 0 { opcode } else { 0 }, part));
                }
                expected.push(if text { Owned::Text(payload) } else { Owned::Binary(payload.into_bytes()) });
            }
            prop_assert_eq!(decode(&mut Decoder::new(1 << 20), &bytes, part_len), Ok(expected));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), part_len in 1usize..50) {
            let _ = decode(&mut Decoder::new(1000), &bytes, part_len);
        }
    }
}
