//! A messenger protocol library with pluggable back ends.
//!
//! The crates of the workspace, behind features.

pub use messenger_core as core;

#[cfg(feature = "client")]
pub use messenger_client as client;
#[cfg(feature = "embedded")]
pub use messenger_embedded as embedded;
#[cfg(feature = "hub")]
pub use messenger_hub as hub;
#[cfg(feature = "testkit")]
pub use messenger_testkit as testkit;
#[cfg(feature = "ws")]
pub use messenger_ws as ws;

/// The Rust of the README and of the guide compiles.
#[cfg(all(doctest, feature = "ws", feature = "embedded"))]
mod pages {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/guide/embed.md")]
    mod embed {}
    #[doc = include_str!("../docs/guide/authentication.md")]
    mod authentication {}
    #[doc = include_str!("../docs/guide/client.md")]
    mod client {}
}
