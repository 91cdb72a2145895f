//! The published descriptions of the frames, made from the Rust definitions. `UPDATE_SCHEMA=1` writes them anew.
//!
//! ```text
//!   schema/messenger.v1.schema.json   JSON Schema 2020-12 of the text messages
//!   schema/frames.ts                  TypeScript types of the text messages
//!   schema/cbor.json                  the numbers of the binary messages, under the names of the JSON Schema
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use messenger_core::codec::MAX_INTEGER;
use messenger_core::wire::{self, ClientFrame, Code, ServerFrame};
use messenger_core::{limits, model};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use ts_rs::{Config, TS, TypeVisitor};

use crate::samples;

#[test]
fn the_json_schema_is_what_the_code_yields() {
    hold("messenger.v1.schema.json", &pretty(&json_schema()));
}

#[test]
fn the_typescript_types_are_what_the_code_yields() {
    hold("frames.ts", &typescript());
}

#[test]
fn the_table_of_cbor_numbers_is_what_the_code_yields() {
    hold("cbor.json", &pretty(&cbor_table()));
}

#[test]
fn the_golden_frames_fit_the_schema() {
    let schema = json_schema();
    for (side, frames) in goldens() {
        let mut schema = schema.clone();
        schema["anyOf"] = json!([{ "$ref": format!("#/$defs/{side}") }]);
        let validator = jsonschema::validator_for(&schema).expect("the schema is one");
        for (name, frame) in frames {
            let faults: Vec<String> = validator
                .iter_errors(&frame)
                .map(|e| e.to_string())
                .collect();
            assert_eq!(faults, Vec::<String>::new(), "{side} {name}");
        }
    }
}

#[test]
fn frames_that_break_the_schema_are_told_from_those_that_fit() {
    let validator = jsonschema::validator_for(&json_schema()).expect("the schema is one");
    let frame = |id: Value, conversation: &str| json!({ "open": { "id": id, "conversation": conversation } });
    assert!(validator.is_valid(&frame(json!(MAX_INTEGER), "anna/ben")));
    assert!(!validator.is_valid(&frame(json!(MAX_INTEGER + 1), "anna/ben")));
    assert!(!validator.is_valid(&frame(json!(-1), "anna/ben")));
    assert!(!validator.is_valid(&frame(json!(1), "anna b/ben")));
    assert!(!validator.is_valid(&json!({ "open": {} })));
    assert!(!validator.is_valid(&json!({ "dance": {} })));
}

#[test]
fn every_field_of_every_frame_stands_in_a_golden_file() {
    let schema = json_schema();
    let mut missing: BTreeSet<(String, String)> = BTreeSet::new();
    for (name, definition) in definitions(&schema) {
        for field in properties(definition) {
            missing.insert((name.clone(), field));
        }
    }
    for (side, frames) in goldens() {
        for (_, frame) in frames {
            tick_off(
                &schema,
                &json!({ "$ref": format!("#/$defs/{side}") }),
                &frame,
                &mut missing,
            );
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_definition_of_the_schema_has_its_cbor_numbers() {
    let schema = json_schema();
    let table = cbor_table();
    let mut records = BTreeMap::new();
    let mut choices = BTreeMap::new();
    for (name, definition) in definitions(&schema) {
        if definition.get("properties").is_some() || definition["type"] == "object" {
            records.insert(name.clone(), properties(definition));
        } else if let Some(variants) = definition.get("oneOf").and_then(Value::as_array) {
            choices.insert(name.clone(), variants.iter().flat_map(tags).collect());
        }
    }
    assert_eq!(records, names(&table["records"]));
    let mut numbered = names(&table["choices"]);
    numbered.extend(names(&table["symbols"]));
    assert_eq!(choices, numbered);
}

/// With the two published files alone, and no look at the types, the binary goldens read as the text ones.
#[test]
fn schema_and_table_together_are_enough_to_read_the_binary_messages() {
    let reader = Reader {
        schema: json_schema(),
        table: cbor_table(),
    };
    let client = samples::client()
        .into_iter()
        .map(|(name, frame)| ("ClientFrame", name, frame.to_cbor(), frame.to_json()));
    let server = samples::server()
        .into_iter()
        .map(|(name, frame)| ("ServerFrame", name, frame.to_cbor(), frame.to_json()));
    for (side, name, bytes, text) in client.chain(server) {
        let mut decoder = minicbor::Decoder::new(&bytes);
        let read = reader.read(&json!({ "$ref": format!("#/$defs/{side}") }), &mut decoder);
        let mut meant: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        reader.fill_in(&json!({ "$ref": format!("#/$defs/{side}") }), &mut meant);
        assert_eq!(read, meant, "{side} {name}");
    }
}

pub(crate) fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    generator.subschema_for::<ClientFrame>();
    generator.subschema_for::<ServerFrame>();
    let mut definitions: Map<String, Value> = generator.take_definitions(true);
    for definition in definitions.values_mut() {
        bound_integers(definition);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "messenger.v1",
        "description": "One text message of the sub-protocol messenger.v1.json: a ClientFrame from the client, a ServerFrame from the server.",
        "anyOf": [{ "$ref": "#/$defs/ClientFrame" }, { "$ref": "#/$defs/ServerFrame" }],
        "$defs": definitions,
    })
}

/// Wire integers end at 2^53 − 1.
fn bound_integers(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("format").is_some_and(|format| format == "uint64") {
                map.remove("format");
                map.insert("maximum".to_owned(), MAX_INTEGER.into());
            }
            map.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        _ => {}
    }
}

fn typescript() -> String {
    struct Types<'c> {
        config: &'c Config,
        found: BTreeMap<String, String>,
    }
    impl TypeVisitor for Types<'_> {
        fn visit<T: TS + 'static + ?Sized>(&mut self) {
            if T::output_path().is_none() {
                T::visit_dependencies(self);
                T::visit_generics(self);
                return;
            }
            let name = T::ident(self.config);
            if self.found.contains_key(&name) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            self.found
                .insert(name, format!("{docs}export {}", T::decl(self.config)));
            T::visit_dependencies(self);
            T::visit_generics(self);
        }
    }
    let config = Config::new().with_large_int("number");
    let mut types = Types {
        config: &config,
        found: BTreeMap::new(),
    };
    types.visit::<ClientFrame>();
    types.visit::<ServerFrame>();
    let types: Vec<String> = types.found.into_values().collect();
    format!(
        "// Types of the text messages of messenger.v1.json, made from the Rust definitions: do not edit.\n\
         // Integers are at most 2^53 - 1; bytes are base64 with padding.\n\n{}\n",
        types.join("\n\n")
    )
}

macro_rules! table {
    ($member:ident: $($path:ident::$name:ident),+ $(,)?) => {{
        let mut table = Map::new();
        $( table.insert(stringify!($name).to_owned(), numbers($path::$name::$member)); )+
        Value::Object(table)
    }};
}

macro_rules! symbols {
    ($($path:ident::$name:ident),+ $(,)?) => {{
        let mut table = Map::new();
        $( table.insert(
            stringify!($name).to_owned(),
            $path::$name::ALL.iter().map(|s| (s.as_str().to_owned(), Value::from(s.number()))).collect(),
        ); )+
        Value::Object(table)
    }};
}

pub(crate) fn cbor_table() -> Value {
    let records = table![FIELDS:
        wire::Accepted, wire::Ack, wire::AckMark, wire::AddMembers, wire::CaughtUp, wire::Clear, wire::Confirm,
        wire::ConversationFrame, wire::Create, wire::Entries, wire::ErrorFrame, wire::Gap, wire::Goaway, wire::Hello,
        wire::HistoryRequest, wire::Lag, wire::Leave, wire::Logout, wire::MarksFrame, wire::MarksRequest,
        wire::MemberEntry, wire::MembersFrame, wire::MembersRequest, wire::Open, wire::OverlayFrame, wire::OwnMarks,
        wire::Page, wire::Ping, wire::PolicyRequest, wire::Pong, wire::PresenceFrame, wire::Reacted,
        wire::ReactionCount, wire::ReactionsFrame, wire::ReactionsRequest, wire::Read, wire::Rejected,
        wire::RemoveMember, wire::Reset, wire::Send, wire::SetRole, wire::SettingsFrame, wire::SettingsRequest,
        wire::Subscribe, wire::Typing, wire::TypingFrame, wire::Unread, wire::UserMark, wire::Welcome,
        limits::Limits,
        model::Added, model::Attachment, model::Created, model::Data, model::Edit, model::Entry, model::Left,
        model::MemberRemoved, model::Message, model::Policy, model::Reaction, model::Retitled, model::Retraction,
        model::RoleGiven, model::Setting, model::Tombstone,
    ];
    let choices = table![TAGS:
        wire::ClientFrame, wire::ServerFrame, wire::SendContent, wire::MembersChange,
        model::Content, model::Membership, model::PolicyChange, model::Retention,
    ];
    let symbols = symbols![
        wire::KindName,
        wire::GapReason,
        model::EraseReason,
        model::History,
        model::Kind,
        model::Role,
        model::UserPresence,
    ];
    let codes: Map<String, Value> = Code::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), code.number().into()))
        .collect();
    json!({
        "title": "messenger.v1.cbor",
        "description": "The numbers that stand for the names of messenger.v1.schema.json in binary messages. \
            A record is a map with these keys; a choice is an array of its number and its body; a symbol is its number. \
            Retention is [0], [1] or [2, seconds]. A Cmid is 16 bytes, Data.bytes are bytes, a Code is its number.",
        "records": records,
        "choices": choices,
        "symbols": symbols,
        "codes": codes,
    })
}

fn numbers(table: &[(&str, u16)]) -> Value {
    table
        .iter()
        .map(|(name, number)| ((*name).to_owned(), Value::from(*number)))
        .collect()
}

/// Reads binary messages by the published files alone.
struct Reader {
    schema: Value,
    table: Value,
}

impl Reader {
    fn read(&self, schema: &Value, d: &mut minicbor::Decoder<'_>) -> Value {
        let (name, schema) = self.resolve(schema);
        match name {
            "Cmid" => {
                let hex: String = bytes(d).iter().map(|byte| format!("{byte:02x}")).collect();
                let part = |from: usize, to: usize| &hex[from..to];
                json!(
                    [
                        part(0, 8),
                        part(8, 12),
                        part(12, 16),
                        part(16, 20),
                        part(20, 32)
                    ]
                    .join("-")
                )
            }
            "Data" => self.read_record(name, schema, d),
            "Code" => name_of(&self.table["codes"], d.u64().expect("a code is a number")).into(),
            _ if self.table["records"].get(name).is_some() => self.read_record(name, schema, d),
            _ if self.table["choices"].get(name).is_some() => self.read_choice(name, schema, d),
            _ if self.table["symbols"].get(name).is_some() => name_of(
                &self.table["symbols"][name],
                d.u64().expect("a symbol is a number"),
            )
            .into(),
            _ => self.read_plain(schema, d),
        }
    }

    fn read_record(&self, name: &str, schema: &Value, d: &mut minicbor::Decoder<'_>) -> Value {
        let mut record = Map::new();
        for _ in 0..d
            .map()
            .expect("a record is a map")
            .expect("lengths are definite")
        {
            let field = name_of(
                &self.table["records"][name],
                d.u64().expect("a key is a number"),
            );
            let value = match (name, field.as_str()) {
                ("Data", "bytes") => base64(bytes(d)).into(),
                _ => self.read(&schema["properties"][&field], d),
            };
            record.insert(field, value);
        }
        Value::Object(record)
    }

    fn read_choice(&self, name: &str, schema: &Value, d: &mut minicbor::Decoder<'_>) -> Value {
        let length = d
            .array()
            .expect("a choice is an array")
            .expect("lengths are definite");
        let tag = name_of(
            &self.table["choices"][name],
            d.u64().expect("a choice has a number"),
        );
        if length == 1 {
            return tag.into();
        }
        let variants = schema["oneOf"].as_array().expect("a choice has variants");
        let body = variants
            .iter()
            .find_map(|variant| variant["properties"].get(&tag));
        json!({ tag: self.read(body.expect("the variant has a body"), d) })
    }

    fn read_plain(&self, schema: &Value, d: &mut minicbor::Decoder<'_>) -> Value {
        use minicbor::data::Type;
        match d.datatype().expect("an item begins") {
            Type::Bool => d.bool().expect("a bool").into(),
            Type::String => d.str().expect("a text").into(),
            Type::Null => {
                d.null().expect("null");
                Value::Null
            }
            Type::Array => {
                let length = d.array().expect("an array").expect("lengths are definite");
                (0..length)
                    .map(|_| self.read(&schema["items"], d))
                    .collect()
            }
            _ => d.u64().expect("an integer").into(),
        }
    }

    /// Puts in what the text leaves out: fields that are false or empty.
    fn fill_in(&self, schema: &Value, value: &mut Value) {
        let (_, schema) = self.resolve(schema);
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            for (tag, body) in value.as_object_mut().into_iter().flatten() {
                let found = variants.iter().find_map(|v| v["properties"].get(tag));
                self.fill_in(found.expect("the variant has a body"), body);
            }
            return;
        }
        for item in value.as_array_mut().into_iter().flatten() {
            self.fill_in(&schema["items"], item);
        }
        if !value.is_object() {
            return;
        }
        for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
            let absent = match inner["type"].as_str() {
                Some("boolean") => json!(false),
                Some("array") => json!([]),
                _ => Value::Null,
            };
            match value.get_mut(field) {
                Some(present) => self.fill_in(inner, present),
                None if !absent.is_null() => value[field] = absent,
                None => {}
            }
        }
    }

    fn resolve<'s>(&'s self, schema: &'s Value) -> (&'s str, &'s Value) {
        resolve(&self.schema, schema)
    }
}

/// Follows a reference; also through `anyOf` with null, as optional fields have it, and `allOf` of one.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> (&'s str, &'s Value) {
    let single = ["anyOf", "allOf"].iter().find_map(|word| {
        schema
            .get(*word)?
            .as_array()?
            .iter()
            .find(|s| s["type"] != "null")
    });
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let name = reference.trim_start_matches("#/$defs/");
            (name, &root["$defs"][name])
        }
        None => single.map_or(("", schema), |inner| resolve(root, inner)),
    }
}

/// Removes from `missing` the fields that this value has.
fn tick_off(root: &Value, schema: &Value, value: &Value, missing: &mut BTreeSet<(String, String)>) {
    let (name, schema) = resolve(root, schema);
    let variants = schema.get("oneOf").and_then(Value::as_array);
    for (field, inner) in value.as_object().into_iter().flatten() {
        missing.remove(&(name.to_owned(), field.clone()));
        let of_variant =
            variants.and_then(|all| all.iter().find_map(|v| v["properties"].get(field)));
        let inner_schema = of_variant.unwrap_or(&schema["properties"][field]);
        tick_off(root, inner_schema, inner, missing);
    }
    for item in value.as_array().into_iter().flatten() {
        tick_off(root, &schema["items"], item, missing);
    }
}

fn goldens() -> [(&'static str, Vec<(&'static str, Value)>); 2] {
    let parse = |text: String| serde_json::from_str(&text).expect("a golden file is JSON");
    let client = samples::client()
        .into_iter()
        .map(|(name, f)| (name, parse(f.to_json())));
    let server = samples::server()
        .into_iter()
        .map(|(name, f)| (name, parse(f.to_json())));
    [
        ("ClientFrame", client.collect()),
        ("ServerFrame", server.collect()),
    ]
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["$defs"].as_object().into_iter().flatten()
}

fn properties(definition: &Value) -> BTreeSet<String> {
    let fields = definition["properties"].as_object().into_iter().flatten();
    fields.map(|(field, _)| field.clone()).collect()
}

/// The tags of a variant: the key of its one property, or its names.
fn tags(variant: &Value) -> Vec<String> {
    let names = variant["enum"].as_array().into_iter().flatten();
    let name = variant.get("const").into_iter();
    let texts = names
        .chain(name)
        .filter_map(Value::as_str)
        .map(str::to_owned);
    texts.chain(properties(variant)).collect()
}

fn names(table: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let entries = table.as_object().into_iter().flatten();
    entries
        .map(|(name, fields)| {
            let fields = fields.as_object().into_iter().flatten();
            (
                name.clone(),
                fields.map(|(field, _)| field.clone()).collect(),
            )
        })
        .collect()
}

fn name_of(table: &Value, number: u64) -> String {
    let mut entries = table.as_object().into_iter().flatten();
    let found = entries.find(|(_, value)| value.as_u64() == Some(number));
    found
        .unwrap_or_else(|| panic!("{number} is not in {table}"))
        .0
        .clone()
}

fn bytes<'b>(d: &mut minicbor::Decoder<'b>) -> &'b [u8] {
    d.bytes().expect("bytes")
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn pretty(value: &Value) -> String {
    format!(
        "{}\n",
        serde_json::to_string_pretty(value).expect("a value can be written")
    )
}

fn hold(name: &str, text: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::create_dir_all(folder()).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "{} differs from the code: if the change is meant, run with UPDATE_SCHEMA=1",
        path.display()
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema")
}
