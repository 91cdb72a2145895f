//! Where values come from: a file, the environment, flags. Each becomes a list of assignments.
//!
//! ```text
//! [limits]            ┐
//! max_body = 131072   ┴► Assignment { key: "limits.max_body", value: Written(131072), origin: File(messenger.toml, 2) }
//! MESSENGER__LIMITS__MAX_BODY=131072 ─► Assignment { key: "limits.max_body", value: Text("131072"), origin: … }
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use crate::cli::SettingFlags;
use crate::exit::{Exit, Failure};

/// The prefix of environment variables that are settings.
const ENVIRONMENT_PREFIX: &str = "MESSENGER__";

/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "messenger.toml";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable of this name.
    Environment(String),
    /// A flag of this name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as its source gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// With a type, from TOML.
    Written(Value),
    /// As text, from the environment or a flag; the setting's shape says what it is.
    Text(String),
}

/// One setting from one source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    pub(super) key: String,
    pub(super) given: Given,
    pub(super) origin: Origin,
}

/// The layers above the defaults, in the order in which they are laid.
#[derive(Debug, Default)]
pub struct Layers {
    pub(super) assignments: Vec<Assignment>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
}

impl Layers {
    /// Collects the layers of this process: its file, its environment, its flags.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the file if it cannot be read or is not TOML, and the flag if it is malformed.
    pub fn of_process(flags: &SettingFlags) -> Result<Self, Failure> {
        let mut layers = Self::default();
        match &flags.config {
            Some(path) => layers.read_file(path)?,
            None if Path::new(DEFAULT_FILE).exists() => {
                layers.read_file(Path::new(DEFAULT_FILE))?
            }
            None => {}
        }
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        layers.add_environment(variables);
        layers.add_flags(flags)?;
        Ok(layers)
    }

    /// Lays a configuration file on top.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the file if it cannot be read or is not TOML.
    pub fn read_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("{}: cannot read the configuration: {error}", path.display()),
            )
        })?;
        self.add_file(path, &text)
    }

    /// Lays the text of a configuration file on top.
    ///
    /// # Errors
    ///
    /// Returns a failure that names the file and the line if the text is not TOML.
    pub fn add_file(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let line_of = |at: usize| {
            text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count()
                + 1
        };
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(error.span().map_or(0, |span| span.start));
            Failure::new(
                Exit::Usage,
                format!("{}:{line}: {}", path.display(), error.message().trim()),
            )
        })?;
        let mut leaves = Vec::new();
        flatten(table.get_ref(), "", &mut leaves);
        for (key, at, value) in leaves {
            let origin = Origin::File {
                path: path.to_owned(),
                line: line_of(at),
            };
            self.assignments.push(Assignment {
                key,
                given: Given::Written(value),
                origin,
            });
        }
        self.file = Some(path.to_owned());
        Ok(())
    }

    /// Lays environment variables on top; those without the prefix are not ours.
    pub fn add_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        let mut ours: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        ours.sort();
        for (name, value) in ours {
            let key = name[ENVIRONMENT_PREFIX.len()..]
                .to_ascii_lowercase()
                .replace("__", ".");
            self.assignments.push(Assignment {
                key,
                given: Given::Text(value),
                origin: Origin::Environment(name),
            });
        }
    }

    /// Lays flags on top.
    ///
    /// # Errors
    ///
    /// Returns a failure if a `--set` has no `=`.
    pub fn add_flags(&mut self, flags: &SettingFlags) -> Result<(), Failure> {
        for pair in &flags.set {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("--set {pair}: expected KEY=VALUE"),
                ));
            };
            self.add_flag("--set", key, value);
        }
        for (flag, key, value) in [
            ("--listen", "listen", &flags.listen),
            ("--data", "data", &flags.data),
            ("--signup", "accounts.signup", &flags.signup),
        ] {
            if let Some(value) = value {
                self.add_flag(flag, key, value);
            }
        }
        if let Some(log) = &flags.log {
            self.add_log_flag(log);
        }
        Ok(())
    }

    /// Splits `--log json,debug` into format and filter.
    fn add_log_flag(&mut self, log: &str) {
        let (formats, filters): (Vec<&str>, Vec<&str>) = log
            .split(',')
            .filter(|part| !part.is_empty())
            .partition(|part| matches!(*part, "text" | "json"));
        if let Some(format) = formats.last() {
            self.add_flag("--log", "log.format", format);
        }
        if !filters.is_empty() {
            self.add_flag("--log", "log.filter", &filters.join(","));
        }
    }

    fn add_flag(&mut self, flag: &'static str, key: &str, value: &str) {
        self.assignments.push(Assignment {
            key: key.trim().to_owned(),
            given: Given::Text(value.to_owned()),
            origin: Origin::Flag(flag),
        });
    }
}

/// Lists the leaves of a table as (key, byte offset of the key, value).
fn flatten(table: &DeTable<'_>, prefix: &str, leaves: &mut Vec<(String, usize, Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(inner, &key, leaves),
            other => leaves.push((key, name.span().start, plain(other))),
        }
    }
}

/// Turns a parsed value into a plain one.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            i64::from_str_radix(&digits, number.radix())
                .map_or_else(|_| Value::String(digits), Value::Integer)
        }
        DeValue::Float(number) => {
            let digits = number.as_str().replace('_', "");
            digits
                .parse()
                .map_or_else(|_| Value::String(digits), Value::Float)
        }
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| plain(item.get_ref())).collect())
        }
        DeValue::Table(table) => Value::Table(
            table
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), plain(value.get_ref())))
                .collect(),
        ),
    }
}
