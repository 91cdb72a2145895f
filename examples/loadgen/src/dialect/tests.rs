//! The messenger's frames against the product's own definition of them.

use messenger_core::id::{
    Cmid as CoreCmid, ConversationId, DeviceId, Generation, Ordinal, Seq, UserId,
};
use messenger_core::model::{Content, Entry, Message, Retraction};
use messenger_core::time::Timestamp;
use messenger_core::wire::{
    Accepted, AckMark, CaughtUp, ClientFrame, Code, Entries, ErrorFrame, Lag, MarksFrame, Page,
    Rejected, SendContent, ServerFrame, TypingFrame, UserMark,
};

use super::*;
use crate::identity::cmid;
use crate::seat::Seat;
use crate::stamp::STAMP;

fn dialects() -> [Dialect; 2] {
    let tokens = Tokens::new().expect("random bytes");
    [Dialect::Cbor(tokens.clone()), Dialect::Json(tokens)]
}

fn said(dialect: &Dialect, write: impl FnOnce(&Dialect, &mut Vec<u8>)) -> ClientFrame {
    let mut payload = Vec::new();
    write(dialect, &mut payload);
    match dialect.opcode() {
        Opcode::Binary => ClientFrame::from_cbor(&payload).expect("a CBOR frame"),
        _ => ClientFrame::from_json(std::str::from_utf8(&payload).expect("UTF-8"))
            .expect("a JSON frame"),
    }
}

fn heard(dialect: &Dialect, frame: &ServerFrame) -> Vec<Heard> {
    let payload = match dialect.opcode() {
        Opcode::Binary => frame.to_cbor(),
        _ => frame.to_json().into_bytes(),
    };
    let mut heard = Vec::new();
    dialect
        .read(&payload, &mut heard)
        .expect("a frame that can be read");
    heard
}

fn who() -> Identity {
    Identity::new(
        Seat {
            user: 7,
            room_size: 2,
        },
        1,
    )
}

fn conversation() -> ConversationId {
    ConversationId::parse("load-000006/load-000007").expect("an id")
}

fn core_cmid(cmid: Cmid) -> CoreCmid {
    CoreCmid::from_uuid(uuid::Uuid::from_bytes(cmid)).expect("version 7")
}

#[test]
fn hello_registers_a_device_and_then_names_it() {
    for dialect in dialects() {
        let mut who = who();
        who.generation = 1;
        let ClientFrame::Hello(hello) = said(&dialect, |dialect, out| dialect.hello(&who, out))
        else {
            panic!("not a hello");
        };
        assert_eq!(
            (hello.protocol, hello.device, hello.generation),
            (1, None, Generation(1))
        );
        assert_eq!(hello.register.as_deref(), Some("loadgen-00000001"));
        assert_eq!(hello.token.split('.').count(), 3, "a JWT");

        who.device = Some(4);
        who.generation = 2;
        let ClientFrame::Hello(hello) = said(&dialect, |dialect, out| dialect.hello(&who, out))
        else {
            panic!("not a hello");
        };
        assert_eq!(
            (hello.device, hello.generation),
            (Some(DeviceId(4)), Generation(2))
        );
        assert_eq!(hello.register, None);
    }
}

#[test]
fn a_message_carries_its_key_its_predecessor_and_its_body() {
    for dialect in dialects() {
        for after in [None, Some(cmid(1, 7, 1))] {
            let message = Outgoing {
                number: 2,
                cmid: cmid(1, 7, 2),
                after,
                body: "some text",
            };
            let ClientFrame::Send(send) = said(&dialect, |dialect, out| {
                dialect.message(&who(), &message, out)
            }) else {
                panic!("not a send");
            };
            assert_eq!(send.conversation, conversation());
            assert_eq!(send.cmid, core_cmid(message.cmid));
            assert_eq!(send.after_cmid, after.map(core_cmid));
            assert_eq!(
                send.content,
                SendContent::Message(Message::text("some text"))
            );
        }
    }
}

#[test]
fn acks_confirmations_and_groups_are_what_the_product_expects() {
    for dialect in dialects() {
        let newest = Newest {
            author: 6,
            position: 300,
        };
        let ClientFrame::Ack(ack) = said(&dialect, |dialect, out| dialect.ack(&who(), newest, out))
        else {
            panic!("not an ack");
        };
        assert_eq!(
            ack.marks,
            [AckMark {
                conversation: conversation(),
                seq: Seq(300)
            }]
        );

        let ClientFrame::Confirm(confirm) = said(&dialect, |dialect, out| dialect.confirm(9, out))
        else {
            panic!("not a confirmation");
        };
        assert_eq!(confirm.page, 9);

        let founder = Identity::new(
            Seat {
                user: 3,
                room_size: 3,
            },
            1,
        );
        let members = [Seat::name(4), Seat::name(5)];
        let ClientFrame::Create(create) = said(&dialect, |dialect, out| {
            dialect.create(&founder, cmid(1, 3, 0), &members, out)
        }) else {
            panic!("not a group");
        };
        assert_eq!(create.conversation.as_str(), founder.conversation);
        assert_eq!(
            create.members,
            members.map(|name| UserId::parse(&name).expect("an id"))
        );
    }
}

#[test]
fn pushed_entries_are_heard_with_their_stamps_and_other_entries_are_not() {
    let stamp = Stamp {
        due: 12,
        author: 6,
        number: 4,
    };
    let mut body = [b'x'; STAMP + 8];
    stamp.write(&mut body);
    let text = std::str::from_utf8(&body).expect("ASCII");
    let entry = |seq, content| Entry {
        seq: Seq(seq),
        sender: UserId::parse("load-000006").expect("an id"),
        cmid: core_cmid(cmid(1, 6, 4)),
        time: Timestamp(1_790_000_000_000),
        ordinal: Ordinal(seq),
        content,
    };
    let frame = ServerFrame::Entries(Entries {
        conversation: conversation(),
        entries: vec![
            entry(70_000, Content::Message(Message::text(text))),
            entry(70_001, Content::Retraction(Retraction { target: Seq(1) })),
            entry(70_002, Content::Message(Message::text(text))),
        ],
        re: None,
        overlays: Vec::new(),
        more: false,
    });
    for dialect in dialects() {
        let expected = [70_000, 70_002].map(|position| Heard::Entry { stamp, position });
        assert_eq!(heard(&dialect, &frame), expected);
    }
}

#[test]
fn answers_are_heard_with_the_number_of_their_message() {
    let key = core_cmid(cmid(1, 7, 99));
    let accepted = ServerFrame::Accepted(Accepted {
        conversation: conversation(),
        cmid: key,
        seq: Seq(500),
        time: Timestamp(1),
        ordinal: Ordinal(500),
        re: None,
        duplicate: false,
    });
    let rejected = ServerFrame::Rejected(Rejected {
        conversation: conversation(),
        cmid: key,
        code: Code::RateLimited,
        number: u64::from(Code::RateLimited.number()),
        retriable: true,
        message: "slow down".to_owned(),
        re: None,
        retry_after_ms: Some(100),
        seq: None,
        field: None,
        limit: None,
    });
    let reason = format!("{} slow down", Code::RateLimited.number());
    let error = ServerFrame::Error(ErrorFrame::new(Code::RateLimited, "slow down"));
    for dialect in dialects() {
        assert_eq!(
            heard(&dialect, &accepted),
            [Heard::Accepted {
                number: 99,
                position: 500
            }]
        );
        let refused = |number| {
            [Heard::Refused {
                number,
                reason: reason.clone(),
            }]
        };
        assert_eq!(heard(&dialect, &rejected), refused(Some(99)));
        assert_eq!(heard(&dialect, &error), refused(None));
    }
}

#[test]
fn marks_pages_and_the_end_of_catching_up_are_heard_and_the_rest_is_not() {
    let marks = ServerFrame::Marks(MarksFrame {
        conversation: conversation(),
        re: None,
        marks: vec![UserMark {
            user: UserId::parse("load-000006").expect("an id"),
            delivered: Seq(40),
            read: Seq(2),
        }],
        own: None,
        unread: None,
    });
    let typing = ServerFrame::Typing(TypingFrame {
        conversation: conversation(),
        user: UserId::parse("load-000006").expect("an id"),
        stopped: false,
    });
    for dialect in dialects() {
        assert_eq!(heard(&dialect, &marks), [Heard::Delivered { position: 40 }]);
        assert_eq!(
            heard(&dialect, &ServerFrame::Page(Page { page: 3 })),
            [Heard::Page(3)]
        );
        let caught_up = ServerFrame::CaughtUp(CaughtUp {
            since: "x".to_owned(),
        });
        assert_eq!(heard(&dialect, &caught_up), [Heard::Live]);
        let lag = Heard::Refused {
            number: None,
            reason: "lag".to_owned(),
        };
        assert_eq!(heard(&dialect, &ServerFrame::Lag(Lag {})), [lag]);
        assert_eq!(heard(&dialect, &typing), []);
    }
}
