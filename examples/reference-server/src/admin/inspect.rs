//! Looking at conversations and messages: what the stores know, put side by side. Bodies are measured, never shown.

use std::sync::Arc;

use messenger::core::id::{ConversationId, Seq, UserId};
use messenger::core::model::{Content, Conversation, Stored};
use messenger::core::store::{Backend, LogHead, ReadLimit, StoreResult};
use messenger::embedded::Store;

use super::protocol::{
    ConversationRow, ConversationView, DeviceLife, MarkRow, MessageLife, Recipient,
};

/// Entries read in one go while a log is walked.
const PAGE_ENTRIES: usize = 500;
/// Bytes of bodies read in one go while a log is walked.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Lists all conversations, the one with the newest entry first.
pub(super) async fn all(store: &Store, backend: &Backend) -> StoreResult<Vec<ConversationRow>> {
    let mut rows = Vec::new();
    let mut after: Option<ConversationId> = None;
    loop {
        let page = store.conversations(after.as_ref(), PAGE_ENTRIES)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (id, head) in page {
            let conversation = present(backend, &id, head).await?;
            rows.push(row(&conversation, head));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.last));
    Ok(rows)
}

/// Looks at one conversation; `None` when its log is empty.
pub(super) async fn conversation(
    backend: &Backend,
    id: &ConversationId,
) -> StoreResult<Option<ConversationView>> {
    let head = backend.messages.head(id).await?;
    if head.head == Seq::ZERO {
        return Ok(None);
    }
    let conversation = present(backend, id, head).await?;
    let users: Vec<UserId> = conversation.members.keys().cloned().collect();
    let marks = backend.receipts.of_conversation(id, &users).await?;
    let marks = conversation
        .members
        .iter()
        .zip(marks)
        .map(|((user, member), marks)| MarkRow {
            user: user.clone(),
            role: member.role,
            joined: member
                .rights
                .present()
                .map_or(Seq::ZERO, |stay| stay.joined),
            delivered: marks.delivered.seq.max(marks.read.seq),
            read: marks.read.seq,
        })
        .collect();
    let (mut body_bytes, mut tombstones) = (0, 0);
    walk(backend, id, head.base, head.head, |stored| {
        body_bytes += bytes_of(&stored.entry.content);
        tombstones += u64::from(matches!(stored.entry.content, Content::Tombstone(_)));
    })
    .await?;
    Ok(Some(ConversationView {
        row: row(&conversation, head),
        policy: conversation.policy,
        body_bytes,
        tombstones,
        marks,
    }))
}

/// Follows one message through its life; `None` when there is no such entry.
pub(super) async fn message(
    backend: &Backend,
    id: &ConversationId,
    seq: Seq,
) -> StoreResult<Option<MessageLife>> {
    let head = backend.messages.head(id).await?;
    let one = ReadLimit {
        entries: 1,
        bytes: PAGE_BYTES,
        newest_first: false,
    };
    let Some(stored) = backend
        .messages
        .read(id, seq..=seq, one)
        .await?
        .into_iter()
        .next()
    else {
        return Ok(None);
    };
    let conversation = present(backend, id, head).await?;
    let overlay = backend
        .receipts
        .overlays(id, &[seq])
        .await?
        .pop()
        .unwrap_or_default();
    let entry = &stored.entry;
    let (refers_to, erased) = match &entry.content {
        Content::Message(message) => (message.reply_to, None),
        Content::Tombstone(tombstone) => (None, Some(tombstone.reason)),
        other => (other.target(), None),
    };
    Ok(Some(MessageLife {
        conversation: id.clone(),
        seq,
        head: head.head,
        kind: entry.content.kind(),
        sender: entry.sender.clone(),
        cmid: entry.cmid,
        composed: entry.cmid.time(),
        accepted: stored.accepted_at,
        shown: entry.time,
        body_bytes: bytes_of(&entry.content),
        refers_to,
        erased,
        hidden_from: stored.hidden_from.clone(),
        edits: overlay.edits.iter().copied().collect(),
        retraction: overlay.retraction,
        reactions: overlay.reactions.values().filter(|state| state.set).count(),
        recipients: recipients(backend, &conversation, &stored).await?,
    }))
}

/// The audience of an entry (LIFE-2): members whose present stay contains it, without its sender.
async fn recipients(
    backend: &Backend,
    conversation: &Conversation,
    stored: &Stored,
) -> StoreResult<Vec<Recipient>> {
    let seq = stored.seq();
    let in_stay = |from: Seq| from <= seq;
    let audience: Vec<UserId> = conversation
        .members
        .iter()
        .filter(|(user, member)| {
            **user != stored.entry.sender
                && member
                    .rights
                    .present()
                    .is_some_and(|stay| in_stay(stay.from))
        })
        .map(|(user, _)| user.clone())
        .collect();
    let marks = backend
        .receipts
        .of_conversation(&conversation.id, &audience)
        .await?;
    let mut recipients = Vec::with_capacity(audience.len());
    for (user, marks) in audience.into_iter().zip(marks) {
        let read = marks.read.seq >= seq;
        let mut devices = Vec::new();
        for record in backend.devices.list(&user).await? {
            let acked = backend
                .receipts
                .of_device(&user, record.device, std::slice::from_ref(&conversation.id))
                .await?;
            let acked = acked
                .into_iter()
                .flatten()
                .any(|position| position.seq >= seq);
            devices.push(DeviceLife {
                device: record.device,
                name: record.name,
                acked,
                seen: record.seen,
            });
        }
        recipients.push(Recipient {
            user,
            delivered: read || marks.delivered.seq >= seq,
            read,
            devices,
        });
    }
    Ok(recipients)
}

/// The conversation as of its head: the saved snapshot, and what was appended since (RIGHT-2).
async fn present(
    backend: &Backend,
    id: &ConversationId,
    head: LogHead,
) -> StoreResult<Conversation> {
    let saved = backend.conversations.load(id).await?;
    let mut conversation = saved.unwrap_or_else(|| Conversation::empty(id.clone()));
    let from = conversation.as_of.next();
    walk(backend, id, from, head.head, |stored| {
        conversation.apply(&stored.entry);
    })
    .await?;
    Ok(conversation)
}

/// Visits the entries `from ..= to` in order, a page at a time.
async fn walk(
    backend: &Backend,
    id: &ConversationId,
    mut from: Seq,
    to: Seq,
    mut visit: impl FnMut(&Arc<Stored>),
) -> StoreResult<()> {
    let limit = ReadLimit {
        entries: PAGE_ENTRIES,
        bytes: PAGE_BYTES,
        newest_first: false,
    };
    while from <= to {
        let page = backend.messages.read(id, from..=to, limit).await?;
        let Some(last) = page.last() else { break };
        from = last.seq().next();
        page.iter().for_each(&mut visit);
    }
    Ok(())
}

fn row(conversation: &Conversation, head: LogHead) -> ConversationRow {
    ConversationRow {
        conversation: conversation.id.clone(),
        title: conversation.title.clone(),
        members: conversation.members.len(),
        base: head.base,
        head: head.head,
        messages: head.ordinal,
        last: head.time,
    }
}

fn bytes_of(content: &Content) -> u64 {
    match content {
        Content::Message(message) => message.body_bytes() as u64,
        Content::Edit(edit) => edit.message.body_bytes() as u64,
        // Nothing else carries a body.
        _ => 0,
    }
}
