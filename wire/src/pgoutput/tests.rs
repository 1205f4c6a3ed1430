//! Valid messages, their every prefix, and damage.

use proptest::prelude::*;

use super::*;
use crate::catalog::ReplicaIdentity;
use crate::lsn::Lsn;

/// Decodes, and checks that no shorter and no longer input decodes.
#[track_caller]
fn check(bytes: &[u8], expected: Message<'_>) {
    assert_eq!(decode(bytes), Ok(expected));
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length]).expect_err("a prefix is no message");
        assert!(error.offset <= length, "{error}");
    }
    let longer = [bytes, &[0]].concat();
    let error = decode(&longer).expect_err("a byte too many");
    assert_eq!(error.fault, Fault::LeftOver { extra: 1 });
}

const TEXT_1_NULL_TOAST: &[u8] = b"\0\x03t\0\0\0\x011nu";

fn tuple(bytes: &'static [u8]) -> Tuple<'static> {
    let insert = [b"I\0\0\0\x01N", bytes].concat().leak();
    match decode(insert) {
        Ok(Message::Insert(insert)) => insert.new,
        other => panic!("{other:?}"),
    }
}

#[test]
fn begin() {
    let bytes = b"B\0\0\0\0\x01\x02\x03\x04\0\0\0\0\0\x0f\x42\x40\0\0\x03\x09";
    let commit_time_us = 946_684_801_000_000;
    let final_lsn = Lsn::new(0x0102_0304);
    check(
        bytes,
        Message::Begin(Begin {
            final_lsn,
            commit_time_us,
            xid: 777,
        }),
    );
}

#[test]
fn commit() {
    let bytes = b"C\0\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0";
    let commit = Commit {
        flags: 0,
        commit_lsn: Lsn::new(5),
        end_lsn: Lsn::new(9),
        commit_time_us: 946_684_800_000_000,
    };
    check(bytes, Message::Commit(commit));
}

#[test]
fn origin_and_type() {
    let origin = Origin {
        commit_lsn: Lsn::new(7),
        name: "far",
    };
    check(b"O\0\0\0\0\0\0\0\x07far\0", Message::Origin(origin));
    let mood = Type {
        oid: 16_400,
        schema: "public",
        name: "mood",
    };
    check(b"Y\0\0\x40\x10public\0mood\0", Message::Type(mood));
}

#[test]
fn relation() {
    let bytes = b"R\0\0\x40\0public\0t\0f\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0v\0\0\0\x04\x13\0\0\0\x36";
    let column = |key, name, type_oid, typmod| RelationColumn {
        key,
        name,
        type_oid,
        typmod,
    };
    let relation = Relation {
        oid: 16_384,
        schema: "public",
        name: "t",
        replica_identity: ReplicaIdentity::Full,
        columns: vec![column(true, "id", 23, -1), column(false, "v", 1043, 54)],
    };
    check(bytes, Message::Relation(relation));
}

#[test]
fn rows() {
    let row = tuple(TEXT_1_NULL_TOAST);
    let insert = [b"I\0\0\x40\0N", TEXT_1_NULL_TOAST].concat();
    check(
        &insert,
        Message::Insert(Insert {
            relation: 16_384,
            new: row,
        }),
    );

    let update = [b"U\0\0\x40\0N", TEXT_1_NULL_TOAST].concat();
    let old = OldTuple::Absent;
    check(
        &update,
        Message::Update(Update {
            relation: 16_384,
            old,
            new: row,
        }),
    );

    let key = tuple(b"\0\x01t\0\0\0\x011");
    let update = [&b"U\0\0\x40\0K\0\x01t\0\0\0\x011N"[..], TEXT_1_NULL_TOAST].concat();
    let old = OldTuple::Key(key);
    check(
        &update,
        Message::Update(Update {
            relation: 16_384,
            old,
            new: row,
        }),
    );

    let delete = [b"D\0\0\x40\0O", TEXT_1_NULL_TOAST].concat();
    check(
        &delete,
        Message::Delete(Delete {
            relation: 16_384,
            old: OldTuple::Full(row),
        }),
    );
}

#[test]
fn a_tuple_is_walked_value_by_value() {
    let row = tuple(TEXT_1_NULL_TOAST);
    let values: Vec<_> = row.datums().collect();
    assert_eq!(
        values,
        [Datum::Text(b"1"), Datum::Null, Datum::UnchangedToast]
    );
    assert_eq!((row.len(), row.is_empty()), (3, false));
    assert_eq!(row.datums().size_hint(), (3, Some(3)));
    let binary: Vec<_> = tuple(b"\0\x01b\0\0\0\x02\x01\x02").into_iter().collect();
    assert_eq!(binary, [Datum::Binary(&[1, 2])]);
}

#[test]
fn truncate() {
    let bytes = b"T\0\0\0\x02\x03\0\0\x40\0\0\0\x40\x01";
    let Ok(Message::Truncate(truncate)) = decode(bytes) else {
        panic!("no truncate")
    };
    assert_eq!(truncate.relations().collect::<Vec<_>>(), [16_384, 16_385]);
    assert!(truncate.cascade && truncate.restart_identity);
    check(bytes, Message::Truncate(truncate));
}

#[test]
fn logical_message() {
    let bytes = b"M\x01\0\0\0\0\0\0\0\x08pre\0\0\0\0\x02\xff\0";
    let message = LogicalMessage {
        transactional: true,
        lsn: Lsn::new(8),
        prefix: "pre",
        content: &[0xff, 0],
    };
    check(bytes, Message::Message(message));
}

fn damaged(bytes: &[u8], message: &'static str, field: &'static str, offset: usize, fault: Fault) {
    let error = DecodeError {
        message,
        field,
        offset,
        fault,
    };
    assert_eq!(decode(bytes), Err(error));
}

#[test]
fn damage_is_named_with_field_and_offset() {
    damaged(b"", "unknown", "tag", 0, Fault::Truncated { missing: 1 });
    damaged(b"S", "unknown", "tag", 0, Fault::UnknownTag(b'S'));
    damaged(
        b"O\0\0\0\0\0\0\0\0x",
        "Origin",
        "name",
        9,
        Fault::Unterminated,
    );
    damaged(
        b"O\0\0\0\0\0\0\0\0\xff\0",
        "Origin",
        "name",
        9,
        Fault::NotUtf8,
    );
    damaged(
        b"I\0\0\0\x01K",
        "Insert",
        "tuple kind",
        5,
        Fault::UnknownTag(b'K'),
    );
    damaged(
        b"I\0\0\0\x01N\xff\xff",
        "Insert",
        "column count",
        6,
        Fault::Negative(-1),
    );
    damaged(
        b"I\0\0\0\x01N\0\x01x",
        "Insert",
        "value kind",
        8,
        Fault::UnknownTag(b'x'),
    );
    let lying = b"I\0\0\0\x01N\0\x01t\x7f\xff\xff\xff";
    damaged(
        lying,
        "Insert",
        "value",
        13,
        Fault::Truncated {
            missing: 0x7fff_ffff,
        },
    );
    let negative = b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xfe";
    damaged(negative, "Insert", "value length", 9, Fault::Negative(-2));
    damaged(
        b"R\0\0\0\x01\0t\0x",
        "Relation",
        "replica_identity",
        8,
        Fault::UnknownTag(b'x'),
    );
    let error = decode(b"T\x7f\xff\xff\xff\0").expect_err("too many relations");
    assert!(matches!(error.fault, Fault::Truncated { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "pgoutput message Truncate, field `relations` at byte 6: the message ends 8589934588 bytes too early"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn any_body_of_a_known_message_is_decoded_or_refused(
        tag in proptest::sample::select(b"BCORYIUDTM".to_vec()),
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let bytes = [&[tag][..], &body].concat();
        if let Ok(Message::Insert(insert)) = decode(&bytes) {
            prop_assert_eq!(insert.new.datums().count(), insert.new.len());
        }
    }

    #[test]
    fn a_row_of_texts_comes_out_as_it_went_in(
        values in proptest::collection::vec(proptest::option::of(".{0,20}"), 0..20),
    ) {
        let mut bytes = b"I\0\0\0\x01N".to_vec();
        bytes.extend(u16::try_from(values.len()).expect("few").to_be_bytes());
        for value in &values {
            match value {
                Some(text) => {
                    bytes.push(b't');
                    bytes.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
                None => bytes.push(b'n'),
            }
        }
        let Ok(Message::Insert(insert)) = decode(&bytes) else { panic!("no insert") };
        let expected = values.iter().map(|value| match value {
            Some(text) => Datum::Text(text.as_bytes()),
            None => Datum::Null,
        });
        prop_assert!(insert.new.datums().eq(expected));
    }
}
