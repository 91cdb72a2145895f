//! The screen: draws after everything that happens, and gives the terminal back however it ends.

use std::io::stdout;
use std::time::{Duration, Instant};

use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event as TerminalEvent, poll, read,
};
use crossterm::execute;
use messenger_client::Status;
use tokio::sync::mpsc;

use crate::app::App;
use crate::session::Session;
use crate::{keys, view};

/// How often what fades is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long the thread that reads keys waits before it looks whether anybody still listens.
const KEYS_POLL: Duration = Duration::from_millis(200);

/// Chats on the whole screen until the person leaves.
pub(crate) async fn run(mut session: Session) -> Result<(), String> {
    let mut terminal = ratatui::try_init().map_err(|error| format!("no screen: {error}"))?;
    let _ = execute!(stdout(), EnableBracketedPaste);
    let outcome = chat(&mut terminal, &mut session).await;
    let _ = execute!(stdout(), DisableBracketedPaste);
    ratatui::restore();
    session.client.close().await;
    outcome
}

async fn chat(
    terminal: &mut ratatui::DefaultTerminal,
    session: &mut Session,
) -> Result<(), String> {
    let (later, mut laters) = mpsc::unbounded_channel();
    let mut pressed = keyboard();
    let mut status = session.client.status();
    let mut app = App::new(session, later);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let mut seen = view::Seen::default();
        terminal
            .draw(|frame| seen = view::draw(frame, &app))
            .map_err(|error| format!("cannot draw: {error}"))?;
        tokio::select! {
            event = pressed.recv() => match event {
                Some(event) => keys::take(&mut app, &event, seen.page, seen.most),
                None => return Ok(()),
            },
            event = session.events.next() => match event {
                Some(event) => app.event(event),
                None => return stopped(&status.borrow()),
            },
            Some(later) = laters.recv() => app.later(later),
            changed = status.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let now = status.borrow_and_update().clone();
                app.status(now);
            }
            _ = ticks.tick() => app.tick(Instant::now()),
        }
        // What is there already is taken before the next drawing.
        while let Some(event) = session.events.try_next() {
            app.event(event);
        }
        while let Ok(event) = pressed.try_recv() {
            keys::take(&mut app, &event, seen.page, seen.most);
        }
        if app.done {
            return Ok(());
        }
    }
}

fn stopped(status: &Status) -> Result<(), String> {
    match status {
        Status::Stopped(error) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// A thread that reads the terminal, for that blocks.
fn keyboard() -> mpsc::Receiver<TerminalEvent> {
    let (pressed, keys) = mpsc::channel(256);
    std::thread::spawn(move || {
        while !pressed.is_closed() {
            let event = match poll(KEYS_POLL) {
                Ok(true) => read(),
                Ok(false) => continue,
                Err(_) => return,
            };
            match event {
                Ok(event) => {
                    if pressed.blocking_send(event).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    });
    keys
}
