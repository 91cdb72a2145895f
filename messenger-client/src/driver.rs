//! The client's task: it owns the link, the clock and the storage, and carries out what the replica decides.
//!
//! ```text
//!   preparing ──hello is durable──► dialling ──► up ──► waiting ──backoff──► preparing
//!                                      └── cannot ──────►┘
//! ```

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use messenger_core::client::{Backoff, Event, ReplicaOutput};
use messenger_core::wire::{
    ClientFrame, CloseCode, Code, Codec, ErrorFrame, Hello, Logout, Ping, ServerFrame,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::address::Address;
use crate::error::Error;
use crate::link::{Incoming, Link};
use crate::shared::{Goodbye, Shared, now, random, register_key};
use crate::status::Status;
use crate::storage::Kept;

/// While a program has this many events to take, nothing more is read from the link.
const EVENTS_MAX: usize = 1_024;
/// Before `welcome` names an interval, a link that says nothing for this long is dead.
const HELLO_PATIENCE: Duration = Duration::from_secs(15);
/// How long a goodbye may take.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);

/// What a driver needs of the configuration.
pub(crate) struct Plan {
    pub(crate) address: Address,
    pub(crate) token: String,
    pub(crate) device_name: Option<String>,
    pub(crate) codec: Codec,
}

/// The client's task.
pub(crate) struct Driver {
    plan: Plan,
    shared: Arc<Shared>,
    kept: mpsc::UnboundedReceiver<Kept>,
    events: mpsc::Sender<Event>,
    untold: VecDeque<Event>,
    phase: Phase,
    attempt: u32,
    /// What the server said before it closes the link.
    last_error: Option<Box<ErrorFrame>>,
    /// When the server wants this client back.
    goaway: Option<Duration>,
}

type Dial = Pin<Box<dyn Future<Output = Result<Link, Error>> + Send>>;

enum Phase {
    Preparing,
    Dialling(Dial, Box<Hello>),
    Up(Up),
    Waiting(Instant),
    Stopped,
}

/// A link that is up, and its heartbeat.
struct Up {
    link: Link,
    heartbeat: Duration,
    heard: Instant,
    ping: Instant,
    /// The server has said `welcome`: before that it takes nothing but `hello`.
    welcome: bool,
    /// A goodbye was said: the link ends then at the latest.
    ends: Option<Instant>,
}

/// Why a link ended.
enum End {
    Retry(Error),
    Stop(Error),
}

impl Driver {
    pub(crate) fn new(
        plan: Plan,
        shared: Arc<Shared>,
        kept: mpsc::UnboundedReceiver<Kept>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            plan,
            shared,
            kept,
            events,
            untold: VecDeque::new(),
            phase: Phase::Preparing,
            attempt: 0,
            last_error: None,
            goaway: None,
        }
    }

    /// Runs until the client is stopped, by its program or by the server.
    pub(crate) async fn run(mut self) {
        self.prepare();
        loop {
            self.carry_out();
            if matches!(self.phase, Phase::Stopped) {
                break;
            }
            self.step().await;
        }
        while let Some(event) = self.untold.pop_front() {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
    }

    /// Waits for one thing to happen, and takes it in.
    async fn step(&mut self) {
        let shared = Arc::clone(&self.shared);
        let tick = shared.lock().replica.next_tick();
        let tick = tick.map(|at| Instant::now() + at.since(now()));
        let may_read = self.untold.len() < EVENTS_MAX;
        let events = self.events.clone();
        tokio::select! {
            kept = self.kept.recv() => self.stored(kept),
            permit = events.reserve(), if !self.untold.is_empty() => {
                match (permit, self.untold.pop_front()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    // A program that does not listen to events is not told.
                    _ => self.untold.clear(),
                }
            }
            happened = happen(&mut self.phase, may_read) => self.happened(happened),
            () = until(tick) => shared.lock().replica.tick(now()),
            () = shared.wake.notified() => {}
        }
    }

    /// Begins the next connection.
    fn prepare(&mut self) {
        self.last_error = None;
        self.phase = Phase::Preparing;
        self.shared.set_status(Status::Connecting);
        self.shared.lock().replica.begin();
    }

    /// Carries out what the replica and the program want.
    fn carry_out(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        while let Some(output) = state.replica.poll() {
            match output {
                ReplicaOutput::Store { ticket, changes } => shared.keeper.apply(ticket, changes),
                ReplicaOutput::Load {
                    conversation,
                    above,
                } => shared.keeper.load(conversation, above),
                ReplicaOutput::Hello(hello) => self.dial(hello),
                ReplicaOutput::Transmit(frame) => self.transmit(&frame),
                ReplicaOutput::Event(event) => {
                    if let Event::Outgoing {
                        cmid,
                        state: sending,
                        ..
                    } = &event
                    {
                        state.outgoing(*cmid, sending);
                    }
                    if let Event::Renamed { old, new, .. } = &event
                        && let Some(waiting) = state.sending.remove(old)
                    {
                        state.sending.insert(*new, waiting);
                    }
                    match event {
                        Event::CaughtUp => shared.set_status(Status::Live),
                        Event::Lag => shared.set_status(Status::CatchingUp),
                        _ => {}
                    }
                    self.untold.push_back(event);
                }
                _ => {}
            }
        }
        let frames = std::mem::take(&mut state.frames);
        let goodbye = state.goodbye.take();
        drop(state);
        for frame in &frames {
            self.transmit(frame);
        }
        if let Some(goodbye) = goodbye {
            self.say_goodbye(goodbye);
        }
    }

    fn dial(&mut self, mut hello: Box<Hello>) {
        hello.token.clone_from(&self.plan.token);
        if hello.register.is_some() {
            hello.device_name.clone_from(&self.plan.device_name);
        }
        let dial = Link::dial(self.plan.address.clone(), self.plan.codec);
        self.phase = Phase::Dialling(Box::pin(dial), hello);
    }

    fn transmit(&self, frame: &ClientFrame) {
        if let Phase::Up(up) = &self.phase
            && up.welcome
        {
            up.link.send(frame);
        }
    }

    fn say_goodbye(&mut self, goodbye: Goodbye) {
        let Phase::Up(up) = &mut self.phase else {
            return self.stop(Error::Stopped);
        };
        if let Goodbye::Logout { forget } = goodbye {
            up.link.send(&ClientFrame::Logout(Logout { forget }));
        } else {
            up.link.close();
        }
        up.ends = Some(Instant::now() + GOODBYE_PATIENCE);
    }

    fn stored(&mut self, kept: Option<Kept>) {
        let mut state = self.shared.lock();
        match kept {
            Some(Kept::Stored(ticket)) => state.replica.stored(now(), ticket),
            Some(Kept::Loaded(conversation, entries)) => {
                state.replica.loaded(now(), &conversation, &entries);
            }
            Some(Kept::Failed(error)) => {
                drop(state);
                self.stop(error.into());
            }
            None => {
                drop(state);
                self.stop(crate::storage::StorageError::Closed.into());
            }
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Dialled(Ok(link)) => self.greet(link),
            Happened::Dialled(Err(error)) => self.end(End::Retry(error)),
            Happened::Incoming(Incoming::Frame(frame)) => self.frame(&frame),
            Happened::Incoming(Incoming::Alive) => {}
            Happened::Incoming(Incoming::Closed { code, reason }) => self.closed(code, reason),
            Happened::PingDue => self.ping(),
            Happened::Silent => {
                let error = Error::Unreachable("the server went silent".into());
                self.end(End::Retry(error));
            }
            Happened::GoodbyeOver => self.stop(Error::Stopped),
            Happened::Waited => self.prepare(),
        }
    }

    fn greet(&mut self, link: Link) {
        let before = std::mem::replace(&mut self.phase, Phase::Preparing);
        let Phase::Dialling(_, hello) = before else {
            return;
        };
        link.send(&ClientFrame::Hello(*hello));
        let now = Instant::now();
        self.phase = Phase::Up(Up {
            link,
            heartbeat: HELLO_PATIENCE / 2,
            heard: now,
            ping: now + HELLO_PATIENCE,
            welcome: false,
            ends: None,
        });
    }

    fn frame(&mut self, frame: &ServerFrame) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if let Err(error) = state.replica.frame(now(), frame) {
            drop(state);
            return self.end(End::Stop(error.into()));
        }
        let re = match frame {
            ServerFrame::Conversation(frame) => frame.re,
            ServerFrame::Entries(frame) => frame.re,
            ServerFrame::Marks(frame) => frame.re,
            ServerFrame::Settings(frame) => frame.re,
            ServerFrame::Members(frame) => frame.re,
            ServerFrame::Reactions(frame) => frame.re,
            ServerFrame::Pong(frame) => frame.re,
            ServerFrame::Error(error) => {
                state.answer(error.re, Err(refused(error)));
                if error.re.is_none() {
                    self.last_error = Some(Box::new(error.clone()));
                }
                None
            }
            ServerFrame::Welcome(welcome) => {
                state.welcome = Some(welcome.clone());
                let again = state.subscription.clone();
                state.frames.extend(again.map(ClientFrame::Subscribe));
                self.attempt = 0;
                shared.set_status(Status::CatchingUp);
                if let Phase::Up(up) = &mut self.phase {
                    up.welcome = true;
                    up.heartbeat = Duration::from_millis(welcome.heartbeat_ms.max(100));
                    up.ping = Instant::now() + jittered(up.heartbeat);
                }
                None
            }
            ServerFrame::Goaway(goaway) => {
                self.goaway = Some(Duration::from_millis(goaway.retry_after_ms));
                None
            }
            _ => None,
        };
        if re.is_some() {
            state.answer(re, Ok(frame.clone()));
        }
    }

    fn ping(&mut self) {
        if let Phase::Up(up) = &mut self.phase {
            up.link.send(&ClientFrame::Ping(Ping::default()));
            up.ping = Instant::now() + jittered(up.heartbeat);
        }
    }

    /// The server closed the link: its codes say whether to come back.
    fn closed(&mut self, code: Option<CloseCode>, reason: String) {
        let said = self.last_error.take();
        let error = match (&said, code) {
            (Some(error), _) => refused(error),
            (None, Some(code)) => Error::refused(code.code(), code.code().advice()),
            (None, None) => Error::Unreachable(reason),
        };
        let leaving = matches!(&self.phase, Phase::Up(up) if up.ends.is_some());
        if leaving {
            return self.stop(Error::Stopped);
        }
        match error.code() {
            Some(Code::DeviceUnknown) => {
                self.shared.lock().replica.device_unknown(&register_key());
            }
            Some(Code::GenerationStale) => {
                let current = said.and_then(|error| error.current).unwrap_or(0);
                self.shared.lock().replica.generation_stale(current);
            }
            _ => {}
        }
        let reconnects = code.is_none_or(CloseCode::reconnects);
        self.end(match reconnects {
            true => End::Retry(error),
            false => End::Stop(error),
        });
    }

    fn end(&mut self, end: End) {
        let error = match end {
            End::Stop(error) => return self.stop(error),
            End::Retry(error) => error,
        };
        self.lost();
        let wait = match self.goaway.take() {
            Some(wait) => wait,
            None => Backoff::CONNECTING.full_jitter(self.attempt, u32::from_le_bytes(random())),
        };
        self.attempt += 1;
        self.phase = Phase::Waiting(Instant::now() + wait);
        self.shared.set_status(Status::Waiting {
            retry_after: wait,
            reason: error,
        });
    }

    fn stop(&mut self, error: Error) {
        self.lost();
        self.phase = Phase::Stopped;
        self.carry_out();
        self.phase = Phase::Stopped;
        let mut state = self.shared.lock();
        for waiting in std::mem::take(&mut state.sending).into_values().flatten() {
            let _ = waiting.send(Err(error.clone()));
        }
        drop(state);
        self.shared.set_status(Status::Stopped(error));
    }

    fn lost(&mut self) {
        let mut state = self.shared.lock();
        state.replica.disconnected(now());
        state.link_lost();
    }
}

/// What happened to the link.
enum Happened {
    Dialled(Result<Link, Error>),
    Incoming(Incoming),
    PingDue,
    Silent,
    GoodbyeOver,
    Waited,
}

/// Waits for what the present phase waits for.
async fn happen(phase: &mut Phase, may_read: bool) -> Happened {
    match phase {
        Phase::Preparing | Phase::Stopped => std::future::pending().await,
        Phase::Dialling(dial, _) => Happened::Dialled(dial.await),
        Phase::Waiting(until) => {
            sleep_until(*until).await;
            Happened::Waited
        }
        Phase::Up(up) => {
            // While this client itself does not read, silence says nothing (RES-5).
            let dead = may_read.then(|| up.heard + 2 * up.heartbeat);
            tokio::select! {
                incoming = up.link.next(), if may_read => {
                    up.heard = Instant::now();
                    Happened::Incoming(incoming)
                }
                () = sleep_until(up.ping) => Happened::PingDue,
                () = until(dead) => Happened::Silent,
                () = until(up.ends) => Happened::GoodbyeOver,
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// From 80 to 100 percent of an interval, so that the pings of many clients do not come together.
fn jittered(interval: Duration) -> Duration {
    let part = u32::from(random::<1>()[0]);
    interval * 4 / 5 + interval / 5 * part / 255
}

fn refused(error: &ErrorFrame) -> Error {
    Error::Refused {
        code: error.code,
        message: error.message.clone(),
        devices: error.devices.clone(),
    }
}
