//! What keys do.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};

use crate::app::App;

/// Takes a key, a paste or the mouse wheel. `page` is the height of the history, `most` how far it scrolls.
pub(crate) fn take(app: &mut App, event: &Event, page: usize, most: usize) {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => press(app, *key, page, most),
        Event::Paste(text) => {
            app.input.put_all(&text.replace('\r', "\n"));
            app.typed();
        }
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => app.scroll(3, most),
            MouseEventKind::ScrollDown => app.scroll(-3, most),
            _ => {}
        },
        _ => {}
    }
}

fn press(app: &mut App, key: KeyEvent, page: usize, most: usize) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let step = isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(1);
    match key.code {
        KeyCode::Char('c' | 'q') if control => app.done = true,
        KeyCode::Char('d') if control && app.input.is_empty() => app.done = true,
        KeyCode::Char('n') if control => app.go_by(1),
        KeyCode::Char('p') if control => app.go_by(-1),
        KeyCode::Char('a') if control => app.input.home(),
        KeyCode::Char('e') if control => app.input.end(),
        KeyCode::Char('w') if control => app.input.delete_word(),
        KeyCode::Char('u') if control => drop(app.input.take()),
        KeyCode::Char('j') if control => app.input.put('\n'),
        KeyCode::Char(_) if control => {}
        KeyCode::Enter if alt => app.input.put('\n'),
        KeyCode::Enter => app.enter(),
        KeyCode::Tab => app.go_by(1),
        KeyCode::BackTab => app.go_by(-1),
        KeyCode::Down if alt => app.go_by(1),
        KeyCode::Up if alt => app.go_by(-1),
        KeyCode::PageUp => app.scroll(step, most),
        KeyCode::PageDown => app.scroll(-step, most),
        KeyCode::Up => app.scroll(1, most),
        KeyCode::Down => app.scroll(-1, most),
        KeyCode::End if control => app.scroll(isize::MIN, most),
        KeyCode::Home => app.input.home(),
        KeyCode::End => app.input.end(),
        KeyCode::Left => app.input.left(),
        KeyCode::Right => app.input.right(),
        KeyCode::Delete => app.input.delete(),
        KeyCode::Backspace if alt => app.input.delete_word(),
        KeyCode::Backspace => {
            app.input.backspace();
            app.typed();
        }
        KeyCode::Esc => app.notice = None,
        KeyCode::Char(c) => {
            app.input.put(c);
            app.typed();
        }
        _ => {}
    }
}
