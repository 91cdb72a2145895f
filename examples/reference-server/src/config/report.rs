//! `check-config`: the settings in force, each with where it comes from.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::load::Effective;

/// The column at which the origins begin, unless a value is longer.
const ORIGIN_COLUMN: usize = 44;

/// Writes the settings in force as a TOML file with the origins as comments.
pub fn report(effective: &Effective) -> String {
    let mut out = String::new();
    section(&mut out, effective, &effective.table, "");
    for (name, value) in &effective.table {
        if let Value::Table(inner) = value
            && !inner.is_empty()
        {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n[{name}]");
            section(&mut out, effective, inner, name);
        }
    }
    out
}

fn section(out: &mut String, effective: &Effective, table: &Table, prefix: &str) {
    for (name, value) in table.iter().filter(|(_, value)| !value.is_table()) {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let line = format!("{name} = {value}");
        let _ = writeln!(out, "{line:<ORIGIN_COLUMN$}  # {}", effective.origin(&key));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, Layers, load};
    use super::*;

    #[test]
    fn the_report_is_a_configuration_file_that_comes_to_the_same() {
        let mut layers = Layers::default();
        layers.add_environment([("MESSENGER__LOG__FILTER".to_owned(), "debug".to_owned())]);
        let effective = load(&layers).expect("sound");

        let text = report(&effective);

        assert!(
            text.contains("# environment MESSENGER__LOG__FILTER"),
            "{text}"
        );
        assert!(text.contains("# default"), "{text}");
        let mut again = Layers::default();
        again
            .add_file(Path::new("messenger.toml"), &text)
            .expect("TOML");
        let again = load(&again).expect("sound").config;
        assert_eq!(again, effective.config);
        assert_ne!(again, Config::default());
    }
}
