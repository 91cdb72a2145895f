//! A draft: what a client wants to append, before it is judged.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::id::{Cmid, UserId};

use super::Content;

/// What a client wants to append to a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Who sends it; set by the server (SEC-5).
    pub sender: UserId,
    /// The key that makes it happen once (LOG-3).
    pub cmid: Cmid,
    /// The draft of the same device before this one, while that is neither accepted nor failed (LOG-5).
    pub after_cmid: Option<Cmid>,
    /// What it says.
    pub content: Content,
}

/// The key of a claim within its conversation (LOG-3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// Keys are scoped to the sender.
    pub sender: UserId,
    /// The client's message id.
    pub cmid: Cmid,
}

/// A 16-byte keyed digest of a content as decoded: SipHash-2-4 with 128 bits over its CBOR form.
///
/// The hash is taken over one codec's form whatever codec the client speaks, so that a retry over another codec compares
/// equal. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
#[derive(Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct ContentDigest(#[cbor(with = "minicbor::bytes")] [u8; 16]);

impl ContentDigest {
    /// Digests a content under a secret key of the cluster.
    pub fn of(content: &Content, key: &[u8; 16]) -> Self {
        let bytes = minicbor::to_vec(content).expect("writing to a Vec cannot fail");
        let mut hasher = SipHasher24::new_with_key(key);
        hasher.write(&bytes);
        Self(hasher.finish128().as_bytes())
    }

    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentDigest(..)")
    }
}
