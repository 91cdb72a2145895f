//! The version of the protocol, and its two codecs.

/// The version that `hello` names.
pub const PROTOCOL_VERSION: u64 = 1;

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// JSON in text messages.
    #[cfg(feature = "json")]
    Json,
    /// CBOR in binary messages.
    Cbor,
}

impl Codec {
    /// The codecs, the preferred one first.
    pub const ALL: &'static [Self] = &[
        Self::Cbor,
        #[cfg(feature = "json")]
        Self::Json,
    ];

    /// The name in `Sec-WebSocket-Protocol`.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            #[cfg(feature = "json")]
            Self::Json => "messenger.v1.json",
            Self::Cbor => "messenger.v1.cbor",
        }
    }

    /// The codec of a name in `Sec-WebSocket-Protocol`.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|codec| codec.subprotocol() == name)
    }
}
