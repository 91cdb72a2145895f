//! The protocol chapter of the book against the code: its tables and its examples.
//! `UPDATE_DOCS=1` writes the tables anew.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use messenger_core::limits::Limits;
use messenger_core::wire::{ClientFrame, CloseCode, Code, DecodeErrorKind, ServerFrame};
use serde_json::Value;

#[test]
fn the_table_of_errors_is_the_registry() {
    let rows = Code::ALL.iter().map(|code| {
        let again = if code.is_retriable() { "yes" } else { "no" };
        format!(
            "| {} | `{code}` | {again} | {} | {} |\n",
            code.number(),
            code.meaning(),
            code.advice()
        )
    });
    let head =
        "| number | name | retriable | when | what the client does |\n|---|---|---|---|---|\n";
    hold_part(
        "codes.md",
        "codes",
        &(head.to_owned() + &rows.collect::<String>()),
    );
}

#[test]
fn the_table_of_close_codes_is_the_registry() {
    let rows = CloseCode::ALL.iter().map(|close| {
        let reconnects = if close.reconnects() { "yes" } else { "no" };
        format!(
            "| {} | `{}` | {reconnects} | {} |\n",
            close.number(),
            close.code(),
            close.meaning()
        )
    });
    let head = "| status | reason | reconnect by yourself | when |\n|---|---|---|---|\n";
    hold_part(
        "codes.md",
        "close codes",
        &(head.to_owned() + &rows.collect::<String>()),
    );
}

#[test]
fn the_table_of_limits_has_each_with_its_default() {
    let defaults = serde_json::to_value(Limits::default()).expect("limits can be written");
    let rows = Limits::FIELDS
        .iter()
        .map(|(name, key)| format!("| `{name}` | {key} | {} |\n", defaults[*name]));
    let head = "| limit | key in CBOR | unless the operator says otherwise |\n|---|---|---|\n";
    hold_part(
        "connection.md",
        "limits",
        &(head.to_owned() + &rows.collect::<String>()),
    );
}

#[test]
fn every_frame_type_is_explained() {
    let prose: String = ["connection.md", "conversations.md", "client.md"]
        .iter()
        .map(|name| read(&page(name)))
        .collect();
    for (tag, _) in ClientFrame::TAGS.iter().chain(ServerFrame::TAGS) {
        let named = [
            format!("`{tag}`"),
            format!("`{tag}{{"),
            format!("\"{tag}\": {{"),
        ];
        assert!(named.iter().any(|name| prose.contains(name)), "{tag}");
    }
}

#[test]
fn every_line_of_every_example_is_a_frame_of_its_side() {
    let lines = lines();
    assert!(
        lines.len() > 60,
        "hardly a line was found: the scan is broken"
    );
    for Line { client, text } in lines {
        let frame = filled(&text);
        let fault = if client {
            ClientFrame::from_json(&frame).err()
        } else {
            complete(&frame)
        };
        // The examples of what goes wrong are meant to.
        let meant = ["dance", "ben/anna"].iter().any(|odd| text.contains(odd));
        match fault {
            None => assert!(!meant, "{text}"),
            Some(fault) => assert!(meant && client, "{text}: {fault}"),
        }
    }
}

#[test]
fn what_the_examples_call_unknown_is_unknown() {
    let fault = ClientFrame::from_json(r#"{"dance": {"id": 1}}"#).unwrap_err();
    assert_eq!(fault.kind, DecodeErrorKind::UnknownFrame);
}

/// Answers are shown with the fields that matter: whatever is missing must be a field that the frame has, and what is shown
/// must be of its type. Filling in what the decoder misses, one at a time, shows both.
fn complete(frame: &str) -> Option<messenger_core::wire::DecodeError> {
    let mut value: Value = serde_json::from_str(frame).expect(frame);
    for _ in 0..64 {
        let fault = match ServerFrame::from_json(&value.to_string()) {
            Ok(read) => {
                assert_kept(
                    &value,
                    &serde_json::from_str(&read.to_json()).expect("JSON"),
                    frame,
                );
                return None;
            }
            Err(fault) => fault,
        };
        let missing = fault
            .detail
            .split('`')
            .nth(1)
            .filter(|_| fault.detail.starts_with("missing field"));
        let Some(missing) = missing else {
            return Some(fault);
        };
        if !fill(&mut value, missing) {
            return Some(fault);
        }
    }
    panic!("{frame} has no end of missing fields");
}

/// Every field that an example shows is one that the frame knows: decoding it must not drop it.
fn assert_kept(shown: &Value, read: &Value, line: &str) {
    match (shown, read) {
        (Value::Object(shown), Value::Object(read)) => {
            for (field, value) in shown {
                match read.get(field) {
                    Some(read) => assert_kept(value, read, line),
                    None => assert!(is_default(value), "`{field}` is unknown: {line}"),
                }
            }
        }
        (Value::Array(shown), Value::Array(read)) => {
            assert_eq!(shown.len(), read.len(), "{line}");
            shown
                .iter()
                .zip(read)
                .for_each(|(shown, read)| assert_kept(shown, read, line));
        }
        _ => assert_eq!(shown, read, "{line}"),
    }
}

fn is_default(value: &Value) -> bool {
    matches!(value, Value::Bool(false) | Value::Null) || value.as_array().is_some_and(Vec::is_empty)
}

/// Puts a missing field in wherever a record lacks it; false when it is not known how.
fn fill(value: &mut Value, field: &str) -> bool {
    let default = match field {
        "sender" | "user" => "anna".into(),
        "cmid" => CMID.into(),
        "conversation" => "anna/ben".into(),
        "durability" | "message" => "text".into(),
        "kind" => "direct".into(),
        "limits" => serde_json::json!({}),
        "policy" => serde_json::json!({ "retention": "keep", "history": "none" }),
        "own" => serde_json::json!({ "delivered": 0, "read": 0, "read_private": 0, "cleared": 0 }),
        "unread" => serde_json::json!({ "count": 0, "exact": true }),
        "setting" => serde_json::json!({ "version": 0, "archived": false, "pinned": false }),
        "seq" | "time" | "ordinal" | "base" | "head" | "from" | "member_count" | "session"
        | "epoch" | "heartbeat_ms" | "recheck_ms" | "server_time" => 1.into(),
        "member" => true.into(),
        _ => return false,
    };
    let Some((tag, body)) = value
        .as_object_mut()
        .and_then(|frame| frame.iter_mut().next())
    else {
        return false;
    };
    let in_entries = matches!(field, "sender" | "cmid" | "time" | "ordinal" | "seq")
        && matches!(tag.as_str(), "entries");
    if in_entries {
        let mut entries: Vec<&mut Value> = Vec::new();
        let body = body.as_object_mut().expect("a body is a record");
        for (name, inner) in body.iter_mut() {
            for item in inner.as_array_mut().into_iter().flatten() {
                match name.as_str() {
                    "entries" => entries.push(item),
                    _ => entries.extend(item.get_mut("edit")),
                }
            }
        }
        for entry in entries {
            entry
                .as_object_mut()
                .expect("an entry is a record")
                .entry(field)
                .or_insert(default.clone());
        }
    } else {
        body[field] = default;
    }
    true
}

const CMID: &str = "01a0c450-6c01-7101-8101-010101010101";

/// The text with a value in place of each `$name`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let name = &rest[at + 1..];
        let end = name
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(name.len());
        out.push_str(match &name[..end] {
            name if name.starts_with("cmid") => CMID,
            name if name.starts_with("group") => "0192f0c1-7b7e-7000-8000-000000000001",
            name if name.starts_with("token") || name.starts_with("key") => "0123456789abcdef",
            _ => "17",
        });
        rest = &name[end..];
    }
    out + rest
}

struct Line {
    client: bool,
    text: String,
}

fn lines() -> Vec<Line> {
    let text = read(&page("examples.md"));
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```exchange";
        } else if inside {
            let (side, frame) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let client = side == "C" || side.starts_with("C ");
            assert!(client || side == "S" || side.starts_with("S "), "{line}");
            if frame.starts_with("closed ") {
                continue;
            }
            found.push(Line {
                client,
                text: frame.to_owned(),
            });
        }
    }
    found
}

/// Compares what stands between two comments of a page; writes it with `UPDATE_DOCS=1`.
pub(crate) fn hold_part(name: &str, part: &str, meant: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(()); // Two tables may stand on one page.
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = page(name);
    let text = read(&path);
    let (begin, end) = (
        format!("<!-- begin {part} -->\n"),
        format!("<!-- end {part} -->"),
    );
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{name}: {begin}"));
    let (_, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("{name}: {end}"));
    // A table stands apart from the comments, or it is no table.
    hold(
        &path,
        &text,
        &format!("{before}{begin}\n{meant}\n{end}{after}"),
    );
}

/// Compares a page; writes it with `UPDATE_DOCS=1`.
pub(crate) fn hold(path: &Path, text: &str, meant: &str) {
    if text == meant {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{} differs from the code: UPDATE_DOCS=1 writes it anew",
        path.display()
    );
    std::fs::write(path, meant).expect("the page can be written");
}

pub(crate) fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/protocol")
        .join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
