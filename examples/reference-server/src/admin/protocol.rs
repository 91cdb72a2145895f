//! What the command line and the running server say to each other: one JSON object a line, one answer a request.

use std::path::PathBuf;

use messenger::core::id::{Cmid, ConversationId, DeviceId, Ordinal, Seq, UserId};
use messenger::core::model::{EraseReason, Kind, Policy, Role};
use messenger::core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Make an account.
    UserAdd {
        /// Its id.
        user: UserId,
        /// Its password.
        password: Secret,
    },
    /// Replace a password.
    UserPasswd {
        /// Whose.
        user: UserId,
        /// The new one.
        password: Secret,
    },
    /// Lock an account and close its sessions.
    UserRevoke {
        /// Which.
        user: UserId,
    },
    /// Unlock an account.
    UserAdmit {
        /// Which.
        user: UserId,
    },
    /// List all accounts.
    UserList,
    /// Issue a token for a program.
    TokenMint {
        /// Whose.
        user: UserId,
    },
    /// Copy the store.
    Backup {
        /// The new folder, absolute.
        folder: PathBuf,
    },
    /// List all conversations.
    InspectAll,
    /// Look at one conversation.
    InspectConversation {
        /// Which.
        conversation: ConversationId,
    },
    /// Look at one message.
    InspectMessage {
        /// Where.
        conversation: ConversationId,
        /// Which.
        seq: Seq,
    },
}

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done; the text says what changed.
    Done(String),
    /// It was not done; the text says why.
    Refused(String),
    /// A token, shown this once.
    Token(Secret),
    /// All accounts.
    Accounts(Vec<AccountRow>),
    /// All conversations.
    Conversations {
        /// The one with the newest entry first.
        rows: Vec<ConversationRow>,
        /// What the store takes on the disk.
        disk: DiskBytes,
    },
    /// One conversation.
    Conversation(Box<ConversationView>),
    /// The life of one message.
    Message(Box<MessageLife>),
}

/// One account of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The user id.
    pub user: UserId,
    /// The name for display.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Registered devices.
    pub devices: usize,
    /// The last time a device was live.
    pub seen: Option<Timestamp>,
    /// Locked by `user revoke`.
    pub revoked: bool,
}

/// What the store takes on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskBytes {
    /// The log of entries.
    pub entries: u64,
    /// The log of marks, settings, devices and accounts.
    pub state: u64,
    /// The index.
    pub index: u64,
}

/// One conversation of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationRow {
    /// Its id.
    pub conversation: ConversationId,
    /// The title of a group.
    pub title: Option<String>,
    /// Present members.
    pub members: usize,
    /// The first entry kept.
    pub base: Seq,
    /// The last entry.
    pub head: Seq,
    /// Countable messages.
    pub messages: Ordinal,
    /// The time of the last entry.
    pub last: Timestamp,
}

/// One conversation in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConversationView {
    /// The row of the list.
    pub row: ConversationRow,
    /// Retention and history.
    pub policy: Policy,
    /// Bytes of all bodies that are kept.
    pub body_bytes: u64,
    /// Entries whose body was erased.
    pub tombstones: u64,
    /// The marks of the present members.
    pub marks: Vec<MarkRow>,
}

/// One member's marks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkRow {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// The entry with which the present stay began.
    pub joined: Seq,
    /// Up to where it is on one of the user's devices.
    pub delivered: Seq,
    /// Up to where it is read.
    pub read: Seq,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageLife {
    /// Where it stands.
    pub conversation: ConversationId,
    /// Its position.
    pub seq: Seq,
    /// The end of the log.
    pub head: Seq,
    /// What kind of entry it is, or was.
    pub kind: Kind,
    /// Who sent it.
    pub sender: UserId,
    /// The client's key for it.
    pub cmid: Cmid,
    /// When the sender pressed send, by the sender's clock.
    pub composed: Timestamp,
    /// When it was appended.
    pub accepted: Timestamp,
    /// The time that readers are shown.
    pub shown: Timestamp,
    /// Bytes of its body; the body itself is not shown.
    pub body_bytes: u64,
    /// The message it changes, or answers.
    pub refers_to: Option<Seq>,
    /// Why its body was erased, if it was.
    pub erased: Option<EraseReason>,
    /// The user from whom a block hides it.
    pub hidden_from: Option<UserId>,
    /// The entries that edited it.
    pub edits: Vec<Seq>,
    /// The entry that retracted it.
    pub retraction: Option<Seq>,
    /// Reactions that are set now.
    pub reactions: usize,
    /// What it is for each of its audience.
    pub recipients: Vec<Recipient>,
}

/// What a message is for one recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who.
    pub user: UserId,
    /// On one of the user's devices.
    pub delivered: bool,
    /// Read.
    pub read: bool,
    /// Each registered device.
    pub devices: Vec<DeviceLife>,
}

/// What a message is for one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceLife {
    /// Which.
    pub device: DeviceId,
    /// What it is called.
    pub name: Option<String>,
    /// In its storage.
    pub acked: bool,
    /// When it was last live.
    pub seen: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_and_comes_back_the_same() {
        let user = UserId::parse("carla").expect("a sound id");
        let request = Request::UserAdd {
            user,
            password: Secret::new("a\nb"),
        };
        let line = serde_json::to_string(&request).expect("plain data");
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Request>(&line).expect("what was written"),
            request
        );
    }

    #[test]
    fn a_password_in_a_request_does_not_show_in_debug() {
        let user = UserId::parse("carla").expect("a sound id");
        let request = Request::UserPasswd {
            user,
            password: Secret::new("kingfisher"),
        };
        assert!(!format!("{request:?}").contains("kingfisher"));
    }
}
