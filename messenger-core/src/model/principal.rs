//! Who a link belongs to, as the integrator's authenticator says.

use crate::id::{DeviceId, UserId};
use crate::time::Timestamp;

/// Who a link belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The only device that the token is good for, if it is bound to one.
    pub device: Option<DeviceId>,
    /// When the credentials end: the link is closed then.
    pub expires: Option<Timestamp>,
}

/// Why a token is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Unknown, expired or malformed.
    #[error("the token is not valid")]
    Refused,
    /// It cannot be told now.
    #[error("the authenticator is unavailable")]
    Unavailable,
}
