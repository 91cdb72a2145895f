//! `docs/operations/running.md` names every metric and every exit code that there is, and no others.

mod support;

use std::collections::BTreeSet;

use support::{files, root};

const PAGE: &str = "docs/operations/running.md";

#[test]
fn every_metric_is_on_the_page() {
    let mut recorded = BTreeSet::new();
    for folder in [
        "messenger-hub",
        "messenger-ws",
        "messenger-embedded",
        "examples/reference-server",
    ] {
        for file in files(&root().join(folder).join("src"), ".rs") {
            recorded.extend(metrics(&read(file)));
        }
    }
    assert!(
        !recorded.is_empty(),
        "no metric was found: the scan is broken"
    );
    let page = read(root().join(PAGE));
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `messenger_"));
    let described: BTreeSet<String> = rows
        .filter_map(|row| row.split('`').next())
        .map(|name| format!("messenger_{name}"))
        .collect();
    assert_eq!(described, recorded);
}

#[test]
fn every_exit_code_is_on_the_page() {
    let source = read(root().join("examples/reference-server/src/exit.rs"));
    let arms = |function: &str| -> Vec<(String, String)> {
        let (_, body) = source.split_once(function).expect("the function is there");
        let arms = body
            .lines()
            .skip(2)
            .map_while(|line| line.trim().split_once(" => "));
        arms.map(|(exit, value)| (exit.to_owned(), value.trim_matches([',', '"']).to_owned()))
            .collect()
    };
    let (codes, meanings) = (arms("fn code(self)"), arms("fn meaning(self)"));
    assert!(codes.len() > 3, "the table of exit codes was not found");
    let page = read(root().join(PAGE));
    for ((exit, code), (same, meaning)) in codes.iter().zip(&meanings) {
        assert_eq!(exit, same);
        assert!(
            page.contains(&format!("| {code} | {meaning} |")),
            "{exit}: {code}, {meaning}"
        );
    }
}

#[test]
fn a_metric_is_found_wherever_its_name_stands() {
    let text = "metrics::gauge!(\"messenger_a\").set(1.0);\n histogram!(\n    \"messenger_b_ms\", 3);\n\
                let x = \"messenger_c\"; counter!(NAME)";
    assert_eq!(metrics(text), ["messenger_a", "messenger_b_ms"]);
}

/// The names given to the recording macros.
fn metrics(text: &str) -> Vec<String> {
    let macros = ["gauge!(", "counter!(", "histogram!("].iter();
    macros
        .flat_map(|open| text.split(open).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .filter(|name| name.starts_with("messenger_"))
        .map(str::to_owned)
        .collect()
}

fn read(path: std::path::PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
