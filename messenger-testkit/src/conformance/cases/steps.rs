//! Steps that many cases take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use messenger_core::id::{ConversationId, DeviceId, Ordinal, Seq, UserId};
use messenger_core::model::{Content, Holder, MarkKind, Position, Raise, Setting, Stored};
use messenger_core::store::{
    AppendOutcome, DeviceStore, FeedItem, InboxCursor, InboxStore, LogHead, MessageStore,
    PutSetting, ReadLimit, Registered, Registration, Since,
};
use messenger_core::time::Timestamp;

use crate::fixtures::{LogBuilder, START};

/// A page without bounds.
pub(super) const EVERYTHING: ReadLimit = ReadLimit {
    entries: usize::MAX,
    bytes: usize::MAX,
    newest_first: false,
};

/// One day, for what happens on different ones.
pub(super) const DAY: Duration = messenger_core::time::DAY;

/// Appends entries after the one before them, and expects it to be done.
pub(super) async fn append(
    messages: &dyn MessageStore,
    conversation: &ConversationId,
    entries: &[Arc<Stored>],
) {
    let after = entries[0].seq().previous();
    let outcome = messages
        .append(conversation, after, entries.to_vec())
        .await
        .expect("an append succeeds");
    assert_eq!(outcome, AppendOutcome::Appended);
}

/// Appends a log of this many messages of a sender and answers the builder that goes on with it.
pub(super) async fn log_of(
    messages: &dyn MessageStore,
    conversation: &ConversationId,
    sender: &UserId,
    number: usize,
) -> LogBuilder {
    let mut log = LogBuilder::new();
    let entries = log.messages(sender, number);
    append(messages, conversation, &entries).await;
    log
}

/// Appends and expects a conflict; answers the head that it names and the seqs of the duplicates by their index.
pub(super) async fn conflict(
    messages: &dyn MessageStore,
    conversation: &ConversationId,
    after: Seq,
    entries: &[Arc<Stored>],
) -> (LogHead, Vec<(usize, Seq)>) {
    let outcome = messages
        .append(conversation, after, entries.to_vec())
        .await
        .expect("a conflict is no error");
    match outcome {
        AppendOutcome::Conflict { head, duplicates } => {
            let duplicates = duplicates.iter().map(|(i, found)| (*i, found.seq));
            (head, duplicates.collect())
        }
        AppendOutcome::Appended => panic!("the append after {after} was expected to conflict"),
    }
}

/// All entries of a log.
pub(super) async fn whole_log(
    messages: &dyn MessageStore,
    conversation: &ConversationId,
) -> Vec<Arc<Stored>> {
    let all = Seq(1)..=Seq(1 << 40);
    messages
        .read(conversation, all, EVERYTHING)
        .await
        .expect("a log is read")
}

/// The seqs of entries.
pub(super) fn seqs(entries: &[Arc<Stored>]) -> Vec<u64> {
    entries.iter().map(|stored| stored.seq().0).collect()
}

/// The text of a message.
pub(super) fn text(stored: &Stored) -> Option<&str> {
    match &stored.entry.content {
        Content::Message(message) => message.text.as_ref().map(|text| text.as_str()),
        _ => None,
    }
}

/// A position whose ordinal differs from its seq, so that neither is taken for the other.
pub(super) const fn position(seq: u64) -> Position {
    Position {
        seq: Seq(seq),
        ordinal: Ordinal(seq + 1000),
    }
}

/// The raise of a user's mark.
pub(super) fn raise(
    conversation: &ConversationId,
    user: &UserId,
    kind: MarkKind,
    seq: u64,
) -> Raise {
    Raise {
        conversation: conversation.clone(),
        holder: Holder {
            user: user.clone(),
            device: None,
        },
        kind,
        to: position(seq),
    }
}

/// The raise of a device's `acked`.
pub(super) fn acked(
    conversation: &ConversationId,
    user: &UserId,
    device: DeviceId,
    seq: u64,
) -> Raise {
    Raise {
        conversation: conversation.clone(),
        holder: Holder {
            user: user.clone(),
            device: Some(device),
        },
        kind: MarkKind::Acked,
        to: position(seq),
    }
}

/// A registration at [`START`] with at most 5 devices.
pub(super) fn registration(user: &UserId, key: &str) -> Registration {
    Registration {
        user: user.clone(),
        key: key.to_owned(),
        name: Some(format!("{key} 📱")),
        limit: 5,
        now: START,
    }
}

/// Registers a device and expects it to be done.
pub(super) async fn register(devices: &dyn DeviceStore, user: &UserId, key: &str) -> DeviceId {
    let outcome = devices
        .register(&registration(user, key))
        .await
        .expect("a registration succeeds");
    match outcome {
        Registered::Device(device) => device,
        Registered::TooMany(listed) => panic!("{} devices are too many", listed.len()),
    }
}

/// Revokes a device.
pub(super) async fn revoke(devices: &dyn DeviceStore, user: &UserId, device: DeviceId) {
    let item = FeedItem::DeviceRevoked {
        user: user.clone(),
        device,
    };
    devices.publish(&item).await.expect("an item is published");
}

/// The listed devices of a user.
pub(super) async fn ids(devices: &dyn DeviceStore, user: &UserId) -> BTreeSet<DeviceId> {
    let listed = devices.list(user).await.expect("devices are listed");
    listed.iter().map(|record| record.device).collect()
}

/// A setting of this version, different from those before and after.
pub(super) fn pinned(version: u64) -> Setting {
    Setting {
        version,
        pinned: version % 2 == 1,
        alias: Some(format!("{version} 🧷")),
        ..Setting::default()
    }
}

/// Writes a setting and expects it to be done.
pub(super) async fn put(
    inboxes: &dyn InboxStore,
    user: &UserId,
    conversation: &ConversationId,
    setting: &Setting,
) {
    let outcome = try_put(inboxes, user, conversation, setting).await;
    assert_eq!(outcome, PutSetting::Written);
}

/// Tries to write a setting.
pub(super) async fn try_put(
    inboxes: &dyn InboxStore,
    user: &UserId,
    conversation: &ConversationId,
    setting: &Setting,
) -> PutSetting {
    let outcome = inboxes
        .put_setting(user, conversation, setting, START)
        .await;
    outcome.expect("a conflict is no error")
}

/// Conversations without their order.
pub(super) fn set(conversations: &[ConversationId]) -> BTreeSet<ConversationId> {
    conversations.iter().cloned().collect()
}

/// What a walk in small pages lists, and where the next one begins.
pub(super) async fn list(
    inboxes: &dyn InboxStore,
    user: &UserId,
    since: Option<Since>,
) -> (BTreeSet<ConversationId>, Since) {
    let (rows, since) = walk(inboxes, user, since, 3, START).await;
    (rows.into_iter().collect(), since)
}

/// All rows of a walk in order, and where the next one begins.
pub(super) async fn walk(
    inboxes: &dyn InboxStore,
    user: &UserId,
    since: Option<Since>,
    limit: usize,
    now: Timestamp,
) -> (Vec<ConversationId>, Since) {
    let mut rows = Vec::new();
    let mut next = None;
    let mut cursor: Option<InboxCursor> = None;
    for _ in 0..1000 {
        let page = inboxes
            .page(user, since.clone(), cursor, limit, now)
            .await
            .expect("a page is read");
        assert!(page.rows.len() <= limit, "a page keeps to its limit");
        rows.extend(page.rows.into_iter().map(|row| row.conversation));
        let since = next.get_or_insert(page.since).clone();
        match page.cursor {
            Some(at) => cursor = Some(at),
            None => return (rows, since),
        }
    }
    panic!("the walk does not end");
}
