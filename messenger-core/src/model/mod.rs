//! What the protocol speaks about: entries, drafts, marks, rights, conversations, presence.
//!
//! ```text
//!   Draft ──judged──► Stored { Entry }        one element of a conversation's log
//!   Mark                                       a position that only rises
//!   Conversation { members, rights, policy }   what the log says so far, as of a seq
//! ```

mod attachment;
mod conversation;
mod draft;
mod entry;
mod inbox;
mod mark;
mod overlay;
mod presence;
mod principal;
mod rights;
mod setting;
mod text;

pub use attachment::Attachment;
pub use conversation::{Conversation, History, Member, Policy, Retention, Role};
pub use draft::{ClaimKey, ContentDigest, Draft};
pub use entry::{
    Added, Content, Created, Data, Edit, Entry, EraseReason, Expiry, Kind, Left, MemberRemoved,
    Membership, Message, PolicyChange, Reaction, Retitled, Retraction, RoleGiven, Stored,
    Tombstone,
};
pub use inbox::{InboxCursor, InboxPage, InboxRow, Since};
pub use mark::{Holder, MarkKind, Position, Raise, UserMarks};
pub use overlay::{Annotation, Change, Overlay, ReactionState};
pub use presence::{DevicePresence, Standing, UserPresence};
pub use principal::{AuthError, Principal};
pub use rights::{Interval, Rights};
pub use setting::Setting;
pub use text::Text;
