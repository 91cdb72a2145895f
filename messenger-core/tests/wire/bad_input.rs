//! Input that is no frame: the right error, never a panic, never a piece of a body.

use messenger_core::wire::{ClientFrame, DecodeError, DecodeErrorKind, ServerFrame};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::samples;

const SECRET: &str = "canary-7f3a";

#[test]
fn an_unknown_frame_type_is_told_from_a_malformed_frame() {
    let error = from_json(r#"{"dance": {"id": 7, "steps": [1, 2]}}"#);
    assert_eq!(error.kind, DecodeErrorKind::UnknownFrame);
    assert_eq!(
        (error.detail.as_str(), error.id),
        ("there is no frame type dance", Some(7))
    );

    let error = from_cbor(&[0x82, 0x18, 99, 0xa2, 1, 0xf5, 0, 7]);
    assert_eq!(error.kind, DecodeErrorKind::UnknownFrame);
    assert_eq!(
        (error.detail.as_str(), error.id),
        ("there is no frame type 99", Some(7))
    );
}

#[test]
fn malformed_json_is_answered_by_what_is_wrong_and_where() {
    let deep = format!(
        r#"{{"ping": {{"x": {}{}}}}}"#,
        "[".repeat(40),
        "]".repeat(40)
    );
    let table = [
        ("", "EOF while parsing a value at line 1 column 0", None),
        (
            "\u{0}\u{1}garbage",
            "expected value at line 1 column 1",
            None,
        ),
        ("[]", "expected value at line 1 column 1", None),
        (
            r#"{"ping": {}} {}"#,
            "trailing characters at line 1 column 14",
            None,
        ),
        (
            r#"{"ping": {}, "typing": {}}"#,
            "expected value at line 1 column 11",
            None,
        ),
        (
            r#"{"ack": {"marks": [{"conversation": "anna/ben""#,
            "EOF while parsing an object at line 1 column 46",
            None,
        ),
        (
            r#"{"open": {"id": 7}}"#,
            "missing field `conversation` at line 1 column 18",
            Some(7),
        ),
        (
            r#"{"open": {"id": 7, "conversation": "ben/anna"}}"#,
            "the users of a direct conversation stand in byte order at line 1 column 45",
            Some(7),
        ),
        (
            r#"{"open": {"id": 7, "conversation": "anna/ben", "conversation": "anna/ben"}}"#,
            "duplicate field `conversation` at line 1 column 61",
            Some(7),
        ),
        (
            r#"{"ping": {"id": 9007199254740992}}"#,
            "a number is above the largest integer, 9007199254740991 at line 1 column 33",
            None,
        ),
        (
            r#"{"confirm": {"page": 9007199254740992}}"#,
            "a number is above the largest integer, 9007199254740991 at line 1 column 38",
            None,
        ),
        (
            r#"{"ping": {"id": 18446744073709551616}}"#,
            "invalid type: floating point, expected u64 at line 1 column 36",
            None,
        ),
        (
            r#"{"ping": {"id": -1}}"#,
            "invalid value: integer, expected u64 at line 1 column 18",
            None,
        ),
        (
            r#"{"ping": {"id": 1.5}}"#,
            "invalid type: floating point, expected u64 at line 1 column 19",
            None,
        ),
        (
            r#"{"read": {"id": 3, "conversation": "anna/ben", "seq": 9007199254740992}}"#,
            "Seq is above the largest integer, 9007199254740991 at line 1 column 71",
            Some(3),
        ),
        (
            deep.as_str(),
            "the frame is nested deeper than 32 levels, at byte 45",
            None,
        ),
    ];
    let expected = table.map(|(text, detail, id)| (text, malformed(detail, id)));
    assert_eq!(table.map(|(text, ..)| (text, from_json(text))), expected);
}

#[test]
fn malformed_cbor_is_answered_by_what_is_wrong_and_where() {
    let open = |tail: &[u8]| [&[0x82, 8, 0xa2, 0, 7, 1][..], tail].concat();
    let deep = [&[0x82, 17, 0xa1, 9][..], &[0x81; 40], &[0]].concat();
    let table: [(Vec<u8>, &str, Option<u64>); 12] = [
        (vec![], "the frame is cut off, at byte 0", None),
        (
            vec![0x82, 17, 0xa1],
            "the frame is cut off, at byte 3",
            None,
        ),
        (
            vec![0x82, 17, 0xa0, 0],
            "bytes follow the frame, at byte 3",
            None,
        ),
        (
            vec![0x82, 17, 0xbf, 0xff],
            "lengths must be definite, at byte 2",
            None,
        ),
        (
            vec![0x82, 17, 0xa2, 0, 1, 0, 2],
            "a key stands twice in one map, at byte 5",
            None,
        ),
        (
            vec![0x82, 17, 0xa1, 0, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0],
            "a number is above the largest integer, 9007199254740991, at byte 4",
            None,
        ),
        (
            deep,
            "the frame is nested deeper than 32 levels, at byte 34",
            None,
        ),
        (
            vec![0x81, 17],
            "ClientFrame must be an array of two: number and body",
            None,
        ),
        (
            vec![0x82, 17, 0xa1, 0, 0x20],
            "unexpected type i8 at position 4: expected u64",
            None,
        ),
        (
            open(&[0x62, 0xff, 0xfe]),
            "invalid utf-8 at position 6",
            Some(7),
        ),
        (
            open(&[0x63, b'a', b'n', b'n']),
            "a conversation id is 'user/user' or a lower-case hyphenated UUID",
            Some(7),
        ),
        (
            vec![0x82, 8, 0xa1, 0, 7],
            "missing value at index 1 (Open::conversation) in map or array starting at position 2",
            Some(7),
        ),
    ];
    let expected = table.clone().map(|(_, detail, id)| malformed(detail, id));
    assert_eq!(table.map(|(bytes, ..)| from_cbor(&bytes)), expected);
}

#[test]
fn a_base64_fault_tells_nothing_of_the_bytes() {
    let text = r#"{"send": {"conversation": "anna/ben", "cmid": "019f0c5f-2c00-7101-8101-010101010101",
        "content": {"message": {"data": {"media_type": "a/b", "bytes": "AA!="}}}}}"#;
    let error = from_json(text);
    assert_eq!(error.kind, DecodeErrorKind::Malformed);
    assert!(
        error
            .detail
            .starts_with("the bytes are not base64 with padding at line 2"),
        "{error}"
    );
}

/// SEC-6: whatever place the body is put in by mistake.
#[test]
fn no_error_repeats_a_piece_of_the_input() {
    let texts = [
        r#"{"SECRET": {}}"#,
        r#"{"send": "SECRET"}"#,
        r#"{"send": {"id": "SECRET"}}"#,
        r#"{"send": {"id": 1, "conversation": "SECRET with spaces"}}"#,
        r#"{"send": {"id": 1, "content": {"SECRET": {}}}}"#,
        r#"{"send": {"id": 1, "content": {"SECRET, expected nothing": {}}}}"#,
        r#"{"send": {"id": 1, "content": "SECRET"}}"#,
        r#"{"send": {"id": 1, "content": {"message": {"text": ["SECRET"]}}}}"#,
        r#"{"read": {"seq": "SECRET", "conversation": "anna/ben"}}"#,
        r#"{"read": {"seq": "\", expected SECRET", "conversation": "anna/ben"}}"#,
        r#"{"typing": {"stopped": "SECRET"}}"#,
        r#"{"policy": {"change": {"history": "SECRET"}}}"#,
        r#"{"typing": {"stopped": "SECRET"#,
        "SECRET",
    ];
    for text in texts {
        let error = from_json(&text.replace("SECRET", SECRET));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{text}: {shown}");
    }
}

#[test]
fn unknown_fields_are_ignored_however_odd() {
    let text = r#"{"ping": {"new": {"deep": [[[{"x": 1e300}]]]}, "id": 7, "": null}}"#;
    assert_eq!(ClientFrame::from_json(text).unwrap().id(), Some(7));
    let bytes = [
        0x82, 17, 0xa3, 0, 7, 0x18, 40, 0x82, 0xf6, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 41, 0x61,
        b'x',
    ];
    assert_eq!(ClientFrame::from_cbor(&bytes).unwrap().id(), Some(7));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..512)) {
        probe(&bytes);
    }

    #[test]
    fn random_cbor_bodies_are_refused_without_a_panic(number in 0_u8..24, bytes in vec(any::<u8>(), 0..256)) {
        probe(&[&[0x82, number][..], &bytes].concat());
    }

    #[test]
    fn mutated_frames_are_refused_without_a_panic(
        frame in select(encoded()),
        changes in vec((any::<Index>(), any::<u8>(), 0_u8..4), 1..8),
    ) {
        probe(&mutated(frame, &changes));
    }

    #[test]
    fn half_a_frame_is_malformed(frame in select(encoded()), at in any::<Index>()) {
        let half = &frame[..at.index(frame.len())];
        let errors = probe(half);
        prop_assert_eq!(errors.len(), 4, "half a frame was read as a whole one");
        for error in errors {
            prop_assert_eq!(error.kind, DecodeErrorKind::Malformed);
        }
    }

    #[test]
    fn trailing_bytes_are_malformed(frame in select(encoded()), tail in vec(33_u8..127, 1..8)) {
        let errors = probe(&[frame, tail].concat());
        prop_assert_eq!(errors.len(), 4);
    }
}

/// Reads the bytes as each side's frame in each codec; the errors of those that fail. What is read must be written again.
fn probe(bytes: &[u8]) -> Vec<DecodeError> {
    let mut errors = Vec::new();
    match ClientFrame::from_cbor(bytes) {
        Ok(frame) => assert_eq!(ClientFrame::from_cbor(&frame.to_cbor()), Ok(frame)),
        Err(error) => errors.push(error),
    }
    match ServerFrame::from_cbor(bytes) {
        Ok(frame) => assert_eq!(ServerFrame::from_cbor(&frame.to_cbor()), Ok(frame)),
        Err(error) => errors.push(error),
    }
    let text = String::from_utf8_lossy(bytes);
    match ClientFrame::from_json(&text) {
        Ok(frame) => assert_eq!(ClientFrame::from_json(&frame.to_json()), Ok(frame)),
        Err(error) => errors.push(error),
    }
    match ServerFrame::from_json(&text) {
        Ok(frame) => assert_eq!(ServerFrame::from_json(&frame.to_json()), Ok(frame)),
        Err(error) => errors.push(error),
    }
    errors
}

fn mutated(mut frame: Vec<u8>, changes: &[(Index, u8, u8)]) -> Vec<u8> {
    for (at, byte, way) in changes {
        if frame.is_empty() {
            break;
        }
        let at = at.index(frame.len());
        match way {
            0 => frame[at] = *byte,
            1 => frame.insert(at, *byte),
            2 => drop(frame.remove(at)),
            _ => frame[at] ^= 1 << (byte % 8),
        }
    }
    frame
}

/// All samples in both codecs.
fn encoded() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (_, frame) in samples::client() {
        all.extend([frame.to_cbor(), frame.to_json().into_bytes()]);
    }
    for (_, frame) in samples::server() {
        all.extend([frame.to_cbor(), frame.to_json().into_bytes()]);
    }
    all
}

fn malformed(detail: &str, id: Option<u64>) -> DecodeError {
    DecodeError {
        kind: DecodeErrorKind::Malformed,
        detail: detail.to_owned(),
        id,
    }
}

fn from_json(text: &str) -> DecodeError {
    ClientFrame::from_json(text).expect_err(text)
}

fn from_cbor(bytes: &[u8]) -> DecodeError {
    ClientFrame::from_cbor(bytes).expect_err("bad input")
}
