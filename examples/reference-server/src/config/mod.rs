//! The configuration: one struct with defaults, filled from four layers.
//!
//! ```text
//! defaults ◄── messenger.toml ◄── MESSENGER__A__B ◄── flags          later layers win
//!     │              └──── source.rs ────┴──────────────┘            each value with its origin
//!     └──────────────► load.rs: merged, checked against shape.rs ──► Effective { config, origins }
//!                                                                      └── report.rs: check-config
//! ```
//!
//! Units stand in the names. Every setting is described in `messenger.example.toml`.

mod load;
mod report;
mod shape;
mod source;

use std::net::SocketAddr;
use std::path::PathBuf;

use messenger::core::limits::Limits;
use messenger::ws::{AccountsConfig, ServeConfig};
use serde::{Deserialize, Serialize};

pub use load::{Effective, load};
pub use report::report;
pub use source::{Layers, Origin};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The folder that keeps everything.
    pub data: PathBuf,
    /// Browser origins that may connect, besides the server's own.
    pub origins: Vec<String>,
    /// Whether two demo accounts are made; they exist on loopback only.
    pub demo: bool,
    /// Logs.
    pub log: Log,
    /// Who may log in.
    pub auth: Auth,
    /// Accounts with passwords, for `auth.mode = "accounts"`.
    pub accounts: AccountsConfig,
    /// Limits and time-outs of connections.
    pub connections: ServeConfig,
    /// The limits that `welcome` tells each client.
    pub limits: Limits,
    /// TLS.
    pub tls: Tls,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("./messenger-data"),
            origins: Vec::new(),
            demo: true,
            log: Log::default(),
            auth: Auth::default(),
            accounts: AccountsConfig::default(),
            connections: ServeConfig::default(),
            limits: Limits::default(),
            tls: Tls::default(),
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, and levels of parts: `info,messenger_hub=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            filter: "info".to_owned(),
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person; in colour if it goes to a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Who may log in, and how that is proved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Where accounts are kept.
    pub mode: AuthMode,
    /// What the `aud` of a JWT must be; needed for `mode = "jwt"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What the `iss` of a JWT must be, if that is to be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The keys that sign JWTs; needed for `mode = "jwt"`.
    pub jwt_keys: Vec<JwtKey>,
}

/// Where accounts are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// In the data folder; people log in with a password.
    #[default]
    Accounts,
    /// Elsewhere: whoever brings a JWT signed with one of `jwt_keys` is its `sub`.
    Jwt,
}

/// A key that signs JWTs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    /// The only algorithm of this key; a token that names another is refused.
    pub algorithm: JwtAlgorithm,
    /// The file with the key: PEM for public keys, raw bytes for a shared secret.
    pub file: PathBuf,
    /// The `kid` of tokens that this key signs; without it, the key is for tokens without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// How a JWT is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlgorithm {
    /// A shared secret of at least 32 bytes.
    HS256,
    /// RSA.
    RS256,
    /// The curve P-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// Certificate and key; both, or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file with the certificate chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl Config {
    /// Returns a configuration in which every setting has a value: the shape that all layers are checked against.
    fn exemplar() -> Self {
        let file = PathBuf::from("file.pem");
        Self {
            origins: vec!["https://chat.example.org".to_owned()],
            auth: Auth {
                mode: AuthMode::Jwt,
                audience: Some("chat".to_owned()),
                issuer: Some("login".to_owned()),
                jwt_keys: vec![JwtKey {
                    algorithm: JwtAlgorithm::EdDSA,
                    file: file.clone(),
                    id: Some("2026".to_owned()),
                }],
            },
            connections: ServeConfig {
                trusted_proxies: vec![[127, 0, 0, 1].into()],
                ..ServeConfig::default()
            },
            tls: Tls {
                certificate: Some(file.clone()),
                key: Some(file),
            },
            ..Self::default()
        }
    }
}
