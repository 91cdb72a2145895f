//! Lays the layers on the defaults, and checks each value as it is laid.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::shape::Shape;
use super::source::{Assignment, Layers, Origin};
use super::{AuthMode, Config};
use crate::exit::{Exit, Failure};
use crate::logs;

/// The configuration in force, and where each value comes from.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The values.
    pub config: Config,
    /// The values as a table, as `check-config` prints them.
    pub(super) table: Table,
    origins: BTreeMap<String, Origin>,
}

impl Effective {
    /// Tells where the value of a setting comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// Lays the layers on the defaults.
///
/// # Errors
///
/// Returns a failure that names the source, the full path of the key and what was expected, for the first value that
/// is unknown, of a wrong type, not allowed, or at odds with another.
pub fn load(layers: &Layers) -> Result<Effective, Failure> {
    let shape = Shape::new();
    let mut table =
        Table::try_from(Config::default()).expect("a configuration is a table of plain values");
    let mut origins = BTreeMap::new();
    let mut config = Config::default();
    for Assignment { key, given, origin } in &layers.assignments {
        let value = shape
            .fit(key, given)
            .map_err(|message| refuse(origin, message))?;
        set(&mut table, key, value.clone());
        // One value at a time, so that a value which serde refuses is known by its key.
        config = Config::deserialize(table.clone())
            .map_err(|error| refuse(origin, format!("{key}: {}", reason(&error))))?;
        origins.insert(key.clone(), origin.clone());
    }
    let effective = Effective {
        config,
        table,
        origins,
    };
    agree(&effective)?;
    Ok(effective)
}

/// Checks what one value alone does not show.
fn agree(effective: &Effective) -> Result<(), Failure> {
    let config = &effective.config;
    let refused =
        |key: &str, message: &str| Err(refuse(&effective.origin(key), format!("{key}: {message}")));

    if let Err(message) = logs::filter(&config.log.filter) {
        return refused("log.filter", &message);
    }
    for origin in &config.origins {
        if !is_origin(origin) {
            return refused(
                "origins",
                &format!("expected scheme://host or scheme://host:port, found {origin:?}"),
            );
        }
    }
    match config.auth.mode {
        AuthMode::Jwt if config.auth.jwt_keys.is_empty() => {
            return refused(
                "auth.mode",
                "\"jwt\" needs at least one entry in auth.jwt_keys",
            );
        }
        AuthMode::Jwt if config.auth.audience.is_none() => {
            return refused("auth.mode", "\"jwt\" needs auth.audience");
        }
        AuthMode::Accounts if !config.auth.jwt_keys.is_empty() => {
            return refused("auth.jwt_keys", "only used with auth.mode = \"jwt\"");
        }
        AuthMode::Jwt | AuthMode::Accounts => {}
    }
    match (&config.tls.certificate, &config.tls.key) {
        (Some(_), None) => return refused("tls.certificate", "needs tls.key beside it"),
        (None, Some(_)) => return refused("tls.key", "needs tls.certificate beside it"),
        (Some(_), Some(_)) if !cfg!(feature = "tls") => {
            return refused(
                "tls.certificate",
                "this program was built without the feature `tls`",
            );
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    Ok(())
}

fn refuse(origin: &Origin, message: String) -> Failure {
    Failure::new(Exit::Usage, format!("{origin}: {message}"))
        .advise("All settings, with their defaults: messenger.example.toml")
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((section, rest)) => {
            let inner = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
        // An empty section sets nothing.
        None if value.is_table() => {}
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}

/// Takes the first line of serde's message, without the place, which is that of a merged table.
fn reason(error: &toml::de::Error) -> String {
    error
        .message()
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Tells whether a text is an origin as a browser sends it, without path and slash at the end, or `*` for all.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    text.split_once("://").is_some_and(|(scheme, host)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-')
            && !host.is_empty()
            && host.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use messenger::ws::Signup;

    use super::super::{JwtAlgorithm, JwtKey, LogFormat};
    use super::*;
    use crate::cli::SettingFlags;

    const FILE: &str = "messenger.toml";

    fn from_file(text: &str) -> Result<Effective, Failure> {
        let mut layers = Layers::default();
        layers.add_file(Path::new(FILE), text)?;
        load(&layers)
    }

    fn refused(text: &str) -> String {
        let failure = from_file(text).expect_err(text);
        assert_eq!(failure.exit, Exit::Usage);
        failure.message
    }

    #[test]
    fn nothing_set_is_the_defaults() {
        assert_eq!(
            load(&Layers::default())
                .expect("the defaults are sound")
                .config,
            Config::default()
        );
    }

    #[test]
    fn the_example_file_parses_and_is_the_defaults() {
        let text = include_str!("../../messenger.example.toml");
        assert_eq!(
            from_file(text).expect("the example is sound").config,
            Config::default()
        );
    }

    #[test]
    fn the_example_file_names_every_setting() {
        let text = include_str!("../../messenger.example.toml");
        for key in Shape::new().keys() {
            let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
            let start = if section.is_empty() {
                0
            } else {
                text.find(&format!("\n[{section}]\n")).expect(section) + 1
            };
            let rest = &text[start..];
            let end = rest[1..].find("\n[").map_or(rest.len(), |end| end + 1);
            let named = rest[..end].lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{name} = ")) || line == format!("[[{key}]]")
            });
            assert!(named, "messenger.example.toml does not name {key}");
        }
    }

    #[test]
    fn flags_win_over_environment_and_environment_over_file() {
        let mut layers = Layers::default();
        layers
            .add_file(
                Path::new(FILE),
                "listen = '127.0.0.1:1'\naccounts.signup = 'open'\ndemo = false",
            )
            .expect("TOML");
        layers.add_environment([
            ("MESSENGER__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
            ("MESSENGER__ACCOUNTS__SIGNUP".to_owned(), "off".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]);
        let flags = SettingFlags {
            listen: Some("127.0.0.1:3".to_owned()),
            ..SettingFlags::default()
        };
        layers.add_flags(&flags).expect("sound flags");

        let effective = load(&layers).expect("sound layers");

        assert_eq!(effective.config.listen.port(), 3);
        assert_eq!(effective.config.accounts.signup, Signup::Off);
        assert!(!effective.config.demo);
        assert_eq!(effective.origin("listen"), Origin::Flag("--listen"));
        assert_eq!(
            effective.origin("accounts.signup"),
            Origin::Environment("MESSENGER__ACCOUNTS__SIGNUP".to_owned())
        );
        assert_eq!(
            effective.origin("demo"),
            Origin::File {
                path: FILE.into(),
                line: 3
            }
        );
        assert_eq!(effective.origin("data"), Origin::Default);
    }

    #[test]
    fn an_unknown_key_is_named_with_file_line_full_path_and_what_was_meant() {
        assert_eq!(
            refused("demo = true\n[log]\nfilterr = 'debug'"),
            "messenger.toml:3: unknown key log.filterr; did you mean log.filter?"
        );
        assert_eq!(
            refused("zzzzzz = 1"),
            "messenger.toml:1: unknown key zzzzzz"
        );
        assert_eq!(
            refused("[[auth.jwt_keys]]\nalgoritm = 'EdDSA'"),
            "messenger.toml:1: unknown key auth.jwt_keys[0].algoritm; did you mean auth.jwt_keys[0].algorithm?"
        );
    }

    #[test]
    fn an_unknown_environment_variable_is_named() {
        let mut layers = Layers::default();
        layers.add_environment([("MESSENGER__LISTN".to_owned(), "127.0.0.1:2".to_owned())]);
        let failure = load(&layers).expect_err("an unknown key");
        assert_eq!(
            failure.message,
            "environment MESSENGER__LISTN: unknown key listn; did you mean listen?"
        );
    }

    #[test]
    fn a_wrong_type_is_named_with_file_path_and_what_is_expected() {
        for (text, message) in [
            (
                "demo = 1",
                "messenger.toml:1: demo: expected true or false, found 1",
            ),
            (
                "listen = 8080",
                "messenger.toml:1: listen: expected text, found 8080",
            ),
            (
                "origins = 'x'",
                "messenger.toml:1: origins: expected a list of texts, found \"x\"",
            ),
            (
                "origins = [1]",
                "messenger.toml:1: origins[0]: expected text, found 1",
            ),
            (
                "log = 'debug'",
                "messenger.toml:1: log: expected a section, found \"debug\"",
            ),
            (
                "[demo]\nx = 1",
                "messenger.toml:2: unknown key demo.x; did you mean demo?",
            ),
            ("demo = [", "messenger.toml:1: unclosed array, expected `]`"),
        ] {
            assert_eq!(refused(text), message);
        }
    }

    #[test]
    fn a_value_that_is_not_allowed_is_named_with_file_and_path() {
        for (text, part) in [
            (
                "accounts.signup = 'maybe'",
                "messenger.toml:1: accounts.signup: unknown variant `maybe`, expected `open` or `off`",
            ),
            (
                "listen = 'localhost'",
                "messenger.toml:1: listen: invalid socket address",
            ),
            (
                "origins = ['https://x.org/']",
                "messenger.toml:1: origins: expected scheme://host",
            ),
            ("\nlog.filter = 'loud'", "messenger.toml:2: log.filter: "),
            (
                "auth.mode = 'jwt'",
                "messenger.toml:1: auth.mode: \"jwt\" needs at least one entry in auth.jwt_keys",
            ),
            (
                "tls.key = 'k.pem'",
                "messenger.toml:1: tls.key: needs tls.certificate beside it",
            ),
        ] {
            let message = refused(text);
            assert!(message.starts_with(part), "{message}");
        }
    }

    #[test]
    fn a_list_of_tables_is_read() {
        let effective = from_file(
            "[auth]\nmode = 'jwt'\naudience = 'chat'\n[[auth.jwt_keys]]\nalgorithm = 'EdDSA'\nfile = 'k.pem'",
        )
        .expect("sound");
        let key = JwtKey {
            algorithm: JwtAlgorithm::EdDSA,
            file: "k.pem".into(),
            id: None,
        };
        assert_eq!(effective.config.auth.jwt_keys, [key]);
        assert_eq!(
            refused("auth.mode = 'jwt'\n[[auth.jwt_keys]]\nalgorithm = 'EdDSA'"),
            "messenger.toml:2: auth.jwt_keys: missing field `file`"
        );
    }

    #[test]
    fn the_log_flag_takes_format_and_filter_in_one() {
        let mut layers = Layers::default();
        let flags = SettingFlags {
            log: Some("json,debug,messenger_hub=trace".to_owned()),
            ..SettingFlags::default()
        };
        layers.add_flags(&flags).expect("sound flags");
        let config = load(&layers).expect("sound layers").config;
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.log.filter, "debug,messenger_hub=trace");
    }
}
