//! From the first frame to `welcome`.
//!
//! ```text
//!   hello ──checked──► authenticate ──► admit: standing, device, generation ──► welcome ──► walk
//!     └ anything else: an error, and closed
//! ```

use crate::id::Seq;
use crate::limits::HELLO_MAX_BYTES;
use crate::model::{AuthError, Principal, Since};
use crate::time::Timestamp;
use crate::wire::{
    AckMark, ClientFrame, CloseCode, Code, DecodeError, ErrorFrame, Hello, PROTOCOL_VERSION, Reset,
    Welcome,
};

use super::io::{Admission, Admit, Output, Refusal, Token};
use super::{Phase, Place, Session, Who};

/// The longest key of a registration in characters.
const REGISTER_KEY: std::ops::RangeInclusive<usize> = 8..=64;
/// The longest name of a device in bytes.
const DEVICE_NAME_MAX_BYTES: usize = 64;
/// The most positions of a transient session.
const POSITIONS_MAX: usize = 500;

/// What a `hello` asks to resume from.
#[derive(Debug)]
pub(super) struct Resume {
    hello: Box<Hello>,
}

impl Session {
    pub(super) fn greeted(&mut self, frame: Result<Box<ClientFrame>, DecodeError>, bytes: usize) {
        if bytes > HELLO_MAX_BYTES {
            let mut error = ErrorFrame::new(Code::FrameTooLarge, "the first frame is too large");
            error.limit = Some(HELLO_MAX_BYTES as u64);
            self.send(error);
            return self.end(CloseCode::FrameTooLarge);
        }
        let hello = match frame.map(|frame| *frame) {
            Ok(ClientFrame::Hello(hello)) => hello,
            Ok(_) => return self.close(CloseCode::HelloExpected),
            Err(error) => {
                self.send(ErrorFrame::new(error.code(), error.detail));
                return self.end(CloseCode::HelloExpected);
            }
        };
        if hello.protocol != PROTOCOL_VERSION {
            let mut error = ErrorFrame::new(
                Code::UnsupportedProtocol,
                format!("protocol {} is not spoken here", hello.protocol),
            );
            error.field = Some("protocol".to_owned());
            error.limit = Some(PROTOCOL_VERSION);
            self.send(error);
            return self.end(CloseCode::UnsupportedProtocol);
        }
        if let Some((field, limit)) = fault(&hello) {
            let mut error = ErrorFrame::new(
                Code::BadField,
                format!("`{field}` of `hello` breaks its rule"),
            );
            error.field = Some(field.to_owned());
            error.limit = Some(limit as u64);
            self.send(error);
            return self.end(CloseCode::BadFrame);
        }
        self.phase = Phase::Authenticating;
        self.outputs.push_back(Output::Authenticate {
            token: Token(hello.token.clone()),
        });
        self.pages.resume = Some(Resume {
            hello: Box::new(Hello {
                token: String::new(),
                ..hello
            }),
        });
    }

    pub(super) fn authenticated(&mut self, _now: Timestamp, outcome: Result<Principal, AuthError>) {
        if self.phase != Phase::Authenticating {
            return;
        }
        let principal = match outcome {
            Ok(principal) => principal,
            Err(AuthError::Refused) => return self.close(CloseCode::Unauthorized),
            Err(_) => return self.close(CloseCode::Unavailable),
        };
        let Some(resume) = &self.pages.resume else {
            return self.close(CloseCode::HelloExpected);
        };
        let hello = &resume.hello;
        if principal.device.is_some() && hello.device.is_some() && principal.device != hello.device
        {
            return self.close(CloseCode::Unauthorized);
        }
        self.phase = Phase::Admitting;
        self.outputs.push_back(Output::Admit(Box::new(Admit {
            user: principal.user.clone(),
            device: hello.device,
            register: hello.register.clone(),
            name: hello.device_name.clone(),
            generation: hello.generation,
        })));
        self.who = Some(Box::new(Who {
            user: principal.user,
            device: None,
            generation: hello.generation,
            expires: principal.expires,
        }));
    }

    pub(super) fn admitted(&mut self, now: Timestamp, outcome: Result<Admission, Refusal>) {
        if self.phase != Phase::Admitting {
            return;
        }
        let admission = match outcome {
            Ok(admission) => admission,
            Err(refusal) => return self.refused(refusal),
        };
        let (Some(who), Some(resume)) = (&mut self.who, self.pages.resume.take()) else {
            return self.close(CloseCode::HelloExpected);
        };
        who.device = admission.device;
        who.generation = admission.generation;
        let (user, device, generation) = (who.user.clone(), who.device, who.generation);
        self.phase = Phase::Open;
        self.since_sent = now;
        // Pushes come from here on; only then is the inbox read, so that nothing falls in between.
        self.outputs.push_back(Output::Opened {
            user: user.clone(),
            device,
            generation,
        });
        let config = std::sync::Arc::clone(&self.config);
        self.send(Welcome {
            session: self.id,
            user,
            device,
            epoch: config.epoch,
            durability: config.durability.to_owned(),
            limits: config.limits.clone(),
            heartbeat_ms: config.limits.heartbeat_ms,
            recheck_ms: u64::try_from(config.recheck.as_millis()).unwrap_or(u64::MAX),
            server_time: now,
            capabilities: Vec::new(),
        });
        let hello = *resume.hello;
        let same_epoch = hello.epoch.is_none_or(|epoch| epoch == config.epoch);
        if !same_epoch {
            self.send(Reset {
                epoch: config.epoch,
            });
        }
        if device.is_none() && same_epoch {
            self.take_positions(hello.positions);
        }
        let since = hello.since.filter(|_| same_epoch).map(Since);
        self.begin_walk(since, false);
    }

    fn take_positions(&mut self, positions: Vec<AckMark>) {
        for AckMark { conversation, seq } in positions {
            self.places.insert(
                conversation,
                Place {
                    sent: Some(seq.max(Seq::ZERO)),
                    ..Place::default()
                },
            );
        }
    }

    fn refused(&mut self, refusal: Refusal) {
        let mut error = ErrorFrame::new(refusal.code, refusal.code.advice());
        error.current = refusal.current.map(|generation| generation.get());
        error.devices = refusal.devices;
        self.send(error);
        self.end(match refusal.code {
            Code::GenerationStale => CloseCode::GenerationStale,
            Code::DeviceUnknown => CloseCode::DeviceUnknown,
            Code::DeviceRevoked => CloseCode::DeviceRevoked,
            Code::TooManyDevices => CloseCode::TooManyDevices,
            Code::Banned => CloseCode::Banned,
            Code::Unauthorized => CloseCode::Unauthorized,
            _ => CloseCode::Unavailable,
        });
    }
}

/// The field of a `hello` that breaks its rule, with the limit.
fn fault(hello: &Hello) -> Option<(&'static str, usize)> {
    if hello
        .register
        .as_ref()
        .is_some_and(|key| !REGISTER_KEY.contains(&key.chars().count()))
    {
        return Some(("register", *REGISTER_KEY.end()));
    }
    if hello.device.is_some() && hello.register.is_some() {
        return Some(("register", 0));
    }
    if hello
        .device_name
        .as_ref()
        .is_some_and(|name| name.len() > DEVICE_NAME_MAX_BYTES)
    {
        return Some(("device_name", DEVICE_NAME_MAX_BYTES));
    }
    if hello.positions.len() > POSITIONS_MAX {
        return Some(("positions", POSITIONS_MAX));
    }
    if (hello.device.is_some() || hello.register.is_some()) && hello.generation.get() == 0 {
        return Some(("generation", 1));
    }
    None
}
