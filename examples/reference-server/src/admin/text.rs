//! Replies as text for a person.

use std::fmt::Write as _;

use messenger::core::model::{History, Retention, Role};
use messenger::core::time::Timestamp;

use super::protocol::{
    AccountRow, ConversationRow, ConversationView, DiskBytes, MessageLife, Recipient, Reply,
};
use crate::clock::show;

/// Writes a reply as text, with a line end.
pub fn render(reply: &Reply) -> String {
    match reply {
        Reply::Done(text) | Reply::Refused(text) => format!("{text}\n"),
        Reply::Token(token) => format!("{}\n", token.reveal()),
        Reply::Accounts(rows) => accounts(rows),
        Reply::Conversations { rows, disk } => conversations(rows, disk),
        Reply::Conversation(view) => conversation(view),
        Reply::Message(life) => message(life),
    }
}

fn accounts(rows: &[AccountRow]) -> String {
    if rows.is_empty() {
        return "No accounts. Make one: messenger-server user add NAME\n".to_owned();
    }
    let cells = rows.iter().map(|row| {
        [
            row.user.to_string(),
            row.name.clone(),
            show(row.created),
            row.devices.to_string(),
            row.seen.map_or_else(|| "never".to_owned(), show),
            if row.revoked { "revoked" } else { "" }.to_owned(),
        ]
    });
    table(
        ["USER", "NAME", "CREATED", "DEVICES", "LAST SEEN", ""],
        cells,
    )
}

fn conversations(rows: &[ConversationRow], disk: &DiskBytes) -> String {
    let DiskBytes {
        entries,
        state,
        index,
    } = *disk;
    let total = size(entries + state + index);
    let sizes = format!(
        "On disk {total}: entries {}, state {}, index {}.\n",
        size(entries),
        size(state),
        size(index)
    );
    if rows.is_empty() {
        return format!("No conversations.\n{sizes}");
    }
    let cells = rows.iter().map(|row| {
        [
            row.conversation.to_string(),
            row.title.clone().unwrap_or_default(),
            row.members.to_string(),
            format!("{}-{}", row.base.0, row.head.0),
            row.messages.0.to_string(),
            show(row.last),
        ]
    });
    table(
        [
            "CONVERSATION",
            "TITLE",
            "MEMBERS",
            "ENTRIES",
            "MESSAGES",
            "LAST",
        ],
        cells,
    ) + "\n"
        + &sizes
}

/// Bytes in the unit that suits them.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn conversation(view: &ConversationView) -> String {
    let row = &view.row;
    let mut out = facts(&[
        ("conversation", row.conversation.to_string()),
        (
            "title",
            row.title.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        (
            "entries",
            format!(
                "{} to {}, of which {} erased",
                row.base.0, row.head.0, view.tombstones
            ),
        ),
        ("messages", row.messages.0.to_string()),
        ("bodies", format!("{} bytes", view.body_bytes)),
        ("last entry", show(row.last)),
        ("retention", retention(view.policy.retention)),
        (
            "history",
            match view.policy.history {
                History::None => "new members see nothing from before",
                History::All => "new members see everything",
                _ => "set by a newer version",
            }
            .to_owned(),
        ),
    ]);
    out.push('\n');
    let cells = view.marks.iter().map(|mark| {
        let role = match mark.role {
            Role::Member => "member",
            Role::Moderator => "moderator",
            Role::Owner => "owner",
            _ => "other",
        };
        [
            mark.user.to_string(),
            role.to_owned(),
            mark.joined.0.to_string(),
            mark.delivered.0.to_string(),
            mark.read.0.to_string(),
        ]
    });
    out + &table(["MEMBER", "ROLE", "JOINED AT", "DELIVERED", "READ"], cells)
}

fn retention(retention: Retention) -> String {
    match retention {
        Retention::Keep => "keep: until retracted".to_owned(),
        Retention::Relay => "relay: until every device has it, or 30 days".to_owned(),
        Retention::Timed(seconds) => format!("timed: {seconds} s after acceptance"),
        _ => "set by a newer version".to_owned(),
    }
}

fn message(life: &MessageLife) -> String {
    let list = |seqs: &[messenger::core::id::Seq]| {
        seqs.iter()
            .map(|seq| seq.0.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut rows = vec![
        (
            "entry",
            format!("{} {} of {}", life.conversation, life.seq.0, life.head.0),
        ),
        ("kind", symbol(&life.kind)),
        ("sender", life.sender.to_string()),
        ("cmid", life.cmid.to_string()),
        (
            "body",
            match life.erased {
                Some(reason) => format!("erased: {}", symbol(&reason)),
                None => format!("{} bytes", life.body_bytes),
            },
        ),
        (
            "composed",
            format!("{}  by the sender's clock", show(life.composed)),
        ),
        (
            "accepted",
            format!(
                "{}  {}",
                show(life.accepted),
                after(life.composed, life.accepted)
            ),
        ),
    ];
    if life.shown != life.accepted {
        rows.push(("shown as", show(life.shown)));
    }
    if let Some(seq) = life.refers_to {
        rows.push(("refers to", seq.0.to_string()));
    }
    if let Some(user) = &life.hidden_from {
        rows.push(("hidden from", format!("{user}, who blocks the sender")));
    }
    if !life.edits.is_empty() {
        rows.push(("edited by", format!("entries {}", list(&life.edits))));
    }
    if let Some(seq) = life.retraction {
        rows.push(("retracted by", format!("entry {}", seq.0)));
    }
    if life.reactions > 0 {
        rows.push(("reactions", life.reactions.to_string()));
    }
    rows.push(("state", state(&life.recipients)));
    let mut out = facts(&rows);
    if !life.recipients.is_empty() {
        out.push('\n');
        out += &table(
            ["RECIPIENT", "STATE", "DEVICE", "STORED", "LAST SEEN"],
            life.recipients.iter().flat_map(devices),
        );
    }
    out
}

/// The aggregate that the sender sees (LIFE-2).
fn state(recipients: &[Recipient]) -> String {
    let all = recipients.len();
    let delivered = recipients
        .iter()
        .filter(|recipient| recipient.delivered)
        .count();
    let read = recipients.iter().filter(|recipient| recipient.read).count();
    let name = match (all, delivered, read) {
        (0, _, _) => return "sent; nobody else is in this conversation".to_owned(),
        (_, _, read) if read == all => "read",
        (_, delivered, _) if delivered == all => "delivered",
        _ => "sent",
    };
    format!("{name}: {delivered} of {all} have it, {read} of {all} read it")
}

/// One line a device; a recipient without devices has one, too.
fn devices(recipient: &Recipient) -> Vec<[String; 5]> {
    let state = match (recipient.read, recipient.delivered) {
        (true, _) => "read",
        (false, true) => "delivered",
        (false, false) => "pending",
    };
    let first = [recipient.user.to_string(), state.to_owned()];
    if recipient.devices.is_empty() {
        let [user, state] = first;
        return vec![[
            user,
            state,
            "no device".to_owned(),
            String::new(),
            String::new(),
        ]];
    }
    let lines = recipient.devices.iter().enumerate().map(|(at, device)| {
        let [user, state] = if at == 0 {
            first.clone()
        } else {
            [String::new(), String::new()]
        };
        let name = match &device.name {
            Some(name) => format!("{} ({name})", device.device.0),
            None => device.device.0.to_string(),
        };
        [
            user,
            state,
            name,
            if device.acked { "yes" } else { "no" }.to_owned(),
            show(device.seen),
        ]
    });
    lines.collect()
}

/// How a later time lies to an earlier one, when that says something.
fn after(earlier: Timestamp, later: Timestamp) -> String {
    match later.since(earlier).as_millis() {
        0 => String::new(),
        millis @ 1..10_000 => format!("{millis} ms later"),
        millis => format!("{} s later", millis / 1_000),
    }
}

/// The name of a symbol as it stands on the wire.
fn symbol(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".to_owned(),
    }
}

fn facts(rows: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<14}{value}");
    }
    out
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let head = head.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(head).chain(rows).collect();
    let widths: Vec<usize> = (0..N)
        .map(|at| {
            rows.iter()
                .map(|row| row[at].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for row in &rows {
        let line: String = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}  "))
            .collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}
