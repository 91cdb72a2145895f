//! What a client is started with.

use messenger_core::wire::Codec;

use crate::storage::{ClientStorage, MemoryStorage};

/// What a client is started with.
///
/// # Examples
/// ```
/// use messenger_client::{Config, DiskStorage};
///
/// # fn example() -> Result<(), messenger_client::StorageError> {
/// let config = Config::new("ws://127.0.0.1:8080", "a token")
///     .storage(DiskStorage::open("anna's messages")?)
///     .device_name("anna's laptop");
/// # Ok(())
/// # }
/// ```
pub struct Config {
    pub(crate) server: String,
    pub(crate) token: String,
    pub(crate) device_name: Option<String>,
    pub(crate) codec: Codec,
    pub(crate) storage: Option<Box<dyn ClientStorage>>,
}

impl Config {
    /// A client of this server, with what `login` or the integrator gave as a token.
    ///
    /// Without [`Config::storage`] it keeps its messages in memory: a new device at each start.
    pub fn new(server: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            token: token.into(),
            device_name: None,
            codec: Codec::Cbor,
            storage: Some(Box::new(MemoryStorage::new())),
        }
    }

    /// Keeps session, messages and outbox there.
    #[must_use]
    pub fn storage(mut self, storage: impl ClientStorage) -> Self {
        self.storage = Some(Box::new(storage));
        self
    }

    /// Registers no device: nothing is acked, and only what comes while connected is seen (MARK-4).
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.storage = None;
        self
    }

    /// What the device is called in lists, at most 64 bytes.
    #[must_use]
    pub fn device_name(mut self, name: impl Into<String>) -> Self {
        self.device_name = Some(name.into());
        self
    }

    /// Speaks this codec; CBOR unless set.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("server", &self.server)
            .field("device_name", &self.device_name)
            .field("codec", &self.codec)
            .field("transient", &self.storage.is_none())
            .finish_non_exhaustive()
    }
}
