//! Every `# Contract` bullet of the store traits has a case of its name, and every case a bullet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use messenger_testkit::conformance::{Need, cases};

/// A bullet's name with the clauses that it names.
type Promises = BTreeMap<String, Vec<String>>;

#[test]
fn every_bullet_has_a_case_and_every_case_a_bullet() {
    let promised = promises_of_the_store_traits();
    let tested: Promises = cases()
        .map(|case| {
            let clauses = case.clauses.iter().map(ToString::to_string).collect();
            (case.name.to_owned(), clauses)
        })
        .collect();
    assert_eq!(tested.len(), cases().count(), "a name is a case's own");
    for (name, clauses) in &promised {
        assert_eq!(
            tested.get(name),
            Some(clauses),
            "`{name}` has a case for these clauses"
        );
    }
    for name in tested.keys() {
        assert!(
            promised.contains_key(name),
            "`{name}` has a bullet in a store trait"
        );
    }
    assert!(
        promised.len() > 80,
        "only {} bullets were found",
        promised.len()
    );
}

#[test]
fn every_case_of_opening_again_says_so_in_its_name() {
    for case in cases() {
        let named = case.name.ends_with("_after_opening_again");
        assert_eq!(case.reopens, named, "{}", case.name);
        let needs_a_store = case.needs.iter().any(|need| Need::STORES.contains(need));
        assert!(needs_a_store, "{}", case.name);
    }
}

#[test]
fn bullets_are_found_with_all_their_clauses() {
    let source = "
        /// Reads.
        ///
        /// # Contract
        /// - `one_thing` (LOG-1, contract 1, User)
        /// - `another` (SEC-4)
        ///
        /// # Errors
        /// - `not_a_promise` (LOG-2)
        async fn read();
        /// - `nor_this` (LOG-3)
    ";
    let expected = [
        ("one_thing", vec!["LOG-1", "contract 1, User"]),
        ("another", vec!["SEC-4"]),
    ];
    let expected: Promises = expected
        .into_iter()
        .map(|(name, clauses)| {
            (
                name.to_owned(),
                clauses.into_iter().map(String::from).collect(),
            )
        })
        .collect();
    assert_eq!(promises(source), expected);
}

fn promises_of_the_store_traits() -> Promises {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../messenger-core/src/store");
    let mut all = Promises::new();
    for file in sources(&folder) {
        let source = std::fs::read_to_string(&file).expect("a source file can be read");
        for (name, clauses) in promises(&source) {
            let before = all.insert(name.clone(), clauses);
            assert_eq!(before, None, "`{name}` is promised twice");
        }
    }
    all
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the store traits lie beside this crate");
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The bullets of all `# Contract` sections of a source text.
fn promises(source: &str) -> Promises {
    let mut found = Promises::new();
    let mut in_contract = false;
    for line in source.lines() {
        let Some(doc) = line.trim().strip_prefix("///") else {
            in_contract = false;
            continue;
        };
        let doc = doc.trim();
        if doc.starts_with('#') {
            in_contract = doc == "# Contract";
        } else if in_contract && let Some(bullet) = doc.strip_prefix("- `") {
            let (name, rest) = bullet.split_once('`').expect("a bullet names its promise");
            found.insert(name.to_owned(), clauses(rest));
        }
    }
    found
}

/// `(LOG-1, contract 1, User)` names two clauses: what is no clause by itself belongs to the one before.
fn clauses(text: &str) -> Vec<String> {
    let inside = text
        .trim()
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .expect("a bullet ends with its clauses in parentheses");
    let mut clauses: Vec<String> = Vec::new();
    for part in inside.split(", ") {
        let begins = part.contains('-') || part.starts_with("contract ");
        match clauses.last_mut() {
            Some(last) if !begins => {
                last.push_str(", ");
                last.push_str(part);
            }
            Some(_) | None => clauses.push(part.to_owned()),
        }
    }
    clauses
}
