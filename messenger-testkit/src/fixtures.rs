//! Users, conversations, texts and finished entries for tests.
//!
//! ```text
//!   LogBuilder ── message(anna, "hi") ──► seq 1, ordinal 1
//!              ── silent(ben, "…")    ──► seq 2, ordinal 1
//!              ── edit(anna, 1, "ho") ──► seq 3, ordinal 1      times rise by a second each
//! ```

use std::sync::Arc;
use std::time::Duration;

use messenger_core::id::{Cmid, ConversationId, Ordinal, Seq, UserId};
use messenger_core::model::{
    Added, Attachment, ClaimKey, Content, ContentDigest, Created, Data, Edit, Entry, History,
    Membership, Message, PolicyChange, Reaction, Retention, Retitled, Retraction, Stored,
};
use messenger_core::time::Timestamp;
use uuid::Uuid;

/// When the fixtures begin: the noon of a UTC day in 2026.
pub const START: Timestamp =
    Timestamp::from_millis(20_500 * 24 * 60 * 60 * 1000 + 12 * 60 * 60 * 1000);

/// The key under which the fixtures digest contents.
pub const DIGEST_KEY: [u8; 16] = *b"a key of fixture";

/// Texts of people, each with what is special about it.
pub const TEXTS: &[(&str, &str)] = &[
    ("plain", "Shall we meet at noon?"),
    ("empty", ""),
    ("only spaces", "   \u{a0}\u{3000} "),
    ("line ends", "one\r\ntwo\n\n\tthree\u{2028}four"),
    ("a family joined by ZWJ", "👩‍👩‍👧‍👦 🧑‍🚀 🏴‍☠️ ❤️‍🔥"),
    ("flags", "🇺🇳🇯🇵🇧🇷 🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
    ("skin tones", "👍🏿👍🏽👍🏻 🤝🏾 👩🏿‍🔬"),
    ("keycaps and variation selectors", "1️⃣ #️⃣ ☎︎ ☎️"),
    ("Arabic", "مرحبًا، كيف الحال؟"),
    ("Hebrew with points", "שָׁלוֹם עוֹלָם"),
    (
        "both directions",
        "abc \u{202b}עברית 123\u{202c} xyz \u{2067}مرحبا\u{2069}",
    ),
    ("combining marks", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘"),
    (
        "composed and decomposed",
        "\u{e9} e\u{301} \u{1e69} s\u{323}\u{307}",
    ),
    ("Devanagari", "क्षत्रिय नमस्ते दुनिया"),
    ("Tamil", "வணக்கம் உலகம்"),
    ("Thai", "สวัสดีชาวโลก น้ำ"),
    (
        "Hangul, composed and in jamo",
        "한글 \u{1112}\u{1161}\u{11ab}",
    ),
    ("Han", "你好，世界。𠮷野家で𩸽を食べる"),
    ("Greek, Cyrillic, Turkish", "Ἀθῆναι Щука İstanbul ıIiİ"),
    ("outside the basic plane", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𓀀 🀄"),
    (
        "control characters",
        "bell\u{7} nul\u{0} escape\u{1b}[31m delete\u{7f}",
    ),
    (
        "what looks like code",
        "'; DROP TABLE log; -- \\ \" {\"a\":1} <b>&amp;</b> %s ${x}",
    ),
    ("zero width", "a\u{200b}b\u{200d}c\u{feff}d\u{2060}e"),
    ("the last code point", "\u{10ffff}\u{fffd}"),
];

/// A pasted text of exactly 64 KiB, in several scripts.
pub fn paste() -> String {
    let line = "The quick brown fox · Быстрая лиса · الثعلب السريع · 敏捷的狐狸 · 🦊🏃🏽‍♀️\n";
    let mut text = line.repeat(64 * 1024 / line.len());
    text.extend(std::iter::repeat_n('.', 64 * 1024 - text.len()));
    text
}

/// The user of this name.
///
/// # Panics
/// When the name is no user id.
pub fn user(name: &str) -> UserId {
    UserId::parse(name).expect("a fixture names users by valid ids")
}

/// The first user of the fixtures.
pub fn anna() -> UserId {
    user("anna")
}

/// The second user of the fixtures.
pub fn ben() -> UserId {
    user("ben")
}

/// The third user of the fixtures.
pub fn cleo() -> UserId {
    user("cleo")
}

/// The direct conversation of the first two users.
pub fn direct() -> ConversationId {
    ConversationId::direct(&anna(), &ben())
}

/// A group by its number.
pub fn group(number: u64) -> ConversationId {
    ConversationId::group(Uuid::from_u64_pair(
        0x0192_f0c1_7b7e_7000,
        (1 << 63) | number,
    ))
}

/// A `cmid` by its number, made at this time.
pub fn cmid(time: Timestamp, number: u64) -> Cmid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Cmid::from_parts(time, random)
}

/// The claim key of an entry.
pub fn claim_key(stored: &Stored) -> ClaimKey {
    ClaimKey {
        sender: stored.entry.sender.clone(),
        cmid: stored.entry.cmid,
    }
}

/// Makes finished entries of one log, one after the other, as a conversation machine does.
#[derive(Clone, Debug)]
pub struct LogBuilder {
    head: Seq,
    ordinal: Ordinal,
    time: Timestamp,
    cmids: u64,
}

impl Default for LogBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl LogBuilder {
    /// The builder of an empty log, whose first entry is a second after [`START`].
    pub fn new() -> Self {
        Self {
            head: Seq::ZERO,
            ordinal: Ordinal(0),
            time: START,
            cmids: 0,
        }
    }

    /// The seq of the last entry made.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The time of the last entry made.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Lets time pass before the next entry.
    pub fn pass(&mut self, duration: Duration) {
        self.time = self.time.plus(duration);
    }

    /// The next entry, with a `cmid` that no other entry of this builder has.
    pub fn entry(&mut self, sender: &UserId, content: Content) -> Arc<Stored> {
        self.cmids += 1;
        let cmid = cmid(self.time, self.cmids);
        self.entry_of(sender, cmid, content)
    }

    /// The next entry, with this `cmid`.
    pub fn entry_of(&mut self, sender: &UserId, cmid: Cmid, content: Content) -> Arc<Stored> {
        self.head = self.head.next();
        self.time = self.time.plus(Duration::from_secs(1));
        if content.is_countable() {
            self.ordinal = Ordinal(self.ordinal.0 + 1);
        }
        let digest = ContentDigest::of(&content, &DIGEST_KEY);
        let entry = Entry {
            seq: self.head,
            sender: sender.clone(),
            cmid,
            time: self.time,
            ordinal: self.ordinal,
            content,
        };
        Arc::new(Stored {
            entry,
            accepted_at: self.time,
            hidden_from: None,
            expiry: None,
            digest: Some(digest),
        })
    }

    /// The next entry: a message of text.
    pub fn message(&mut self, sender: &UserId, text: &str) -> Arc<Stored> {
        self.entry(sender, Content::Message(Message::text(text)))
    }

    /// The next entries: this many messages.
    pub fn messages(&mut self, sender: &UserId, number: usize) -> Vec<Arc<Stored>> {
        (0..number)
            .map(|i| self.message(sender, TEXTS[i % TEXTS.len()].1))
            .collect()
    }

    /// The next entry: a message that is not counted.
    pub fn silent(&mut self, sender: &UserId, text: &str) -> Arc<Stored> {
        let message = Message {
            silent: true,
            ..Message::text(text)
        };
        self.entry(sender, Content::Message(message))
    }

    /// The next entry: an edit.
    pub fn edit(&mut self, sender: &UserId, target: Seq, text: &str) -> Arc<Stored> {
        let message = Message::text(text);
        self.entry(sender, Content::Edit(Edit { target, message }))
    }

    /// The next entries: one of each content that a log can hold, with all their fields.
    pub fn one_of_each(&mut self, sender: &UserId) -> Vec<Arc<Stored>> {
        let target = self.head.next();
        let created = Created {
            title: TEXTS[4].1.to_owned(),
            members: vec![ben(), cleo()],
            retention: Retention::Timed(3600),
            history: History::All,
        };
        let attachment = Attachment {
            reference: "media/7".to_owned(),
            media_type: "image/webp".to_owned(),
            bytes: 123_456,
            name: Some("Grüße 🏖️.webp".to_owned()),
        };
        let rich = Message {
            text: Some(TEXTS[10].1.into()),
            data: Some(Data {
                media_type: "application/octet-stream".to_owned(),
                bytes: (0..=255).collect(),
            }),
            reply_to: Some(target),
            attachments: vec![attachment],
            silent: true,
        };
        let contents = [
            Content::Message(rich.clone()),
            Content::Edit(Edit {
                target,
                message: rich,
            }),
            Content::Reaction(Reaction {
                target,
                emoji: "👩🏿‍🔬".to_owned(),
                set: true,
            }),
            Content::Retraction(Retraction { target }),
            Content::Membership(Membership::Created(created)),
            Content::Membership(Membership::Added(Added {
                users: vec![user("dora")],
            })),
            Content::Policy(PolicyChange::Title(Retitled {
                title: TEXTS[8].1.to_owned(),
            })),
            Content::Policy(PolicyChange::Retention(Retention::Relay)),
            Content::Policy(PolicyChange::History(History::None)),
        ];
        contents
            .into_iter()
            .map(|content| self.entry(sender, content))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paste_has_64_kib_and_no_text_comes_twice() {
        assert_eq!(paste().len(), 64 * 1024);
        let texts: std::collections::BTreeSet<_> = TEXTS.iter().map(|(_, text)| text).collect();
        assert_eq!(texts.len(), TEXTS.len());
    }

    #[test]
    fn a_builder_counts_what_is_countable() {
        let mut log = LogBuilder::new();
        log.message(&anna(), "a");
        log.silent(&anna(), "b");
        let edit = log.edit(&anna(), Seq(1), "c");
        assert_eq!((edit.seq(), edit.entry.ordinal), (Seq(3), Ordinal(1)));
    }
}
