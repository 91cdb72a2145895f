//! The page that lists each frame with each field, made from the schema and the table of numbers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::chapter::{hold, page};
use crate::schema::{cbor_table, json_schema};

#[test]
fn the_reference_of_frames_is_what_the_code_yields() {
    let path = page("frames.md");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    hold(&path, &text, &Reference::new().write());
}

const HEAD: &str = "# Frames

Each frame with each field. This page is made from the definitions that the server is built from.

*Key* is the field's number in CBOR. A field is *required* unless it says otherwise; what an absent one means stands with it,
else a list is empty, a boolean false, and anything else not there. Integers are at most 2^53 − 1. `ms` are milliseconds,
`bytes` count the UTF-8 form.

";

struct Reference {
    schema: Value,
    table: Value,
    out: String,
}

impl Reference {
    fn new() -> Self {
        Self {
            schema: json_schema(),
            table: cbor_table(),
            out: HEAD.to_owned(),
        }
    }

    fn write(mut self) -> String {
        let mut bodies = BTreeSet::new();
        for (title, side) in [
            ("From the client", "ClientFrame"),
            ("From the server", "ServerFrame"),
        ] {
            let _ = writeln!(self.out, "## {title}\n");
            for (tag, number, body) in self.variants(side) {
                let _ = writeln!(
                    self.out,
                    "### {tag} ({title_lower}, {number})\n",
                    title_lower = title.to_lowercase()
                );
                self.record(&body);
                bodies.insert(body);
            }
        }
        self.out.push_str("## Choices\n\nIn JSON an object with one member; in CBOR an array of the number and the body.\n\n");
        let choices = self.keys("choices");
        for name in choices.iter().filter(|name| !name.ends_with("Frame")) {
            let _ = writeln!(self.out, "### {name}\n\n{}\n", self.description(name));
            let _ = writeln!(
                self.out,
                "| member | number | body | what it is |\n|---|---|---|---|"
            );
            let rows: Vec<String> = self.choice_rows(name);
            let _ = writeln!(self.out, "{}\n", rows.join("\n"));
        }
        self.out
            .push_str("## Symbols\n\nIn JSON a string; in CBOR its number.\n\n");
        for name in self.keys("symbols") {
            let _ = writeln!(self.out, "### {name}\n\n{}\n", self.description(&name));
            let _ = writeln!(self.out, "| name | number | what it is |\n|---|---|---|");
            let rows = self.choice_rows(&name);
            let _ = writeln!(self.out, "{}\n", rows.join("\n"));
        }
        self.out
            .push_str("## Records\n\nIn JSON an object; in CBOR a map.\n\n");
        for name in self.keys("records") {
            if !bodies.contains(&name) {
                let _ = writeln!(self.out, "### {name}\n");
                self.record(&name);
            }
        }
        let trimmed = self.out.trim_end().len();
        self.out.truncate(trimmed);
        self.out + "\n"
    }

    fn record(&mut self, name: &str) {
        let _ = writeln!(self.out, "{}\n", self.description(name));
        let definition = &self.schema["$defs"][name];
        let required: BTreeSet<&str> = definition["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields: Vec<(u64, &String, &Value)> = definition["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(field, schema)| (self.number("records", name, field), field, schema))
            .collect();
        fields.sort_by_key(|(number, ..)| *number);
        if fields.is_empty() {
            self.out.push_str("It has no fields.\n\n");
            return;
        }
        let mut rows = String::from("| field | key | type | what it is |\n|---|---|---|---|\n");
        for (number, field, schema) in fields {
            let optional = if required.contains(field.as_str()) {
                ""
            } else {
                "optional; "
            };
            let text = description_of(schema);
            let _ = writeln!(
                rows,
                "| `{field}` | {number} | {optional}{} | {text} |",
                type_of(schema)
            );
        }
        let _ = writeln!(self.out, "{rows}");
    }

    /// Tag, number and body of each variant of a choice of records, by number.
    fn variants(&self, name: &str) -> Vec<(String, u64, String)> {
        let mut found: Vec<(String, u64, String)> = self.schema["$defs"][name]["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|variant| variant["properties"].as_object().into_iter().flatten())
            .map(|(tag, body)| {
                (
                    tag.clone(),
                    self.number("choices", name, tag),
                    reference(body),
                )
            })
            .collect();
        found.sort_by_key(|(_, number, _)| *number);
        found
    }

    fn choice_rows(&self, name: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for variant in self.schema["$defs"][name]["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = description_of(variant);
            for (tag, body) in variant["properties"].as_object().into_iter().flatten() {
                let number = self.number("choices", name, tag);
                rows.push((
                    number,
                    format!("| `{tag}` | {number} | {} | {text} |", type_of(body)),
                ));
            }
            let bare = variant["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(variant.get("const"));
            for tag in bare.filter_map(Value::as_str) {
                let (group, body) = match self.table["symbols"].get(name) {
                    Some(_) => ("symbols", ""),
                    None => ("choices", " none |"),
                };
                let number = self.number(group, name, tag);
                rows.push((number, format!("| `{tag}` | {number} |{body} {text} |")));
            }
        }
        rows.sort();
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn number(&self, group: &str, name: &str, member: &str) -> u64 {
        self.table[group][name][member]
            .as_u64()
            .expect("each member has a number")
    }

    fn keys(&self, group: &str) -> Vec<String> {
        self.table[group]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn description(&self, name: &str) -> String {
        description_of(&self.schema["$defs"][name])
    }
}

fn description_of(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .replace('\n', " ")
}

fn reference(schema: &Value) -> String {
    let name = schema["$ref"].as_str().unwrap_or_default();
    name.trim_start_matches("#/$defs/").to_owned()
}

fn type_of(schema: &Value) -> String {
    if schema.get("$ref").is_some() {
        return shown(&reference(schema));
    }
    let inner = ["anyOf", "allOf"].iter().find_map(|word| {
        schema[*word]
            .as_array()?
            .iter()
            .find(|inner| inner["type"] != "null")
    });
    if let Some(inner) = inner {
        return type_of(inner);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kind {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("string") => "text".to_owned(),
        Some(kind) => kind.to_owned(),
        None => "anything".to_owned(),
    }
}

/// A type by its name, with a link where the page has one.
fn shown(name: &str) -> String {
    match name {
        "UserId" => "user id".to_owned(),
        "ConversationId" => "conversation id".to_owned(),
        "Cmid" => "cmid".to_owned(),
        "Text" => "text".to_owned(),
        "Code" => "[code](codes.md)".to_owned(),
        "Timestamp" => "integer, ms since 1970".to_owned(),
        "Seq" | "Ordinal" | "DeviceId" | "Generation" | "SessionId" | "Epoch" => {
            format!("integer ({})", name.trim_end_matches("Id").to_lowercase())
        }
        name => format!("[{name}](#{})", name.to_lowercase()),
    }
}
