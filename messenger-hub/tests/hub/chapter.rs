//! Plays the examples of the protocol chapter on a node, line by line.
//!
//! ```text
//!   C anna: {…}   sent on anna's link; a hello begins a new one        $name in it: its value, or a new one
//!   S anna: {…}   awaited: a frame that has these fields               $name in it: its value, or learned
//!   S anna: closed 4503
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use messenger_core::wire::Codec;
use messenger_hub::{Hub, Link, Sent};
use serde_json::{Value, json};

use crate::harness::{cmid, memory, node};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_examples_of_the_protocol_chapter_happen_as_they_are_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/examples.md");
    let page = std::fs::read_to_string(&path).expect("the chapter has its examples");
    let exchanges = exchanges(&page);
    assert!(
        exchanges.len() >= 7,
        "hardly an exchange was found: the scan is broken"
    );
    for exchange in exchanges {
        let hub = node(&memory()).await;
        let mut player = Player {
            hub,
            links: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        for line in exchange {
            player.play(line).await;
        }
    }
}

#[test]
fn a_pattern_matches_what_has_its_fields_and_learns_its_values() {
    let mut values = BTreeMap::new();
    let pattern = json!({ "a": [{ "b": "$x" }], "c": 1 });
    assert!(!matches(
        &pattern,
        &json!({ "a": [{ "b": 7 }], "c": 2 }),
        &mut values
    ));
    assert!(!matches(&pattern, &json!({ "a": [], "c": 1 }), &mut values));
    values.clear();
    assert!(matches(
        &pattern,
        &json!({ "a": [{ "b": 7, "z": 0 }], "c": 1 }),
        &mut values
    ));
    assert_eq!(values["x"], 7);
    assert!(!matches(
        &pattern,
        &json!({ "a": [{ "b": 8 }], "c": 1 }),
        &mut values
    ));
}

/// The fenced blocks of the page that are marked as exchanges.
fn exchanges(page: &str) -> Vec<Vec<&str>> {
    let blocks = page.split("```exchange\n").skip(1);
    blocks
        .map(|block| {
            block
                .split("```")
                .next()
                .unwrap_or_default()
                .lines()
                .collect()
        })
        .collect()
}

struct Player {
    hub: Hub,
    links: BTreeMap<String, Seat>,
    values: BTreeMap<String, Value>,
}

/// One client's link, with the frames that came and were not looked at.
struct Seat {
    link: Link,
    came: Vec<Value>,
}

impl Player {
    async fn play(&mut self, line: &str) {
        let (side, text) = line.split_once(": ").expect(line);
        let (side, name) = side.split_once(' ').unwrap_or((side, "anna"));
        match (side, text.strip_prefix("closed ")) {
            ("C", _) => self.send(name, text),
            ("S", Some(code)) => self.closed(name, code, line).await,
            ("S", None) => self.wait(name, &pattern(text), line).await,
            _ => panic!("neither client nor server: {line}"),
        }
    }

    fn send(&mut self, name: &str, text: &str) {
        let mut frame = pattern(text);
        self.fill_in(&mut frame);
        if frame.get("hello").is_some() {
            let link = self.hub.link(Codec::Json);
            let came = Vec::new();
            self.links.insert(name.to_owned(), Seat { link, came });
        }
        self.seat(name).send(&frame);
    }

    /// Waits for a frame that has the pattern's fields; what came before it is passed over.
    async fn wait(&mut self, name: &str, pattern: &Value, line: &str) {
        let mut values = self.values.clone();
        let seat = self.seat(name);
        let found = tokio::time::timeout(PATIENCE, async {
            let mut seen = 0;
            loop {
                while seen < seat.came.len() {
                    seen += 1;
                    let mut learned = values.clone();
                    if matches(pattern, &seat.came[seen - 1], &mut learned) {
                        values = learned;
                        return Some(seen);
                    }
                }
                if seat.link.closing().is_some() {
                    return None;
                }
                seat.link.ready().await;
                seat.drain();
            }
        })
        .await;
        let Ok(Some(seen)) = found else {
            panic!("{line}\nnever came; instead: {:#?}", seat.came);
        };
        let passed: Vec<Value> = seat.came.drain(..seen).collect();
        for page in passed[..seen - 1]
            .iter()
            .filter_map(|frame| frame.get("page"))
        {
            seat.send(&json!({ "confirm": page }));
        }
        self.values = values;
    }

    async fn closed(&mut self, name: &str, code: &str, line: &str) {
        let seat = self.seat(name);
        let closing = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(closing) = seat.link.closing() {
                    return closing.code.number();
                }
                seat.link.ready().await;
                seat.drain();
            }
        })
        .await;
        assert_eq!(
            closing.ok().map(|code| code.to_string()).as_deref(),
            Some(code),
            "{line}"
        );
    }

    fn seat(&mut self, name: &str) -> &mut Seat {
        self.links
            .get_mut(name)
            .expect("a client begins with hello")
    }

    /// Puts values in place of `$name`; a name that was not met before gets a new value, as the client would make it.
    fn fill_in(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let Some(name) = text.strip_prefix('$').map(str::to_owned) else {
                    return;
                };
                let known = self.values.entry(name.clone());
                *value = known.or_insert_with(|| made(&name)).clone();
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.fill_in(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl Seat {
    fn send(&mut self, frame: &Value) {
        self.link.receive(frame.to_string().as_bytes());
        self.drain();
    }

    fn drain(&mut self) {
        let came = &mut self.came;
        self.link.drain(|sent| {
            if let Sent::Message(bytes) = sent {
                came.push(serde_json::from_slice(bytes).expect("frames are JSON"));
            }
        });
    }
}

/// What a client makes by itself; the token of a user is the user's name here.
fn made(name: &str) -> Value {
    let cmid = cmid().to_string();
    match name.split('_').collect::<Vec<_>>()[..] {
        ["token", user] => user.into(),
        ["cmid" | "group", ..] => cmid.into(),
        ["key", ..] => format!("{name}-{cmid}").into(),
        _ => panic!("a client does not make `${name}`"),
    }
}

/// The frame of a line, with `"$name"` for each value that differs from time to time.
fn pattern(text: &str) -> Value {
    let mut quoted = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let end = rest[at + 1..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map_or(rest.len(), |end| at + 1 + end);
        let bare = !rest[..at].ends_with('"');
        let quote = if bare { "\"" } else { "" };
        quoted.extend([&rest[..at], quote, &rest[at..end], quote]);
        rest = &rest[end..];
    }
    quoted.push_str(rest);
    serde_json::from_str(&quoted).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// True when `value` has at least what the pattern has.
fn matches(pattern: &Value, value: &Value, values: &mut BTreeMap<String, Value>) -> bool {
    match (pattern, value) {
        (Value::Object(pattern), Value::Object(value)) => pattern
            .iter()
            .all(|(field, inner)| value.get(field).is_some_and(|v| matches(inner, v, values))),
        (Value::Array(pattern), Value::Array(value)) => {
            pattern.len() == value.len()
                && pattern
                    .iter()
                    .zip(value)
                    .all(|(p, v)| matches(p, v, values))
        }
        (Value::String(name), _) if name.starts_with('$') => {
            let known = values.entry(name[1..].to_owned());
            known.or_insert_with(|| value.clone()) == value
        }
        _ => pattern == value,
    }
}
