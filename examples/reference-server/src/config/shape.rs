//! The shape that every layer must fit: which keys there are, and of which type each is.
//!
//! The shape is a configuration in which everything is set, as a TOML table; so there is no second list of settings
//! that could lag behind the struct.

use toml::{Table, Value};

use super::Config;
use super::source::Given;

/// All keys and their types.
pub(super) struct Shape {
    exemplar: Table,
}

impl Shape {
    pub(super) fn new() -> Self {
        let exemplar = Table::try_from(Config::exemplar())
            .expect("a configuration is a table of plain values");
        Self { exemplar }
    }

    /// Reads a given value as the type that the key has.
    ///
    /// Returns what is wrong, starting with the key, if there is no such key or the value is of another type.
    pub(super) fn fit(&self, key: &str, given: &Given) -> Result<Value, String> {
        let expected = find(&self.exemplar, key).ok_or_else(|| self.unknown(key))?;
        match given {
            Given::Written(value) => self.check(key, value, expected).map(|()| value.clone()),
            Given::Text(text) => parse(text, expected)
                .ok_or_else(|| wrong(key, kind(expected), &format!("{text:?}"))),
        }
    }

    /// Lists all keys, in the order of the struct.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.exemplar, "", &mut keys);
        keys
    }

    fn check(&self, key: &str, value: &Value, expected: &Value) -> Result<(), String> {
        match (value, expected) {
            // An empty section.
            (Value::Table(_), Value::Table(_)) => Ok(()),
            (Value::Array(items), Value::Array(expected)) => {
                let expected = expected
                    .first()
                    .expect("the exemplar has an element in every list");
                items.iter().enumerate().try_for_each(|(at, item)| {
                    self.check_item(&format!("{key}[{at}]"), item, expected)
                })
            }
            (Value::Integer(_), Value::Float(_)) => Ok(()),
            (value, expected) if value.same_type(expected) => Ok(()),
            (value, expected) => Err(wrong(key, kind(expected), &found(value))),
        }
    }

    fn check_item(&self, key: &str, item: &Value, expected: &Value) -> Result<(), String> {
        let (Value::Table(item), Value::Table(expected)) = (item, expected) else {
            return self.check(key, item, expected);
        };
        for (name, value) in item {
            let inner = format!("{key}.{name}");
            let Some(expected) = expected.get(name) else {
                return Err(format!(
                    "unknown key {inner}{}",
                    suggestion(name, expected.keys().map(String::as_str), key)
                ));
            };
            self.check(&inner, value, expected)?;
        }
        Ok(())
    }

    fn unknown(&self, key: &str) -> String {
        let keys = self.keys();
        format!(
            "unknown key {key}{}",
            suggestion(key, keys.iter().map(String::as_str), "")
        )
    }
}

fn find<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    match key.split_once('.') {
        Some((section, rest)) => find(table.get(section)?.as_table()?, rest),
        None => table.get(key),
    }
}

fn collect(table: &Table, prefix: &str, keys: &mut Vec<String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) => collect(inner, &key, keys),
            _ => keys.push(key),
        }
    }
}

fn parse(text: &str, expected: &Value) -> Option<Value> {
    match expected {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text
            .trim()
            .replace('_', "")
            .parse()
            .ok()
            .map(Value::Integer),
        Value::Float(_) => text.trim().parse().ok().map(Value::Float),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(items) if items.iter().all(Value::is_str) => Some(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        )),
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => None,
    }
}

fn wrong(key: &str, expected: &str, found: &str) -> String {
    format!("{key}: expected {expected}, found {found}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(items) if items.iter().all(Value::is_str) => "a list of texts",
        Value::Array(_) => "a list of tables (in the file only)",
        Value::Table(_) => "a section",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a section".to_owned(),
        plain => plain.to_string(),
    }
}

/// Names the nearest of `names`, if one is near enough to be meant.
fn suggestion<'n>(name: &str, names: impl Iterator<Item = &'n str>, prefix: &str) -> String {
    let nearest = names
        .map(|candidate| (distance(name, candidate), candidate))
        .min();
    match nearest {
        Some((steps, candidate)) if steps <= 1 + name.len() / 4 => {
            let dot = if prefix.is_empty() { "" } else { "." };
            format!("; did you mean {prefix}{dot}{candidate}?")
        }
        _ => String::new(),
    }
}

/// Counts the single-character changes between two names (Levenshtein, one row at a time).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_changes() {
        for (a, b, steps) in [
            ("", "", 0),
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("a", "xyz", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), steps, "{a} {b}");
            assert_eq!(distance(b, a), steps, "{b} {a}");
        }
    }

    #[test]
    fn every_key_of_the_shape_has_a_type_and_every_list_an_element() {
        let shape = Shape::new();
        for key in shape.keys() {
            let value = find(&shape.exemplar, &key).expect("a listed key is found");
            if let Value::Array(items) = value {
                assert!(
                    !items.is_empty(),
                    "{key} has no element to check others against"
                );
            }
        }
    }
}
