//! The documents hold together: links lead somewhere, the book lists its pages, and every
//! clause that is named anywhere stands in the contract.

mod support;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use support::{files, root};

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        links += targets(&text).len();
        broken.extend(broken_links(&page, &text));
    }
    assert!(links > 20, "hardly a link was found: the scan is broken");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_book_lists_every_page_once() {
    let docs = root().join("docs");
    let listed: Vec<PathBuf> = targets(&read(&docs.join("SUMMARY.md")))
        .iter()
        .map(|link| docs.join(link))
        .collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice");
    let written: BTreeSet<_> = files(&docs, ".md")
        .into_iter()
        .filter(|page| !page.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(unique, written);
}

#[test]
fn the_summary_has_the_shape_that_mdbook_takes() {
    let summary = read(&root().join("docs/SUMMARY.md"));
    assert_eq!(misshapen(&summary), Vec::<String>::new());
    assert!(root().join("docs/book.toml").is_file());
}

#[test]
fn every_clause_that_is_named_stands_in_the_contract() {
    let contract = read(&root().join("docs/contract.md"));
    let defined = defined_clauses(&contract);
    assert!(
        defined.len() > 55,
        "the contract has lost clauses: {defined:?}"
    );
    let mut unknown = Vec::new();
    for file in sources().into_iter().chain(pages()) {
        if file.ends_with(file!()) {
            continue; // The clauses planted below.
        }
        let missing = clauses(&read(&file))
            .into_iter()
            .filter(|clause| !defined.contains(clause));
        unknown.extend(missing.map(|clause| format!("{}: {clause}", file.display())));
    }
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn the_decisions_are_numbered_without_a_hole() {
    let names: Vec<String> = files(&root().join("docs/adr"), ".md")
        .iter()
        .filter_map(|page| {
            page.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        })
        .collect();
    assert!(!names.is_empty());
    for (number, name) in (1..).zip(&names) {
        assert!(
            name.starts_with(&format!("{number:04}-")),
            "{name} should be number {number}"
        );
    }
}

#[test]
fn a_broken_link_is_found() {
    let page = root().join("docs/contract.md");
    let text = "[a](nowhere.md) [b](contract.md#LOG-1) [c](contract.md#LOG-99) [d](#the-log)\n\
                [e](https://example.org/x) `[f](code.md)`\n```\n[g](code.md)\n```\n[h]: gone.md\n";
    assert_eq!(
        broken_links(&page, text),
        [
            "docs/contract.md: nowhere.md",
            "docs/contract.md: contract.md#LOG-99",
            "docs/contract.md: gone.md"
        ]
    );
}

#[test]
fn a_summary_that_mdbook_would_refuse_is_found() {
    assert_eq!(
        misshapen("# Summary\n\n[Start](a.md)\n\n# Part\n\n- [A](a.md)\n  - [B](b.md)\n---\n"),
        Vec::<String>::new()
    );
    assert_eq!(misshapen("# Summary\n- A page\n"), ["- A page"]);
    assert_eq!(misshapen("# Summary\nSome prose.\n"), ["Some prose."]);
    assert_eq!(
        misshapen("[A](a.md)\n"),
        ["the first line is not `# Summary`"]
    );
}

#[test]
fn a_clause_is_recognised_wherever_it_stands() {
    let found = clauses("(LOG-4: only now), MARK-2, XLOG-3, LOG-x, RFC-2119 and `SEC-11`; MARK-");
    assert_eq!(
        found,
        BTreeSet::from(["LOG-4", "MARK-2", "SEC-11"].map(str::to_owned))
    );
}

/// The pages of the repository: what lies at its root, in `docs` and beside the code.
fn pages() -> Vec<PathBuf> {
    below_root(".md")
}

fn sources() -> Vec<PathBuf> {
    below_root(".rs")
}

/// Files of the repository; nothing that was built or fetched.
fn below_root(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root()).expect("the root can be listed") {
        let path = entry.expect("the root can be listed").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_file() && name.ends_with(ending) {
            found.push(path);
        } else if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn broken_links(page: &Path, text: &str) -> Vec<String> {
    let folder = page.parent().expect("a page lies in a folder");
    let mut broken = Vec::new();
    for target in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let file = if path.is_empty() {
            page.to_path_buf()
        } else {
            normal(&folder.join(path))
        };
        let found = file.exists() && (anchor.is_empty() || anchors(&read(&file)).contains(anchor));
        if !found {
            let name = page.strip_prefix(root()).unwrap_or(page);
            broken.push(format!("{}: {target}", name.display()));
        }
    }
    broken
}

/// Where the links of a page point, those in code apart.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let mut code = false;
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            match chars[at] {
                '`' => code = !code,
                ']' if !code && chars.get(at + 1) == Some(&'(') => {
                    let target: String =
                        chars[at + 2..].iter().take_while(|c| **c != ')').collect();
                    found.push(target.split(' ').next().unwrap_or_default().to_owned());
                }
                _ => {}
            }
            at += 1;
        }
        if let Some((label, target)) = line.split_once("]: ")
            && label.starts_with('[')
        {
            found.push(target.trim().to_owned());
        }
    }
    found
}

/// The names that a link to this page can end in.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        if line.starts_with('#') {
            found.insert(slug(line.trim_start_matches('#')));
        }
        for (at, open) in line.match_indices("<a id=\"") {
            let id = line[at + open.len()..]
                .split('"')
                .next()
                .unwrap_or_default();
            found.insert(id.to_owned());
        }
    }
    found
}

/// A heading as the renderers make an anchor of it.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The path without `..`, as far as that goes without asking the disk.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            _ => out.push(part),
        }
    }
    out
}

/// The lines of a summary that mdBook does not understand.
fn misshapen(summary: &str) -> Vec<String> {
    let mut lines = summary.lines();
    if lines.next() != Some("# Summary") {
        return vec!["the first line is not `# Summary`".to_owned()];
    }
    let link = |text: &str| text.starts_with('[') && text.contains("](") && text.ends_with(')');
    let fits = |line: &&str| {
        let item = line.trim_start();
        let indented = (line.len() - item.len()).is_multiple_of(2);
        line.is_empty()
            || line.starts_with("# ")
            || *line == "---"
            || link(line)
            || (indented && item.strip_prefix("- ").is_some_and(link))
    };
    lines
        .filter(|line| !fits(line))
        .map(str::to_owned)
        .collect()
}

const GROUPS: &[&str] = &[
    "BP", "EDIT", "ENC", "LIFE", "LOG", "MARK", "PRES", "RES", "RET", "RIGHT", "SEC", "SET",
];

/// The clauses that a text names.
fn clauses(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    words
        .filter(|word| {
            word.split_once('-').is_some_and(|(group, number)| {
                let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
                GROUPS.contains(&group) && digits
            })
        })
        .map(str::to_owned)
        .collect()
}

/// The clauses that the contract defines: those with an anchor and their name in bold.
fn defined_clauses(contract: &str) -> BTreeSet<String> {
    let lines = contract
        .lines()
        .filter_map(|line| line.strip_prefix("<a id=\""));
    lines
        .filter_map(|line| line.split_once("\"></a>**"))
        .filter(|(id, rest)| rest.starts_with(&format!("{id} ")))
        .map(|(id, _)| id.to_owned())
        .collect()
}
