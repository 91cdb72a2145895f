//! Who may import whom: the crates of the workspace, and the modules inside the core.
//!
//! ```text
//! core ← embedded              a store knows the core only
//! core ← hub ← ws              the hub names no store and no transport
//! core ← client                never hub or ws: they meet only in tests
//! core ← testkit               a dev-dependency of the others
//! all  ← messenger ← examples
//!
//! codec, id, time, error, limits ← model ← wire ← session, conversation, node, client
//!                                  model ← store ← memory, mock
//!                              machines, store ← perform
//! ```

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use support::{Graph, files, root};

const CORE: &str = "messenger-core";
const FACADE: &str = "messenger";

/// What a crate of the workspace may import of the others.
struct Rule {
    name: &'static str,
    normal: &'static [&'static str],
    dev: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        name: CORE,
        normal: &[],
        dev: &["messenger-testkit"],
    },
    Rule {
        name: "messenger-testkit",
        normal: &[CORE],
        dev: &[],
    },
    Rule {
        name: "messenger-embedded",
        normal: &[CORE],
        dev: &["messenger-testkit"],
    },
    Rule {
        name: "messenger-hub",
        normal: &[CORE],
        dev: &["messenger-testkit"],
    },
    Rule {
        name: "messenger-ws",
        normal: &[CORE, "messenger-hub"],
        dev: &[
            "messenger-testkit",
            "messenger-embedded",
            "messenger-client",
        ],
    },
    Rule {
        name: "messenger-client",
        normal: &[CORE],
        dev: &[
            "messenger-testkit",
            "messenger-hub",
            "messenger-ws",
            "messenger-embedded",
        ],
    },
];

/// What has no place in a core without clocks, sockets and threads.
const NOT_IN_THE_CORE: &[&str] = &[
    "async-std",
    "axum",
    "fjall",
    "futures-executor",
    "hyper",
    "mio",
    "rand",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
    "tungstenite",
];

#[test]
fn crates_import_each_other_only_as_drawn() {
    let graph = Graph::of_this_workspace();
    assert_eq!(directions(&graph), Vec::<String>::new());
}

#[test]
fn the_core_pulls_in_no_runtime_and_no_socket() {
    let graph = Graph::of_this_workspace();
    assert!(
        graph.closure(CORE).contains("serde"),
        "the closure of the core was not found"
    );
    assert_eq!(impurities(&graph), Vec::<String>::new());
}

#[test]
fn modules_of_the_core_import_each_other_only_as_drawn() {
    let source = root().join(CORE).join("src");
    let mut broken = Vec::new();
    let mut imports = 0;
    let all = files(&source, ".rs");
    let tests: BTreeSet<_> = all.iter().flat_map(|file| test_files(file)).collect();
    for file in all.iter().filter(|file| !tests.contains(*file)) {
        let path = file
            .strip_prefix(&source)
            .expect("the file was found below it");
        let text = std::fs::read_to_string(file).expect("a source file can be read");
        imports += imported(&module_path(path), &code(&text)).len();
        broken.extend(misdirected(path, &text));
    }
    assert!(
        imports > 20,
        "hardly an import was found: the scan is broken"
    );
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_wrong_direction_between_crates_is_found() {
    let cases = [
        (
            "messenger-hub",
            "messenger-embedded",
            "normal",
            "messenger-hub imports messenger-embedded",
        ),
        (
            "messenger-hub",
            "messenger-ws",
            "normal",
            "messenger-hub imports messenger-ws",
        ),
        (
            "messenger-client",
            "messenger-hub",
            "normal",
            "messenger-client imports messenger-hub",
        ),
        (
            "messenger-embedded",
            "messenger-hub",
            "dev",
            "messenger-embedded imports messenger-hub in tests",
        ),
        (
            "messenger-core",
            "messenger",
            "dev",
            "messenger-core imports messenger in tests",
        ),
        (
            "messenger-testkit",
            "messenger-client",
            "normal",
            "messenger-testkit imports messenger-client",
        ),
        (
            "messenger-ws",
            "messenger",
            "normal",
            "messenger-ws imports messenger",
        ),
    ];
    for (from, to, kind, expected) in cases {
        let graph = Graph::parse(&planted(from, to, kind));
        assert_eq!(directions(&graph), [expected], "{from} → {to} as {kind}");
    }
    let harmless = Graph::parse(&planted("messenger-client", "messenger-ws", "dev"));
    assert_eq!(directions(&harmless), Vec::<String>::new());
}

#[test]
fn a_crate_that_the_drawing_lacks_is_found() {
    let mut metadata = planted("messenger-ws", "messenger-core", "normal");
    metadata["workspace_members"]
        .as_array_mut()
        .unwrap()
        .push("messenger-new".into());
    metadata["packages"]
        .as_array_mut()
        .unwrap()
        .push(serde_json::json!({
            "id": "messenger-new", "name": "messenger-new", "version": "0.1.0",
            "manifest_path": "/w/messenger-new/Cargo.toml", "dependencies": [],
        }));
    assert_eq!(
        directions(&Graph::parse(&metadata)),
        ["messenger-new is not drawn: add it to RULES"]
    );
}

#[test]
fn a_runtime_in_the_core_is_found_however_deep() {
    let mut metadata = planted("messenger-core", "bytes", "normal");
    for (id, dependency) in [("bytes", "tokio"), ("tokio", "mio"), ("mio", "")] {
        metadata["packages"]
            .as_array_mut()
            .unwrap()
            .push(serde_json::json!({
                "id": id, "name": id, "version": "1.0.0", "manifest_path": "", "dependencies": [],
            }));
        let deps: Vec<_> = [dependency]
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| serde_json::json!({ "pkg": name, "dep_kinds": [{ "kind": null }] }))
            .collect();
        metadata["resolve"]["nodes"]
            .as_array_mut()
            .unwrap()
            .push(serde_json::json!({ "id": id, "deps": deps }));
    }
    assert_eq!(
        impurities(&Graph::parse(&metadata)),
        [
            "messenger-core pulls in mio",
            "messenger-core pulls in tokio"
        ]
    );
}

#[test]
fn a_wrong_direction_between_modules_is_found() {
    let cases = [
        (
            "session/flow.rs",
            "use crate::store::MessageStore;",
            "session/flow.rs imports store",
        ),
        (
            "session/mod.rs",
            "fn f(_: &dyn crate::store::Broker) {}",
            "session/mod.rs imports store",
        ),
        (
            "model/mark.rs",
            "use crate::{id::UserId, wire::Frame};",
            "model/mark.rs imports wire",
        ),
        (
            "model/mark.rs",
            "pub(crate) use super::super::node::Node;",
            "model/mark.rs imports node",
        ),
        ("id.rs", "use super::model::Entry;", "id.rs imports model"),
        (
            "store/message.rs",
            "use crate::memory::Memory;",
            "store/message.rs imports memory",
        ),
        (
            "memory/mod.rs",
            "use crate::session::Session;",
            "memory/mod.rs imports session",
        ),
        (
            "wire/frame.rs",
            "use crate::\n{\n  model::{Entry,\n Draft},\n client as c,\n};",
            "wire/frame.rs imports client",
        ),
        (
            "helpers.rs",
            "use crate::id::UserId;",
            "helpers.rs is not drawn: add its module to LAYERS",
        ),
    ];
    for (path, text, expected) in cases {
        assert_eq!(misdirected(Path::new(path), text), [expected], "{text}");
    }
    let harmless = [
        (
            "session/flow.rs",
            "use crate::model::{Draft, store::X};\n// use crate::store::Broker;\n/// [`crate::store`]",
        ),
        (
            "session/flow.rs",
            "use super::store::Local; // session::store, not the traits",
        ),
        (
            "memory/mod.rs",
            "use crate::{store::MessageStore, model::Entry, error::StoreError};",
        ),
        (
            "node/mod.rs",
            "#[cfg(test)]\nmod tests {\n  use crate::memory::Memory;\n  fn f() {}\n}\n",
        ),
        ("node/mod.rs", "const S: &str = \"crate::store::X\";"),
    ];
    for (path, text) in harmless {
        assert_eq!(
            misdirected(Path::new(path), text),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

/// Which own crates import what the drawing does not allow.
fn directions(graph: &Graph) -> Vec<String> {
    let own: BTreeMap<_, _> = graph
        .own()
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut broken = Vec::new();
    for (name, package) in &own {
        let example = package
            .manifest
            .components()
            .any(|part| part.as_os_str() == "examples");
        if *name == FACADE || example {
            continue;
        }
        let Some(rule) = RULES.iter().find(|rule| rule.name == *name) else {
            broken.push(format!("{name} is not drawn: add it to RULES"));
            continue;
        };
        let unlisted = |found: &BTreeSet<String>, allowed: &[&str]| -> Vec<String> {
            let ours = found.iter().filter(|name| own.contains_key(name.as_str()));
            ours.filter(|name| !allowed.contains(&name.as_str()))
                .cloned()
                .collect()
        };
        for other in unlisted(&package.normal, rule.normal) {
            broken.push(format!("{name} imports {other}"));
        }
        let in_tests = [rule.normal, rule.dev].concat();
        for other in unlisted(&package.dev, &in_tests) {
            broken.push(format!("{name} imports {other} in tests"));
        }
    }
    broken
}

/// What the core pulls in that does not belong there.
fn impurities(graph: &Graph) -> Vec<String> {
    let found = graph.closure(CORE);
    let unwanted = found
        .iter()
        .filter(|name| NOT_IN_THE_CORE.contains(&name.as_str()));
    unwanted
        .map(|name| format!("{CORE} pulls in {name}"))
        .collect()
}

/// Each module of the core with the modules that it may import, itself apart.
const LAYERS: &[(&[&str], &[&[&str]])] = &[
    (BASE, &[BASE]),
    (&["model"], &[BASE]),
    (&["wire"], &[BASE, &["model"]]),
    (MACHINES, &[BASE, &["model", "wire"], MACHINES]),
    (&["store"], &[BASE, &["model"]]),
    (&["memory", "mock"], &[BASE, &["model", "store"]]),
    (&["perform"], &[BASE, &["model", "wire", "store"], MACHINES]),
];
const BASE: &[&str] = &["codec", "id", "time", "error", "limits"];
const MACHINES: &[&str] = &["session", "conversation", "node", "client"];

/// Which imports of one file of the core the drawing does not allow.
fn misdirected(path: &Path, text: &str) -> Vec<String> {
    let module = module_path(path);
    let Some(top) = module.first() else {
        return Vec::new();
    };
    let Some((_, allowed)) = LAYERS
        .iter()
        .find(|(names, _)| names.contains(&top.as_str()))
    else {
        return vec![format!(
            "{} is not drawn: add its module to LAYERS",
            path.display()
        )];
    };
    let known = |name: &String| {
        LAYERS
            .iter()
            .any(|(names, _)| names.contains(&name.as_str()))
    };
    imported(&module, &code(text))
        .into_iter()
        .filter(|name| known(name) && name != top)
        .filter(|name| !allowed.iter().any(|names| names.contains(&name.as_str())))
        .map(|name| format!("{} imports {name}", path.display()))
        .collect()
}

/// The module that a file below `src` is: `session/flow.rs` is `session`, `flow`.
fn module_path(path: &Path) -> Vec<String> {
    let mut module: Vec<String> = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        module.pop();
    }
    module
}

/// The names directly below the crate's root that a file mentions in paths.
fn imported(module: &[String], code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, colons) in code.match_indices("::") {
        let before = code[..at].trim_end();
        let rest = &code[at + colons.len()..];
        let root = word_at_end(before);
        if root == "crate" {
            found.extend(first_names(rest));
        } else if root == "super" {
            let mut above = 1;
            let mut tail = rest.trim_start();
            while let Some(next) = tail.strip_prefix("super") {
                above += 1;
                tail = next
                    .trim_start()
                    .strip_prefix("::")
                    .unwrap_or(next)
                    .trim_start();
            }
            let chained = before[..before.len() - root.len()]
                .trim_end()
                .ends_with("::");
            if above == module.len() && !chained {
                found.extend(first_names(tail));
            }
        }
    }
    found
}

/// The first names of `a::b`, or of each branch of `{a::b, c::{d, e}}`.
fn first_names(path: &str) -> Vec<String> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else {
        return vec![word_at_start(path).to_owned()];
    };
    let mut depth = 0;
    let mut start = 0;
    let mut names = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.push(word_at_start(group[start..at].trim_start()).to_owned());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn word_at_start(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}

fn word_at_end(text: &str) -> &str {
    let start = text
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    &text[start..]
}

/// The text without comments, strings and test modules.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('/', Some('/')) => while chars.next().is_some_and(|c| c != '\n') {},
            ('"', _) => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('\'', Some('"')) => drop(chars.next()),
            _ => {
                out.push(c);
                continue;
            }
        }
        out.push('\n');
    }
    while let Some(at) = out.find("#[cfg(test)]") {
        let length = test_module_length(&out[at..]);
        out.replace_range(at..at + length, "");
    }
    out
}

/// How far the item goes that `#[cfg(test)]` opens.
fn test_module_length(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The files that `file` names as `#[cfg(test)] mod name;`.
fn test_files(file: &Path) -> Vec<std::path::PathBuf> {
    let text = std::fs::read_to_string(file).expect("a source file can be read");
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib") => file.with_file_name(""),
        _ => file.with_extension(""),
    };
    let mut named = Vec::new();
    for (at, marker) in text.match_indices("#[cfg(test)]") {
        let item = text[at + marker.len()..].trim_start();
        let name = item.strip_prefix("mod ").map(word_at_start);
        if let Some(name) = name.filter(|name| item[4 + name.len()..].starts_with(';')) {
            named.push(folder.join(format!("{name}.rs")));
            named.extend(files(&folder.join(name), ".rs"));
        }
    }
    named
}

/// A small workspace as drawn, with one dependency more.
fn planted(from: &str, to: &str, kind: &str) -> serde_json::Value {
    let mut packages = Vec::new();
    let mut nodes = Vec::new();
    let names = RULES.iter().map(|rule| rule.name).chain([FACADE]);
    for name in names.clone() {
        let rule = RULES.iter().find(|rule| rule.name == name);
        let mut dependencies: Vec<_> = rule
            .map_or(&[][..], |rule| rule.normal)
            .iter()
            .map(|name| serde_json::json!({ "name": name, "kind": null }))
            .collect();
        let mut deps = Vec::new();
        if name == from {
            let kind = (kind != "normal").then_some(kind);
            dependencies.push(serde_json::json!({ "name": to, "kind": kind }));
            deps.push(serde_json::json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }));
        }
        packages.push(serde_json::json!({
            "id": name, "name": name, "version": "0.1.0",
            "manifest_path": format!("/w/{name}/Cargo.toml"), "dependencies": dependencies,
        }));
        nodes.push(serde_json::json!({ "id": name, "deps": deps }));
    }
    serde_json::json!({
        "packages": packages,
        "workspace_members": names.collect::<Vec<_>>(),
        "resolve": { "nodes": nodes },
    })
}
