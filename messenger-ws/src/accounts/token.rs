//! Opaque tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messenger_core::store::TokenDigest;

/// Marks a token as one of ours, so that scanners for leaked secrets can know it.
const PREFIX: &str = "mst_";

/// Makes a token of 256 random bits.
pub(super) fn generate() -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system has random numbers");
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
}

/// Returns what is stored of a token. A fast hash is right here: 256 random bits cannot be guessed.
pub(super) fn digest(token: &str) -> TokenDigest {
    TokenDigest(*blake3::hash(token.as_bytes()).as_bytes())
}
