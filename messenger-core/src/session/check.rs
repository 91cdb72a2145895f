//! What a draft must be before it is judged: sizes and forms, by the table of limits (BP-4).

use crate::limits::{
    ATTACHMENTS_MAX, EMOJI_MAX_BYTES, Limits, MEDIA_TYPE_MAX_BYTES, TIMED_SECONDS, TITLE_MAX_BYTES,
};
use crate::model::{Content, Membership, Message, PolicyChange, Retention};
use crate::wire::Code;

/// A field that breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) field: &'static str,
    pub(super) limit: Option<u64>,
}

/// The first field of a content that breaks its rule.
pub(super) fn content(content: &Content, limits: &Limits) -> Result<(), Fault> {
    match content {
        Content::Message(message) => check_message(message, limits),
        Content::Edit(edit) => check_message(&edit.message, limits),
        Content::Reaction(reaction) => {
            check_length("emoji", reaction.emoji.len(), 1..=EMOJI_MAX_BYTES)
        }
        Content::Membership(Membership::Created(created)) => {
            check_length("title", created.title.len(), 1..=TITLE_MAX_BYTES)?;
            check_users(&created.members, 0, limits)?;
            check_retention(created.retention)
        }
        Content::Membership(Membership::Added(added)) => check_users(&added.users, 1, limits),
        Content::Policy(PolicyChange::Title(title)) => {
            check_length("title", title.title.len(), 1..=TITLE_MAX_BYTES)
        }
        Content::Policy(PolicyChange::Retention(retention)) => check_retention(*retention),
        Content::Retraction(_)
        | Content::Membership(_)
        | Content::Policy(PolicyChange::History(_))
        | Content::Tombstone(_) => Ok(()),
    }
}

fn check_message(message: &Message, limits: &Limits) -> Result<(), Fault> {
    if message.is_empty() {
        return Err(Fault {
            code: Code::EmptyBody,
            field: "text",
            limit: None,
        });
    }
    if message.text.is_some() && message.data.is_some() {
        return Err(bad("data", None));
    }
    if message.body_bytes() as u64 > limits.body_bytes {
        return Err(Fault {
            code: Code::BodyTooLarge,
            field: if message.text.is_some() {
                "text"
            } else {
                "data"
            },
            limit: Some(limits.body_bytes),
        });
    }
    if let Some(data) = &message.data {
        check_length(
            "media_type",
            data.media_type.len(),
            1..=MEDIA_TYPE_MAX_BYTES,
        )?;
    }
    check_length(
        "attachments",
        message.attachments.len(),
        0..=ATTACHMENTS_MAX,
    )?;
    for attachment in &message.attachments {
        check_length(
            "media_type",
            attachment.media_type.len(),
            1..=MEDIA_TYPE_MAX_BYTES,
        )?;
        check_length("reference", attachment.reference.len(), 1..=TITLE_MAX_BYTES)?;
        let name = attachment.name.as_ref().map_or(0, String::len);
        check_length("name", name, 0..=TITLE_MAX_BYTES)?;
    }
    Ok(())
}

fn check_users(users: &[crate::id::UserId], least: usize, limits: &Limits) -> Result<(), Fault> {
    let most = usize::try_from(limits.adds_per_entry).unwrap_or(usize::MAX);
    check_length("users", users.len(), least..=most)?;
    let distinct: std::collections::BTreeSet<_> = users.iter().collect();
    if distinct.len() < users.len() {
        return Err(bad("users", None));
    }
    Ok(())
}

fn check_retention(retention: Retention) -> Result<(), Fault> {
    match retention {
        Retention::Timed(seconds) if !TIMED_SECONDS.contains(&seconds) => {
            Err(bad("retention", Some(*TIMED_SECONDS.end())))
        }
        Retention::Keep | Retention::Relay | Retention::Timed(_) => Ok(()),
    }
}

fn check_length(
    field: &'static str,
    length: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<(), Fault> {
    if allowed.contains(&length) {
        Ok(())
    } else {
        Err(bad(field, Some(*allowed.end() as u64)))
    }
}

fn bad(field: &'static str, limit: Option<u64>) -> Fault {
    Fault {
        code: Code::BadField,
        field,
        limit,
    }
}
