//! Putting things into words: conversations, events, ticks, times.

use messenger_client::id::{ConversationId, UserId};
use messenger_client::model::{EraseReason, Membership, PolicyChange, Retention, Role};
use messenger_client::time::Timestamp;
use messenger_client::{Client, ConversationRecord, Delivery, SendState, ShownBody, Status, Tick};

/// What a conversation is called.
pub(crate) fn name(
    id: &ConversationId,
    record: Option<&ConversationRecord>,
    me: &UserId,
) -> String {
    if let Some(alias) = record.and_then(|record| record.setting.alias.clone()) {
        return alias;
    }
    match (id.pair(), id.peer_of(me)) {
        (_, Some(peer)) => peer.to_string(),
        (Some(_), None) => "notes".into(),
        (None, None) => record
            .and_then(|record| record.title.clone())
            .unwrap_or_else(|| "a group".into()),
    }
}

/// The body of a line.
pub(crate) fn body(body: &ShownBody) -> String {
    match body {
        ShownBody::Message(message) => {
            let text = message.text.as_ref().map(|text| text.as_str().to_owned());
            let data = message
                .data
                .as_ref()
                .map(|data| format!("[{}, {} bytes]", data.media_type, data.bytes.len()));
            let files = message.attachments.iter().map(|file| {
                let name = file.name.as_deref().unwrap_or(&file.reference);
                format!("[{name}, {} bytes]", file.bytes)
            });
            let parts: Vec<String> = text.into_iter().chain(data).chain(files).collect();
            printable(&parts.join(" "))
        }
        ShownBody::Retracted => "taken back".into(),
        ShownBody::Gone(EraseReason::Expired) => "expired before everyone had it".into(),
        ShownBody::Gone(EraseReason::Unreadable) => "cannot be shown by this version".into(),
        ShownBody::Gone(_) => "no longer kept".into(),
        ShownBody::Membership(change) => membership(change),
        ShownBody::Policy(change) => policy(change),
        _ => "something new to this version".into(),
    }
}

/// True for what a person wrote, false for what happened.
pub(crate) fn is_message(body: &ShownBody) -> bool {
    matches!(
        body,
        ShownBody::Message(_) | ShownBody::Retracted | ShownBody::Gone(_)
    )
}

/// What a terminal may be given of somebody else's text: no control characters but new lines.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => '\n',
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            // Marks that turn the direction of what follows them, also outside the message.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

fn membership(change: &Membership) -> String {
    match change {
        Membership::Created(created) => {
            let title = printable(&created.title);
            format!("began “{title}” with {}", list(&created.members))
        }
        Membership::Added(added) => format!("added {}", list(&added.users)),
        Membership::Removed(removed) => format!("removed {}", removed.user),
        Membership::Left(_) => "left".into(),
        Membership::Role(given) => format!("made {} {}", given.user, role(given.role)),
        _ => "changed the members".into(),
    }
}

fn policy(change: &PolicyChange) -> String {
    match change {
        PolicyChange::Title(retitled) => format!("named this “{}”", printable(&retitled.title)),
        PolicyChange::Retention(Retention::Keep) => "lets messages be kept".into(),
        PolicyChange::Retention(Retention::Relay) => {
            "lets messages go once everyone has them".into()
        }
        PolicyChange::Retention(Retention::Timed(seconds)) => {
            format!("lets messages go after {seconds} s")
        }
        _ => "changed what new members see".into(),
    }
}

/// What a role is called.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Moderator => "moderator",
        _ => "member",
    }
}

/// Names after one another.
pub(crate) fn list(users: &[UserId]) -> String {
    match users {
        [] => "nobody else".into(),
        [only] => only.to_string(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(UserId::as_str).collect();
            format!("{} and {last}", first.join(", "))
        }
    }
}

/// The mark after an own message.
pub(crate) fn tick(tick: Tick) -> &'static str {
    match tick {
        Tick::Sent => "✓",
        Tick::Delivered | Tick::Read => "✓✓",
        Tick::Expired => "✗",
        _ => "?",
    }
}

/// The mark of a message that is not in the log yet.
pub(crate) fn sending(state: &SendState) -> String {
    match state {
        SendState::Sending => "…".into(),
        SendState::Sent(_) => "✓".into(),
        SendState::Failed(failure) => format!("✗ {failure}"),
        _ => "?".into(),
    }
}

/// How far a message has come, in words.
pub(crate) fn delivery(delivery: &Delivery) -> String {
    let of = |count: u64| match delivery.audience {
        0 | 1 => String::new(),
        audience => format!(" ({count} of {audience})"),
    };
    match delivery.tick {
        Tick::Read => format!("read{}", of(delivery.read)),
        Tick::Delivered => format!("delivered{}", of(delivery.read)),
        Tick::Expired => "expired".into(),
        _ => format!("sent{}", of(delivery.delivered)),
    }
}

/// What a client is doing about its connection.
pub(crate) fn status(status: &Status) -> String {
    match status {
        Status::Connecting => "connecting…".into(),
        Status::CatchingUp => "catching up…".into(),
        Status::Live => "connected".into(),
        Status::Waiting {
            retry_after,
            reason,
        } => format!(
            "offline, next try in {} s ({reason})",
            retry_after.as_secs() + 1
        ),
        Status::Stopped(error) => format!("stopped: {error}"),
        _ => String::new(),
    }
}

/// Hours and minutes, UTC; a terminal program of the standard library knows no time zone.
pub(crate) fn clock(time: Timestamp) -> String {
    let minutes = time.as_millis() / 60_000;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// The members of a conversation, with what is known of each.
pub(crate) fn members(client: &Client, id: &ConversationId) -> Vec<String> {
    let Some(record) = client.conversation(id) else {
        return vec!["nothing is known of this conversation yet".into()];
    };
    if !record.lists_members() {
        return vec![format!("{} members", record.member_count)];
    }
    record
        .members
        .iter()
        .map(|(user, member)| {
            let mark = record.others.get(user).copied().unwrap_or_default();
            let read = match (mark.read.0, mark.delivered.0) {
                (0, 0) => String::new(),
                (0, delivered) => format!(", has {delivered}"),
                (read, _) => format!(", has read {read}"),
            };
            format!("{user} ({}{read})", role(member.role))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_text_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\tc\nd"), "a\u{fffd}[2Jb c\nd");
        assert_eq!(printable("שלום\u{202e}x"), "שלום\u{fffd}x");
        assert_eq!(printable("👩‍👩‍👧"), "👩‍👩‍👧");
    }

    #[test]
    fn a_time_is_shown_in_hours_and_minutes() {
        assert_eq!(clock(Timestamp(0)), "00:00");
        assert_eq!(clock(Timestamp(86_400_000 + 3_660_000)), "01:01");
    }
}
