//! What every package has to keep to: licences, no second copies, and the lints of the house.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{Graph, files, root};

/// Licences that may come in with a dependency. MPL-2.0 only in an optional crate of its own.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Packages that are let in by name, with their licence and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "borrow-or-share",
        "MIT-0",
        "MIT that asks for nothing; only tests need it",
    ),
    (
        "xxhash-rust",
        "BSL-1.0",
        "as permissive; the embedded store's index needs it",
    ),
];

/// Of these a second version in the graph would mean two copies that do not know each other.
const ONCE: &[&str] = &[
    "axum",
    "axum-core",
    "bytes",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "mio",
    "rustls",
    "serde",
    "tokio",
    "tokio-rustls",
    "tokio-tungstenite",
    "tokio-util",
    "tungstenite",
    "uuid",
];

#[test]
fn every_dependency_has_an_allowed_licence() {
    let graph = Graph::of_this_workspace();
    assert!(graph.packages.len() > 20, "the dependencies were not found");
    assert_eq!(unlicensed(&graph), Vec::<String>::new());
}

#[test]
fn no_exception_outlives_its_package() {
    let graph = Graph::of_this_workspace();
    let used = graph
        .packages
        .values()
        .filter(|package| is_exception(package))
        .count();
    assert_eq!(used, EXCEPTIONS.len());
}

#[test]
fn no_dependency_of_the_runtime_comes_twice() {
    assert_eq!(doubled(&Graph::of_this_workspace()), Vec::<String>::new());
}

#[test]
fn every_own_crate_takes_the_lints_of_the_workspace() {
    let manifest = read_manifest(&root().join("Cargo.toml"));
    let lint = |name: &str| manifest["workspace"]["lints"]["rust"][name].as_str();
    assert_eq!(lint("unsafe_code"), Some("forbid"));
    assert_eq!(lint("missing_docs"), Some("deny"));

    let graph = Graph::of_this_workspace();
    for package in graph.own() {
        let manifest = read_manifest(&package.manifest);
        assert!(
            inherits_lints(&manifest),
            "{} needs `[lints] workspace = true`",
            package.name
        );
    }
}

#[test]
fn no_own_crate_switches_a_lint_of_the_house_off() {
    let graph = Graph::of_this_workspace();
    for package in graph.own() {
        let folder = package
            .manifest
            .parent()
            .expect("a manifest lies in a folder");
        for file in files(&folder.join("src"), ".rs") {
            let text = std::fs::read_to_string(&file).expect("a source file can be read");
            assert_eq!(switched_off(&text), None, "{}", file.display());
        }
    }
}

#[test]
fn every_published_crate_says_what_a_registry_asks_for() {
    let graph = Graph::of_this_workspace();
    for package in graph.own() {
        let manifest = read_manifest(&package.manifest);
        for field in [
            "description",
            "license",
            "repository",
            "rust-version",
            "edition",
        ] {
            assert!(
                manifest["package"].get(field).is_some(),
                "{}: {field}",
                package.name
            );
        }
        assert_eq!(
            package.licence.as_deref(),
            Some("MIT OR Apache-2.0"),
            "{}",
            package.name
        );
    }
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let refused = [
        None,
        Some("GPL-3.0-only"),
        Some("AGPL-3.0-or-later"),
        Some("MPL-2.0"),
        Some("MIT AND GPL-2.0"),
        Some("(MIT OR ISC) AND LGPL-3.0"),
    ];
    for licence in refused {
        assert!(!licence.is_some_and(allowed), "{licence:?}");
    }
    let accepted = [
        "MIT",
        "MIT OR GPL-2.0",
        "MIT/Apache-2.0",
        "(Apache-2.0 OR MIT) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR CC0-1.0",
        "ISC AND (Apache-2.0 OR ISC)",
    ];
    for licence in accepted {
        assert!(allowed(licence), "{licence}");
    }
}

#[test]
fn a_second_copy_is_found() {
    let mut graph = Graph::of_this_workspace();
    let (id, package) = graph
        .packages
        .iter()
        .find(|(_, package)| package.name == "serde")
        .map(|(id, package)| (id.clone(), package.clone()))
        .expect("the core uses serde");
    let other = support::Package {
        version: "0.9.15".to_owned(),
        ..package.clone()
    };
    graph.packages.insert(format!("{id}-old"), other);
    assert_eq!(
        doubled(&graph),
        [format!("serde: 0.9.15, {}", package.version)]
    );
}

#[test]
fn a_lint_that_is_switched_off_is_found() {
    assert_eq!(
        switched_off("#![allow(missing_docs)]"),
        Some("missing_docs")
    );
    assert_eq!(
        switched_off("#[expect( clippy::x, unsafe_code)]"),
        Some("unsafe_code")
    );
    assert_eq!(
        switched_off("#[allow(clippy::too_many_lines)] // missing_docs"),
        None
    );
    let manifest = "[package]\nname = \"x\"\n[lints]\nworkspace = false"
        .parse()
        .unwrap();
    assert!(!inherits_lints(&manifest));
}

fn unlicensed(graph: &Graph) -> Vec<String> {
    let fine = |package: &&support::Package| {
        package.licence.as_deref().is_some_and(allowed) || is_exception(package)
    };
    let bad = graph.packages.values().filter(|package| !fine(package));
    bad.map(|package| {
        format!(
            "{} {}: {:?}",
            package.name, package.version, package.licence
        )
    })
    .collect()
}

fn is_exception(package: &support::Package) -> bool {
    EXCEPTIONS.iter().any(|(name, licence, _)| {
        package.name == *name && package.licence.as_deref() == Some(licence)
    })
}

fn doubled(graph: &Graph) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph
        .packages
        .values()
        .filter(|package| ONCE.contains(&package.name.as_str()))
    {
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| {
            format!(
                "{name}: {}",
                versions.into_iter().collect::<Vec<_>>().join(", ")
            )
        })
        .collect()
}

fn read_manifest(path: &std::path::Path) -> toml::Table {
    let text = std::fs::read_to_string(path).expect("a manifest can be read");
    text.parse().expect("cargo has read this manifest already")
}

fn inherits_lints(manifest: &toml::Table) -> bool {
    let lints = manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    lints.and_then(toml::Value::as_bool) == Some(true)
}

/// The lint of the house that an attribute in the text takes back.
fn switched_off(text: &str) -> Option<&'static str> {
    let attributes = ["allow(", "expect(", "warn("].iter().flat_map(|open| {
        text.match_indices(open).map(move |(at, _)| {
            let inside = &text[at + open.len()..];
            &inside[..inside.find(')').unwrap_or(inside.len())]
        })
    });
    let names: Vec<&str> = attributes
        .flat_map(|inside| inside.split(',').map(str::trim))
        .collect();
    ["missing_docs", "unsafe_code"]
        .into_iter()
        .find(|lint| names.contains(lint))
}

/// Whether a licence expression leaves a choice within [`LICENCES`].
fn allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let allowed = any_of(&mut rest);
    allowed && rest.is_empty()
}

fn any_of(rest: &mut &[&str]) -> bool {
    let mut allowed = all_of(rest);
    while take(rest, "OR") {
        allowed |= all_of(rest);
    }
    allowed
}

fn all_of(rest: &mut &[&str]) -> bool {
    let mut allowed = one(rest);
    while take(rest, "AND") {
        allowed &= one(rest);
    }
    allowed
}

fn one(rest: &mut &[&str]) -> bool {
    if take(rest, "(") {
        let allowed = any_of(rest);
        return take(rest, ")") && allowed;
    }
    let Some((name, tail)) = rest.split_first() else {
        return false;
    };
    *rest = tail;
    if take(rest, "WITH") {
        // An exception only ever permits more.
        *rest = rest.get(1..).unwrap_or_default();
    }
    LICENCES.contains(name)
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    let found = rest.first() == Some(&word);
    if found {
        *rest = &rest[1..];
    }
    found
}
