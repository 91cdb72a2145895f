//! What the integrator decides: who somebody is, who may write to whom.

use async_trait::async_trait;

use crate::id::{ConversationId, UserId};
use crate::model::{AuthError, Draft, Principal};
use crate::time::Timestamp;

/// Tells who a token stands for.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The principal of a token from the first frame of a link.
    ///
    /// # Errors
    /// [`AuthError::Refused`] for a token that is unknown, expired or malformed; [`AuthError::Unavailable`] when that cannot
    /// be told now.
    async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError>;
}

/// What the integrator allows.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// True when `user` may begin a direct conversation with `other`, or add them to a group (SEC-3). An unknown `other` is
    /// answered with false.
    async fn may_contact(&self, user: &UserId, other: &UserId) -> bool;

    /// Looks at a draft before it is appended; the default lets everything through.
    async fn moderate(&self, _conversation: &ConversationId, _draft: &Draft) -> Verdict {
        Verdict::Allow
    }
}

/// What moderation says of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Let it through.
    Allow,
    /// Refuse it with this text for the sender.
    Refuse(String),
}

/// Everybody may contact everybody.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

#[async_trait]
impl Policy for AllowAll {
    async fn may_contact(&self, _: &UserId, _: &UserId) -> bool {
        true
    }
}
