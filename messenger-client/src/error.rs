//! Why something failed, with the protocol's codes where the server said why.

use messenger_core::client::{Failure, OtherUser};
use messenger_core::id::{DeviceId, IdError};
use messenger_core::wire::Code;

use crate::storage::StorageError;

/// Why something failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is none that a client can use.
    #[error("{url:?} is no address of a server: {reason}")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server could not be reached, or the link broke.
    #[error("{0}")]
    Unreachable(String),
    /// The server refused.
    #[error("{}", refusal(.code, .message))]
    Refused {
        /// Why.
        code: Code,
        /// For a human.
        message: String,
        /// `too_many_devices`: the registered ones.
        devices: Vec<DeviceId>,
    },
    /// The message was not sent, and is not tried again.
    #[error("not sent: {0}")]
    NotSent(Failure),
    /// The log-in was refused.
    #[error("the log-in was refused: {0}")]
    Login(String),
    /// There is no session now; messages wait, other requests do not.
    #[error("there is no connection now")]
    NotConnected,
    /// The storage failed, so the client stopped.
    #[error("{0}")]
    Storage(std::sync::Arc<StorageError>),
    /// The storage belongs to another user than the token.
    #[error("{0}")]
    OtherUser(#[from] OtherUser),
    /// A name is no id.
    #[error("{0}")]
    Id(#[from] IdError),
    /// The client was stopped.
    #[error("the client was stopped")]
    Stopped,
}

impl Error {
    /// The server's code, if the server said why.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } | Self::NotSent(Failure::Rejected { code, .. }) => {
                Some(*code)
            }
            _ => None,
        }
    }

    pub(crate) fn refused(code: Code, message: impl Into<String>) -> Self {
        Self::Refused {
            code,
            message: message.into(),
            devices: Vec::new(),
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        Self::Storage(std::sync::Arc::new(error))
    }
}

/// The code's name, what the server said, and what to do about it.
fn refusal(code: &Code, message: &str) -> String {
    let said = if message.is_empty() {
        code.advice()
    } else {
        message
    };
    format!("{code}: {said}")
}
