//! One frame of each type at least, with each field in one of them, and bodies in many scripts.

use messenger_core::id::{
    Cmid, ConversationId, DeviceId, Epoch, Generation, Ordinal, Seq, SessionId, UserId,
};
use messenger_core::limits::Limits;
use messenger_core::model::{
    Added, Attachment, Content, Created, Data, Edit, Entry, EraseReason, History, Kind, Left,
    MemberRemoved, Membership, Message, Policy, PolicyChange, Reaction, Retention, Retitled,
    Retraction, Role, RoleGiven, Setting, Tombstone, UserPresence,
};
use messenger_core::time::Timestamp;
use messenger_core::wire::{
    Accepted, Ack, AckMark, AddMembers, CaughtUp, Clear, ClientFrame, Code, Confirm,
    ConversationFrame, Create, Entries, ErrorFrame, Gap, GapReason, Goaway, Hello, HistoryRequest,
    KindName, Lag, Leave, Logout, MarksFrame, MarksRequest, MemberEntry, MembersChange,
    MembersFrame, MembersRequest, Open, OverlayFrame, OwnMarks, Page, Ping, PolicyRequest, Pong,
    PresenceFrame, Reacted, ReactionCount, ReactionsFrame, ReactionsRequest, Read, Rejected,
    RemoveMember, Reset, Send, SendContent, ServerFrame, SetRole, SettingsFrame, SettingsRequest,
    Subscribe, Typing, TypingFrame, Unread, UserMark, Welcome,
};

/// A frame that a client sends, under the name of its golden files.
pub(crate) fn client() -> Vec<(&'static str, ClientFrame)> {
    let send = |cmid: u8, content: SendContent| Send {
        id: Some(7),
        conversation: direct(),
        cmid: cmid_of(cmid),
        after_cmid: None,
        content,
    };
    vec![
        ("hello.device", hello().into()),
        (
            "hello.register",
            Hello {
                protocol: 1,
                token: "dt_5JqM2kQ".into(),
                register: Some("3q2-7wEjRWeJq83v".into()),
                device_name: Some("Anna’s 📱".into()),
                generation: Generation(1),
                ..Hello::default()
            }
            .into(),
        ),
        (
            "hello.transient",
            Hello {
                protocol: 1,
                token: "dt_5JqM2kQ".into(),
                epoch: Some(epoch()),
                positions: vec![at(direct(), 41), at(group(), 9_007_199_254_740_991)],
                ..Hello::default()
            }
            .into(),
        ),
        (
            "send.message",
            Send {
                after_cmid: Some(cmid_of(0)),
                ..send(1, Message::text("Hello, Ben!").into())
            }
            .into(),
        ),
        ("send.attachment", send(2, attached().into()).into()),
        ("send.data", send(3, bytes_message().into()).into()),
        (
            "send.edit",
            send(
                4,
                Edit {
                    target: Seq(41),
                    message: Message::text("Hello, Ben! 👋🏽"),
                }
                .into(),
            )
            .into(),
        ),
        (
            "send.retraction",
            send(5, Retraction { target: Seq(41) }.into()).into(),
        ),
        ("send.reaction", send(6, reaction(true).into()).into()),
        (
            "ack",
            Ack {
                marks: vec![at(direct(), 42), at(group(), 1)],
            }
            .into(),
        ),
        (
            "read",
            Read {
                id: Some(8),
                conversation: direct(),
                seq: Seq(42),
                private: false,
            }
            .into(),
        ),
        (
            "read.private",
            Read {
                id: None,
                conversation: group(),
                seq: Seq(3),
                private: true,
            }
            .into(),
        ),
        (
            "clear",
            Clear {
                id: Some(9),
                conversation: direct(),
                seq: Seq(40),
            }
            .into(),
        ),
        (
            "history.before",
            HistoryRequest {
                id: Some(10),
                conversation: direct(),
                before: Some(Seq(40)),
                after: None,
                limit: Some(50),
            }
            .into(),
        ),
        (
            "history.after",
            HistoryRequest {
                id: Some(11),
                conversation: direct(),
                before: None,
                after: Some(Seq(12)),
                limit: None,
            }
            .into(),
        ),
        ("confirm", Confirm { page: 3 }.into()),
        (
            "open",
            Open {
                id: Some(12),
                conversation: direct(),
            }
            .into(),
        ),
        (
            "create",
            Create {
                id: Some(13),
                conversation: group(),
                cmid: cmid_of(7),
                title: "Küche 🍳 المطبخ".into(),
                members: vec![user("ben"), user("cleo")],
                retention: Retention::Timed(86_400),
                history: History::All,
            }
            .into(),
        ),
        (
            "members.list",
            members(None, None, Some(user("ben"))).into(),
        ),
        (
            "members.add",
            members(
                Some(8),
                Some(
                    AddMembers {
                        users: vec![user("dora"), user("emil")],
                    }
                    .into(),
                ),
                None,
            )
            .into(),
        ),
        (
            "members.remove",
            members(
                Some(9),
                Some(RemoveMember { user: user("ben") }.into()),
                None,
            )
            .into(),
        ),
        (
            "members.leave",
            members(
                Some(10),
                Some(
                    Leave {
                        successor: Some(user("cleo")),
                    }
                    .into(),
                ),
                None,
            )
            .into(),
        ),
        (
            "members.role",
            members(
                Some(11),
                Some(
                    SetRole {
                        user: user("cleo"),
                        role: Role::Moderator,
                    }
                    .into(),
                ),
                None,
            )
            .into(),
        ),
        (
            "policy.title",
            policy(
                12,
                Retitled {
                    title: "Kitchen".into(),
                }
                .into(),
            )
            .into(),
        ),
        (
            "policy.retention",
            policy(13, Retention::Relay.into()).into(),
        ),
        ("policy.history", policy(14, History::None.into()).into()),
        (
            "settings",
            SettingsRequest {
                id: Some(15),
                conversation: direct(),
                setting: setting(),
            }
            .into(),
        ),
        (
            "marks",
            MarksRequest {
                id: Some(16),
                conversation: group(),
            }
            .into(),
        ),
        (
            "reactions",
            ReactionsRequest {
                id: Some(17),
                conversation: direct(),
                target: Seq(41),
            }
            .into(),
        ),
        (
            "subscribe",
            Subscribe {
                id: Some(18),
                conversations: vec![direct(), group()],
            }
            .into(),
        ),
        (
            "typing",
            Typing {
                conversation: direct(),
                stopped: false,
            }
            .into(),
        ),
        (
            "typing.stopped",
            Typing {
                conversation: direct(),
                stopped: true,
            }
            .into(),
        ),
        ("ping", Ping { id: Some(19) }.into()),
        ("logout", Logout { forget: true }.into()),
    ]
}

/// A frame that a server sends, under the name of its golden files.
pub(crate) fn server() -> Vec<(&'static str, ServerFrame)> {
    vec![
        (
            "welcome",
            Welcome {
                session: SessionId(3),
                user: user("anna"),
                device: Some(DeviceId(1)),
                epoch: epoch(),
                durability: "disk".into(),
                limits: Limits::default(),
                heartbeat_ms: 20_000,
                recheck_ms: 60_000,
                server_time: time(0),
                capabilities: vec!["example".into()],
            }
            .into(),
        ),
        ("conversation.direct", Box::new(direct_frame()).into()),
        ("conversation.group", Box::new(group_frame()).into()),
        (
            "entries.scripts",
            entries(
                SCRIPTS
                    .iter()
                    .map(|text| Message::text(*text).into())
                    .collect(),
            )
            .into(),
        ),
        (
            "entries.kinds",
            entries(vec![
                attached().into(),
                bytes_message().into(),
                Edit {
                    target: Seq(40),
                    message: Message::text("better"),
                }
                .into(),
                Retraction { target: Seq(40) }.into(),
                reaction(false).into(),
                Tombstone {
                    kind: Kind::Message,
                    reason: EraseReason::Retracted,
                }
                .into(),
            ])
            .into(),
        ),
        (
            "entries.group",
            Entries {
                conversation: group(),
                ..entries(vec![
                    Membership::from(Created {
                        title: "Küche 🍳 المطبخ".into(),
                        members: vec![user("ben"), user("cleo")],
                        retention: Retention::Keep,
                        history: History::All,
                    })
                    .into(),
                    Membership::from(Added {
                        users: vec![user("dora")],
                    })
                    .into(),
                    Membership::from(MemberRemoved { user: user("dora") }).into(),
                    Membership::from(RoleGiven {
                        user: user("cleo"),
                        role: Role::Owner,
                    })
                    .into(),
                    Membership::from(Left {
                        successor: Some(user("ben")),
                    })
                    .into(),
                    PolicyChange::from(Retitled {
                        title: "Kitchen".into(),
                    })
                    .into(),
                    PolicyChange::from(Retention::Timed(3_600)).into(),
                    PolicyChange::from(History::None).into(),
                ])
            }
            .into(),
        ),
        (
            "entries.history",
            Entries {
                re: Some(10),
                overlays: vec![
                    OverlayFrame {
                        target: Seq(41),
                        edit: Some(entry(
                            57,
                            Edit {
                                target: Seq(41),
                                message: Message::text("edited 🖋️"),
                            }
                            .into(),
                        )),
                        edits: 2,
                        retracted_by: None,
                        reactions: vec![
                            ReactionCount {
                                emoji: "👍🏿".into(),
                                count: 2,
                                mine: true,
                            },
                            ReactionCount {
                                emoji: "🏳️‍🌈".into(),
                                count: 1,
                                mine: false,
                            },
                        ],
                    },
                    OverlayFrame {
                        target: Seq(42),
                        edit: None,
                        edits: 0,
                        retracted_by: Some(Seq(58)),
                        reactions: Vec::new(),
                    },
                ],
                more: true,
                ..entries(vec![Message::text("before").into()])
            }
            .into(),
        ),
        (
            "gap.right",
            Gap {
                conversation: group(),
                from: Seq(1),
                to: Seq(12),
                reason: GapReason::Right,
            }
            .into(),
        ),
        (
            "gap.cut",
            Gap {
                conversation: direct(),
                from: Seq(1),
                to: Seq(1_024),
                reason: GapReason::Cut,
            }
            .into(),
        ),
        ("page", Page { page: 3 }.into()),
        ("caught_up", CaughtUp { since: "17".into() }.into()),
        ("accepted", accepted(false).into()),
        ("accepted.duplicate", accepted(true).into()),
        ("rejected.retriable", rejected(Code::RateLimited).into()),
        (
            "rejected.mismatch",
            Rejected {
                retry_after_ms: None,
                seq: Some(Seq(42)),
                ..rejected(Code::IdempotencyMismatch)
            }
            .into(),
        ),
        (
            "rejected.field",
            Rejected {
                retry_after_ms: None,
                field: Some("content.message.text".into()),
                limit: Some(65_536),
                ..rejected(Code::BodyTooLarge)
            }
            .into(),
        ),
        (
            "error.request",
            ErrorFrame {
                re: Some(12),
                conversation: Some(group()),
                ..ErrorFrame::new(Code::NotFound, "no such conversation")
            }
            .into(),
        ),
        (
            "error.field",
            ErrorFrame {
                re: Some(11),
                field: Some("limit".into()),
                limit: Some(100),
                ..ErrorFrame::new(Code::BadField, "at most 100 entries")
            }
            .into(),
        ),
        (
            "error.rate",
            ErrorFrame {
                retry_after_ms: Some(250),
                ..ErrorFrame::new(Code::RateLimited, "too many frames")
            }
            .into(),
        ),
        (
            "error.generation",
            ErrorFrame {
                current: Some(9),
                ..ErrorFrame::new(Code::GenerationStale, "a newer session exists")
            }
            .into(),
        ),
        (
            "error.devices",
            ErrorFrame {
                devices: vec![DeviceId(1), DeviceId(4)],
                limit: Some(5),
                ..ErrorFrame::new(Code::TooManyDevices, "at most 5 devices")
            }
            .into(),
        ),
        (
            "error.setting",
            ErrorFrame {
                re: Some(15),
                setting: Some(setting()),
                ..ErrorFrame::new(Code::VersionConflict, "the setting has version 3")
            }
            .into(),
        ),
        (
            "marks.others",
            MarksFrame {
                conversation: direct(),
                re: Some(16),
                marks: vec![mark("ben", 42, 41)],
                own: None,
                unread: None,
            }
            .into(),
        ),
        (
            "marks.own",
            MarksFrame {
                conversation: direct(),
                re: None,
                marks: Vec::new(),
                own: Some(own()),
                unread: Some(Unread {
                    count: 0,
                    exact: true,
                }),
            }
            .into(),
        ),
        (
            "settings",
            SettingsFrame {
                conversation: direct(),
                setting: setting(),
                re: Some(15),
            }
            .into(),
        ),
        ("lag", Lag {}.into()),
        (
            "presence",
            PresenceFrame {
                user: user("ben"),
                state: UserPresence::Offline,
                last_seen: Some(time(1_000)),
            }
            .into(),
        ),
        (
            "presence.unknown",
            PresenceFrame {
                user: user("ben"),
                state: UserPresence::Unknown,
                last_seen: None,
            }
            .into(),
        ),
        (
            "typing",
            TypingFrame {
                conversation: direct(),
                user: user("ben"),
                stopped: false,
            }
            .into(),
        ),
        (
            "typing.stopped",
            TypingFrame {
                conversation: direct(),
                user: user("ben"),
                stopped: true,
            }
            .into(),
        ),
        (
            "pong",
            Pong {
                server_time: time(2_000),
                re: Some(19),
            }
            .into(),
        ),
        (
            "goaway",
            Goaway {
                retry_after_ms: 5_120,
            }
            .into(),
        ),
        ("reset", Reset { epoch: epoch() }.into()),
        (
            "members",
            MembersFrame {
                conversation: group(),
                members: vec![
                    member("anna", Role::Owner, 1),
                    member("dora", Role::Member, 2),
                ],
                re: Some(14),
                more: true,
            }
            .into(),
        ),
        (
            "reactions",
            ReactionsFrame {
                conversation: direct(),
                target: Seq(41),
                reactions: vec![
                    Reacted {
                        user: user("anna"),
                        emoji: "👍🏿".into(),
                    },
                    Reacted {
                        user: user("ben"),
                        emoji: "👍🏿".into(),
                    },
                ],
                re: Some(17),
            }
            .into(),
        ),
    ]
}

/// Bodies that break readers who take bytes, code units or code points for characters.
const SCRIPTS: &[&str] = &[
    "Grüße, straße, İstanbul",
    "مرحبا \u{200f}(1) שלום",
    "e\u{301} ≠ é, ก็้้้, Z̷̢͓a̴l̶g̷o̵",
    "👩‍👩‍👧‍👦 👋🏽 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🇩🇪",
    "漢字かな交じり文 한국어 हिन्दी தமிழ் ᚠᛇᚻ 𝔘𝔫𝔦",
    " ",
    "\u{feff}\u{0}\u{1}\t\r\n\u{2028}\"\\/</script>",
];

fn hello() -> Hello {
    Hello {
        protocol: 1,
        token: "dt_5JqM2kQ".into(),
        device: Some(DeviceId(1)),
        generation: Generation(8),
        epoch: Some(epoch()),
        since: Some("17".into()),
        capabilities: vec!["example".into()],
        ..Hello::default()
    }
}

fn members(
    cmid: Option<u8>,
    change: Option<MembersChange>,
    after: Option<UserId>,
) -> MembersRequest {
    MembersRequest {
        id: Some(14),
        conversation: group(),
        cmid: cmid.map(cmid_of),
        change,
        after,
    }
}

fn policy(cmid: u8, change: PolicyChange) -> PolicyRequest {
    PolicyRequest {
        id: Some(14),
        conversation: group(),
        cmid: cmid_of(cmid),
        change,
    }
}

fn entries(contents: Vec<Content>) -> Entries {
    Entries {
        conversation: direct(),
        entries: (41..)
            .zip(contents)
            .map(|(seq, content)| entry(seq, content))
            .collect(),
        re: None,
        overlays: Vec::new(),
        more: false,
    }
}

fn entry(seq: u64, content: Content) -> Entry {
    Entry {
        seq: Seq(seq),
        sender: user("anna"),
        cmid: cmid_of(seq as u8),
        time: time(seq),
        ordinal: Ordinal(30),
        content,
    }
}

fn attached() -> Message {
    Message {
        text: Some("see page 3".into()),
        reply_to: Some(Seq(40)),
        attachments: vec![Attachment {
            reference: "2f/9c41d0".into(),
            media_type: "application/pdf".into(),
            bytes: 48_213,
            name: Some("Straßenplan 東京.pdf".into()),
        }],
        silent: true,
        ..Message::default()
    }
}

fn bytes_message() -> Message {
    Message {
        data: Some(Data {
            media_type: "application/octet-stream".into(),
            bytes: vec![0x00, 0xff, 0x10, 0x80, 0x3e],
        }),
        ..Message::default()
    }
}

fn reaction(set: bool) -> Reaction {
    Reaction {
        target: Seq(41),
        emoji: "👍🏿".into(),
        set,
    }
}

fn accepted(duplicate: bool) -> Accepted {
    Accepted {
        conversation: direct(),
        cmid: cmid_of(1),
        seq: Seq(42),
        time: time(42),
        ordinal: Ordinal(31),
        re: Some(7),
        duplicate,
    }
}

fn rejected(code: Code) -> Rejected {
    Rejected {
        conversation: direct(),
        cmid: cmid_of(1),
        code,
        number: u64::from(code.number()),
        retriable: code.is_retriable(),
        message: code.advice().into(),
        re: Some(7),
        retry_after_ms: Some(400),
        seq: None,
        field: None,
        limit: None,
    }
}

fn direct_frame() -> ConversationFrame {
    ConversationFrame {
        re: Some(12),
        conversation: direct(),
        kind: KindName::Direct,
        title: None,
        base: Seq(1),
        head: Seq(42),
        ordinal: Ordinal(31),
        from: Seq(1),
        member: true,
        role: Some(Role::Member),
        last: Some(entry(42, Message::text("Hello, Ben!").into())),
        members: vec![
            member("anna", Role::Member, 1),
            member("ben", Role::Member, 1),
        ],
        member_count: 2,
        policy: Policy::default(),
        own: own(),
        marks: vec![mark("ben", 42, 40)],
        unread: Unread {
            count: 3,
            exact: true,
        },
        setting: setting(),
        kept: Some(Seq(42)),
    }
}

fn group_frame() -> ConversationFrame {
    ConversationFrame {
        re: None,
        conversation: group(),
        kind: KindName::Group,
        title: Some("Küche 🍳 المطبخ".into()),
        from: Seq(7),
        member: false,
        role: None,
        last: None,
        members: Vec::new(),
        member_count: 900,
        policy: Policy {
            retention: Retention::Timed(86_400),
            history: History::None,
        },
        own: OwnMarks {
            acked: None,
            ..own()
        },
        marks: Vec::new(),
        unread: Unread {
            count: 17,
            exact: false,
        },
        setting: Setting::default(),
        kept: None,
        ..direct_frame()
    }
}

fn own() -> OwnMarks {
    OwnMarks {
        acked: Some(Seq(42)),
        delivered: Seq(42),
        read: Seq(41),
        read_private: Seq(42),
        cleared: Seq(2),
    }
}

fn setting() -> Setting {
    Setting {
        version: 3,
        muted_until: Some(time(3_600_000)),
        archived: false,
        pinned: true,
        unread_at: Some(Seq(41)),
        alias: Some("Ben 🚲".into()),
    }
}

fn mark(name: &str, delivered: u64, read: u64) -> UserMark {
    UserMark {
        user: user(name),
        delivered: Seq(delivered),
        read: Seq(read),
    }
}

fn member(name: &str, role: Role, from: u64) -> MemberEntry {
    MemberEntry {
        user: user(name),
        role,
        from: Seq(from),
    }
}

fn at(conversation: ConversationId, seq: u64) -> AckMark {
    AckMark {
        conversation,
        seq: Seq(seq),
    }
}

fn user(name: &str) -> UserId {
    UserId::parse(name).expect("the samples' users have good names")
}

fn direct() -> ConversationId {
    ConversationId::direct(&user("anna"), &user("ben"))
}

fn group() -> ConversationId {
    ConversationId::parse("0192f0c1-7b7e-7000-8000-000000000001").expect("a canonical UUID")
}

fn cmid_of(number: u8) -> Cmid {
    Cmid::from_parts(time(u64::from(number)), [number; 10])
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

fn epoch() -> Epoch {
    Epoch(5_413_203_771_092_113)
}
