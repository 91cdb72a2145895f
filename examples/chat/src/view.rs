//! Drawing.
//!
//! ```text
//!   ben · online                                connected     one line: where, who, the link
//!   ▌ben      ●  12 10:31 ben   Hello                         the list (wide screens), the history
//!    walk   (3)  13 10:32 anna  Hi! 👍 1                  ✓✓
//!   ben is typing…                                            one line: typing, or a notice
//!   > _                                                       the input
//! ```

use messenger_client::id::UserId;
use messenger_client::{Request, SendState, Shown, ShownBody, Status, Tick};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use crate::app::App;
use crate::measure::{cells, clip, width, wrap};
use crate::words;

/// Screens at least this wide show the list of conversations.
const LIST_FROM: u16 = 64;
/// The width of that list.
const LIST_WIDTH: u16 = 20;
/// The input grows to this many lines.
const INPUT_LINES: u16 = 4;
/// Columns for an own message's ticks.
const TICK_WIDTH: usize = 3;

/// What was drawn, for the keys that scroll.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Lines of the history on the screen.
    pub(crate) page: usize,
    /// How far up it scrolls.
    pub(crate) most: usize,
}

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &App) -> Seen {
    let area = frame.area();
    let typed = input_lines(app, area.width);
    let input_height = u16::try_from(typed.len())
        .unwrap_or(INPUT_LINES)
        .clamp(1, INPUT_LINES);
    let [top, middle, status, input] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(input_height),
    ])
    .areas(area);
    let (list, history) = if area.width >= LIST_FROM {
        let [list, history] =
            Layout::horizontal([Constraint::Length(LIST_WIDTH), Constraint::Min(1)]).areas(middle);
        (Some(list), history)
    } else {
        (None, middle)
    };
    draw_top(frame, app, top);
    if let Some(list) = list {
        draw_list(frame, app, list);
    }
    let seen = draw_history(frame, app, history);
    draw_status(frame, app, status);
    draw_notice(frame, app, history);
    draw_input(frame, app, input, &typed);
    seen
}

fn draw_top(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let style = Style::new().bg(Color::Blue).fg(Color::White);
    let place = match &app.here {
        Some(here) => {
            let name = words::printable(&app.name(here));
            match app.presence(here) {
                Some(presence) => format!(" {name} · {presence}"),
                None => format!(" {name}"),
            }
        }
        None => format!(" messenger at {}", app.server),
    };
    let link = match &app.status {
        Status::Live => format!("{} ", app.me),
        Status::Waiting { .. } if area.width < LIST_FROM => format!("{} · offline ", app.me),
        Status::Waiting { retry_after, .. } => {
            format!(
                "{} · offline, retry in {} s ",
                app.me,
                retry_after.as_secs() + 1
            )
        }
        other => format!("{} · {} ", app.me, words::status(other)),
    };
    let link = clip(&link, usize::from(area.width) / 2);
    let room = usize::from(area.width).saturating_sub(width(&link) + 1);
    frame.render_widget(Paragraph::new(clip(&place, room)).style(style), area);
    let right = Rect {
        x: area.right().saturating_sub(cells(width(&link))),
        width: cells(width(&link)).min(area.width),
        ..area
    };
    let link_style = if app.status.is_connected() {
        style
    } else {
        style.fg(Color::Yellow)
    };
    frame.render_widget(Paragraph::new(link).style(link_style), right);
}

fn draw_list(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let room = usize::from(area.width).saturating_sub(2);
    let all = app.conversations();
    let here = all
        .iter()
        .position(|(id, _)| Some(id) == app.here.as_ref())
        .unwrap_or(0);
    let height = usize::from(area.height);
    let first = (here + 1).saturating_sub(height);
    let lines: Vec<Line<'_>> = all
        .iter()
        .skip(first)
        .take(height)
        .map(|(id, record)| {
            let open = Some(id) == app.here.as_ref();
            let unread = app.client.unread(id).count;
            let mark = match unread {
                0 if app.is_online(id) => "●".to_owned(),
                0 => String::new(),
                unread if unread > 999 => "999+".into(),
                unread => unread.to_string(),
            };
            let name = words::printable(&words::name(id, record.as_ref(), &app.me));
            let name = clip(&name, room.saturating_sub(width(&mark) + 2));
            let gap = room.saturating_sub(width(&name) + width(&mark) + 1);
            let style = match (open, unread) {
                (true, _) => Style::new().add_modifier(Modifier::REVERSED),
                (false, 0) => Style::new(),
                (false, _) => Style::new().add_modifier(Modifier::BOLD),
            };
            let mark_style = match unread {
                0 => style.fg(Color::Green),
                _ => style.fg(Color::Yellow),
            };
            Line::from(vec![
                Span::styled(format!(" {name}{}", " ".repeat(gap)), style),
                Span::styled(mark, mark_style),
                Span::raw(" "),
                Span::styled("│", Style::new().fg(Color::DarkGray)),
            ])
        })
        .chain(std::iter::repeat_with(|| {
            Line::from(vec![
                Span::raw(" ".repeat(room + 1)),
                Span::styled("│", Style::new().fg(Color::DarkGray)),
            ])
        }))
        .take(height)
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_history(frame: &mut Frame<'_>, app: &App, area: Rect) -> Seen {
    let page = usize::from(area.height);
    let lines = history_lines(app, usize::from(area.width));
    let most = lines.len().saturating_sub(page);
    let scroll = app.talk().map_or(0, |talk| talk.scroll).min(most);
    let end = lines.len() - scroll;
    let start = end.saturating_sub(page);
    let shown: Vec<Line<'_>> = lines[start..end].to_vec();
    // The newest line stands at the bottom.
    let height = cells(shown.len());
    let bottom = Rect {
        y: area.bottom().saturating_sub(height),
        height,
        ..area
    };
    if shown.is_empty() {
        frame.render_widget(Paragraph::new(welcome(app)).fg(Color::DarkGray), area);
    } else {
        frame.render_widget(Paragraph::new(shown), bottom);
    }
    if scroll > 0 && area.height > 1 {
        let below = format!(" ↓ {scroll} more ");
        let place = Rect {
            x: area.right().saturating_sub(cells(width(&below))),
            y: area.bottom() - 1,
            width: cells(width(&below)).min(area.width),
            height: 1,
        };
        frame.render_widget(Clear, place);
        frame.render_widget(Paragraph::new(below).reversed(), place);
    }
    Seen { page, most }
}

fn welcome(app: &App) -> Vec<Line<'static>> {
    let first = match &app.here {
        Some(_) => " No messages yet: type the first one.",
        None => " /chat USER opens a conversation, /help lists the commands.",
    };
    vec![
        Line::raw(""),
        Line::raw(first),
        Line::raw(format!(" Messages are kept in {}", app.folder)),
    ]
}

/// The open conversation as lines of this width.
fn history_lines(app: &App, columns: usize) -> Vec<Line<'static>> {
    let (Some(here), Some(talk)) = (&app.here, app.talk()) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let mut before: Option<UserId> = None;
    for shown in talk.timeline.lines() {
        let quoted = match &shown.body {
            ShownBody::Message(message) => {
                message.reply_to.map(|seq| (seq, talk.timeline.get(seq)))
            }
            _ => None,
        };
        if let Some((seq, target)) = quoted {
            let quote = match target {
                Some(target) => format!("{}: {}", target.sender, words::body(&target.body)),
                None => format!("message {seq}"),
            };
            let quote = format!("             ┌ {}", quote.replace('\n', " "));
            lines.push(Line::styled(
                clip(&quote, columns),
                Style::new().fg(Color::DarkGray),
            ));
        }
        let again = before.as_ref() == Some(&shown.sender);
        message_lines(app, &shown, again, columns, &mut lines);
        before = words::is_message(&shown.body).then(|| shown.sender.clone());
    }
    for (record, state) in app.client.outgoing(here) {
        let text = match &record.request {
            Request::Send(content) => match content {
                messenger_client::SendContent::Message(message) => {
                    words::body(&ShownBody::Message(message.clone()))
                }
                other => format!("({})", other.tag()),
            },
            other => format!("({})", other.tag()),
        };
        let style = match &state {
            SendState::Failed(_) => Style::new().fg(Color::Red),
            _ => Style::new().fg(Color::DarkGray),
        };
        let mark = words::sending(&state);
        let head = format!(
            "{:>4} {:>5} {} ",
            "",
            words::clock(record.queued_at),
            app.me
        );
        lay_out(
            &head, style, &text, style, &mark, style, columns, &mut lines,
        );
    }
    lines
}

fn message_lines(
    app: &App,
    shown: &Shown,
    again: bool,
    columns: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let dark = Style::new().fg(Color::DarkGray);
    let own = shown.sender == app.me;
    if !words::is_message(&shown.body) {
        let text = format!("{} {}", shown.sender, words::body(&shown.body));
        let head = format!("{:>4} {} — ", shown.seq.0, words::clock(shown.time));
        lay_out(&head, dark, &text, dark, "", dark, columns, lines);
        return;
    }
    let mut text = words::body(&shown.body);
    if shown.edited {
        text.push_str(" (edited)");
    }
    for (emoji, users) in &shown.reactions {
        text.push_str(&format!("  {} {}", words::printable(emoji), users.len()));
    }
    let delivery = own.then(|| app.delivery(shown)).flatten();
    let (mark, mark_style) = match delivery {
        Some(delivery) => (
            words::tick(delivery.tick),
            match delivery.tick {
                Tick::Read => Style::new().fg(Color::Cyan),
                Tick::Expired => Style::new().fg(Color::Red),
                _ => dark,
            },
        ),
        None => ("", dark),
    };
    let name = if again {
        " ".repeat(width(shown.sender.as_str()))
    } else {
        shown.sender.to_string()
    };
    let head = format!("{:>4} {} {name} ", shown.seq.0, words::clock(shown.time));
    let name_style = match own {
        true => Style::new().fg(Color::Green),
        false => Style::new().fg(colour_of(&shown.sender)),
    };
    let body_style = match shown.body {
        ShownBody::Message(_) => Style::new(),
        _ => dark.add_modifier(Modifier::ITALIC),
    };
    lay_out(
        &head, name_style, &text, body_style, mark, mark_style, columns, lines,
    );
}

/// One message: a head, the text beside it in as many lines as it takes, a mark at the right of the last one.
#[expect(
    clippy::too_many_arguments,
    reason = "three texts, each with its style"
)]
fn lay_out(
    head: &str,
    head_style: Style,
    text: &str,
    text_style: Style,
    mark: &str,
    mark_style: Style,
    columns: usize,
    lines: &mut Vec<Line<'static>>,
) {
    // On narrow screens the text does not stand beside its head, but below it.
    let beside = width(head) + TICK_WIDTH + 16 <= columns;
    let indent = if beside { width(head) } else { 1 };
    let room = columns.saturating_sub(indent + TICK_WIDTH + 1).max(4);
    let mut rows = wrap(text, room);
    if rows.is_empty() {
        rows.push(String::new());
    }
    let long_mark = width(mark) > TICK_WIDTH;
    if !beside {
        lines.push(Line::styled(clip(head.trim_start(), columns), head_style));
    }
    let last = rows.len() - 1;
    for (index, row) in rows.into_iter().enumerate() {
        let mut spans = Vec::new();
        match index {
            0 if beside => {
                // The number and the time are quieter than the name.
                let cut = head.len() - head.trim_start().len();
                let name_at = head[cut..]
                    .match_indices(' ')
                    .nth(1)
                    .map_or(head.len(), |(at, _)| cut + at + 1);
                let quiet = Style::new().fg(Color::DarkGray);
                spans.push(Span::styled(head[..name_at].to_owned(), quiet));
                spans.push(Span::styled(head[name_at..].to_owned(), head_style));
            }
            _ => spans.push(Span::raw(" ".repeat(indent))),
        }
        let filled = indent + width(&row);
        spans.push(Span::styled(row, text_style));
        if index == last && !mark.is_empty() && !long_mark {
            let gap = columns.saturating_sub(filled + width(mark) + 1);
            spans.push(Span::raw(" ".repeat(gap)));
            spans.push(Span::styled(mark.to_owned(), mark_style));
        }
        lines.push(Line::from(spans));
    }
    if long_mark {
        for row in wrap(mark, room) {
            lines.push(Line::from(vec![
                Span::raw(" ".repeat(indent)),
                Span::styled(row, mark_style),
            ]));
        }
    }
}

fn draw_status(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let typing = app.typing();
    let line = match typing.as_slice() {
        [] => " Enter sends · Tab next · PgUp/PgDn scroll · /help".to_owned(),
        [one] => format!(" {one} is typing…"),
        several => format!(" {} are typing…", words::list(several)),
    };
    let style = match typing.is_empty() {
        true => Style::new().fg(Color::DarkGray),
        false => Style::new().fg(Color::Magenta),
    };
    let line = clip(&line, usize::from(area.width));
    frame.render_widget(Paragraph::new(line).style(style), area);
}

/// A notice lies over the end of the history.
fn draw_notice(frame: &mut Frame<'_>, app: &App, history: Rect) {
    let Some(notice) = &app.notice else { return };
    let room = usize::from(history.width).saturating_sub(2).max(1);
    let mut rows: Vec<String> = notice
        .lines
        .iter()
        .flat_map(|line| wrap(line, room))
        .collect();
    rows.truncate(usize::from(history.height));
    let height = cells(rows.len());
    let area = Rect {
        y: history.bottom().saturating_sub(height),
        height,
        ..history
    };
    let lines: Vec<Line<'_>> = rows
        .into_iter()
        .map(|row| Line::raw(format!(" {row}")))
        .collect();
    frame.render_widget(Clear, area);
    let style = Style::new().bg(Color::DarkGray).fg(Color::White);
    frame.render_widget(Paragraph::new(lines).style(style), area);
}

/// The input as lines, with where its cursor stands.
struct Typed {
    text: String,
    cursor: Option<usize>,
}

fn input_lines(app: &App, columns: u16) -> Vec<Typed> {
    let room = usize::from(columns).saturating_sub(3).max(4);
    let before = app.input.before();
    let mut rows = Vec::new();
    // Each line that was typed is cut where it reaches the edge; the cursor may stand after its last character.
    let mut row = String::new();
    let mut cursor = None;
    let mut seen = 0;
    for c in app.input.text().chars() {
        if seen == before.len() {
            cursor = Some(width(&row));
        }
        seen += c.len_utf8();
        if c == '\n' || width(&row) >= room {
            rows.push(Typed {
                text: std::mem::take(&mut row),
                cursor: cursor.take(),
            });
        }
        if c != '\n' {
            row.push(c);
        }
    }
    if seen == before.len() {
        cursor = Some(width(&row));
    }
    rows.push(Typed { text: row, cursor });
    rows
}

fn draw_input(frame: &mut Frame<'_>, app: &App, area: Rect, typed: &[Typed]) {
    let at = typed
        .iter()
        .position(|row| row.cursor.is_some())
        .unwrap_or(typed.len() - 1);
    let height = usize::from(area.height);
    let first = (at + 1).saturating_sub(height);
    let command = app.input.text().starts_with('/');
    let style = if command {
        Style::new().fg(Color::Yellow)
    } else {
        Style::new()
    };
    let lines: Vec<Line<'_>> = typed
        .iter()
        .enumerate()
        .skip(first)
        .take(height)
        .map(|(index, row)| {
            let mark = if index == 0 { "> " } else { "  " };
            Line::from(vec![
                Span::styled(mark, Style::new().fg(Color::Blue)),
                Span::styled(row.text.clone(), style),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
    let column = cells(2 + typed[at].cursor.unwrap_or(0));
    frame.set_cursor_position(Position {
        x: (area.x + column).min(area.right().saturating_sub(1)),
        y: area.y + cells(at - first),
    });
}

/// A colour for each name, the same every time.
fn colour_of(user: &UserId) -> Color {
    const COLOURS: [Color; 5] = [
        Color::Yellow,
        Color::Magenta,
        Color::LightBlue,
        Color::LightRed,
        Color::LightGreen,
    ];
    let sum: usize = user.as_str().bytes().map(usize::from).sum();
    COLOURS[sum % COLOURS.len()]
}
