//! `docs/operations/limits.md` is written from the core's table of limits, so that it cannot say anything else.
//!
//! `MESSENGER_BLESS=1 cargo test -p messenger --test limits_page` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use messenger::core::limits::{self, Limits};

#[test]
fn the_page_of_limits_is_up_to_date() {
    hold("docs/operations/limits.md", &limits_page());
}

#[test]
fn every_fixed_limit_is_on_the_page() {
    let table = source("limits.rs");
    let declared: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .collect();
    let listed: BTreeSet<&str> = fixed().iter().map(|(name, _)| *name).collect();
    assert_eq!(declared, listed);
}

/// Compares the page with what is written in the repository; or writes it, if asked to.
fn hold(path: &str, page: &str) {
    let file = root().join(path);
    if std::env::var_os("MESSENGER_BLESS").is_some() {
        std::fs::write(&file, page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "{path} is stale: write it anew with MESSENGER_BLESS=1"
    );
}

fn limits_page() -> String {
    let table = source("limits.rs");
    let mut page = String::from(LIMITS_INTRODUCTION);
    let values = serde_json::to_value(Limits::default()).expect("limits are plain numbers");
    for (index, name) in Limits::NAMES.iter().enumerate() {
        let meaning = meaning(&table, &format!("{index} {name}: "));
        let value = with_commas(values[name].as_u64().expect("a limit is a number"));
        line(&mut page, &format!("| `{name}` | {value} | {meaning} |"));
    }
    page.push_str(LIMITS_FIXED);
    for (name, value) in fixed() {
        let meaning = meaning(&table, &format!("pub const {name}:"));
        line(&mut page, &format!("| `{name}` | {value} | {meaning} |"));
    }
    page
}

const LIMITS_INTRODUCTION: &str = "\
# Limits

This page is written from the table in `messenger-core`; a test holds it to it. Every limit of the protocol has a name
([BP-4](../contract.md#BP-4)), and overload refuses early: it never loses.

## What an operator may set

A client is told these in `welcome`, under these names.

| limit | default | meaning |
|---|---|---|
";

const LIMITS_FIXED: &str = "
## What is fixed

These are part of the protocol, or of the promises in [the delivery contract](../contract.md).

| limit | value | meaning |
|---|---|---|
";

/// The limits that nobody sets, by name.
fn fixed() -> Vec<(&'static str, String)> {
    macro_rules! table {
        ($($show:ident($name:ident)),+ $(,)?) => {
            vec![$((stringify!($name), $show(limits::$name.into()))),+]
        };
    }
    let mut fixed = table![
        duration(CLAIM_KEPT),
        duration(CMID_MAX_AGE),
        duration(CMID_MAX_AHEAD),
        duration(OUTBOX_MAX_AGE),
        duration(RELAY_TIME_TO_LIVE),
        duration(DEVICE_MAX_UNSEEN),
        duration(OFFLINE_GRACE),
        duration(DRAINED_GRACE),
        duration(TYPING_SHOWN),
        duration(TYPING_EVERY),
        duration(HELLO_TIMEOUT),
        duration(FEED_MAX_AGE),
        duration(FEED_EVERY),
        duration(SLOW_MAX),
        duration(SINCE_EVERY),
        with_commas(SAVE_EVERY_ENTRIES),
        with_commas(UNREAD_EXACT_MAX),
        with_commas(PAGES_UNCONFIRMED),
    ];
    for (name, value) in [
        ("HELLO_MAX_BYTES", limits::HELLO_MAX_BYTES),
        ("RIGHTS_MAX_INTERVALS", limits::RIGHTS_MAX_INTERVALS),
        ("MARKS_LIVE_MEMBERS", limits::MARKS_LIVE_MEMBERS),
        ("MARKS_REQUEST_MEMBERS", limits::MARKS_REQUEST_MEMBERS),
        ("REACTIONS_SHOWN", limits::REACTIONS_SHOWN),
        ("EMOJI_MAX_BYTES", limits::EMOJI_MAX_BYTES),
        ("TITLE_MAX_BYTES", limits::TITLE_MAX_BYTES),
        ("MEDIA_TYPE_MAX_BYTES", limits::MEDIA_TYPE_MAX_BYTES),
        ("ATTACHMENTS_MAX", limits::ATTACHMENTS_MAX),
    ] {
        fixed.push((name, with_commas(value as u64)));
    }
    let (least, most) = (*limits::TIMED_SECONDS.start(), *limits::TIMED_SECONDS.end());
    let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
    fixed.push((
        "TIMED_SECONDS",
        format!("{} to {}", duration(least), duration(most)),
    ));
    fixed
}

/// A time in its largest unit that leaves no rest.
fn duration(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).expect("no limit is that long");
    let units = [
        (86_400_000, "days"),
        (60_000, "min"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| millis % size == 0)
        .expect("every number is a multiple of 1");
    match (millis / size, unit) {
        (1, "days") => "1 day".to_owned(),
        (number, unit) => format!("{} {unit}", with_commas(number)),
    }
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A source file of the core, in which each item stands under the comment that says what it means.
fn source(path: &str) -> String {
    let file = root().join("messenger-core/src").join(path);
    std::fs::read_to_string(file).expect("a source file can be read")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to a String cannot fail");
}

/// The doc comment above the line that begins so.
fn meaning(source: &str, line: &str) -> String {
    let mut comment: Vec<&str> = Vec::new();
    for text in source.lines().map(str::trim) {
        match text.strip_prefix("///") {
            Some(words) => comment.push(words.trim()),
            None if text.starts_with(line) => return comment.join(" "),
            None => comment.clear(),
        }
    }
    String::new()
}
