//! Skipped changes, truncates, messages, snapshots, and what cannot be encoded.

use super::*;

#[test]
fn operations_can_be_skipped() {
    let skipped = SkippedOperations {
        create: true,
        update: true,
        delete: true,
        truncate: true,
    };
    let mut encoder = encoder(EncoderConfig {
        skipped,
        ..config()
    });
    let key = [Some("1"), None, None, None];
    for bytes in [
        message(b'I', &[(b'N', &DORA)]),
        message(b'U', &[(b'N', &DORA)]),
        message(b'U', &[(b'K', &key), (b'N', &DORA)]),
        message(b'D', &[(b'K', &key)]),
        b"T\0\0\0\x01\0\0\0\0\x01".to_vec(),
    ] {
        assert_eq!(emit(&mut encoder, &bytes), []);
    }
}

#[test]
fn an_update_without_a_change_can_be_skipped() {
    let update = message(b'U', &[(b'O', &DORA), (b'N', &DORA)]);
    let skip = EncoderConfig {
        skip_messages_without_change: true,
        ..config()
    };
    assert_eq!(emit(&mut encoder(skip), &update), []);
    assert_eq!(emit(&mut encoder(config()), &update).len(), 1);
}

#[test]
fn truncates_have_no_key_and_pass_over_unknown_tables() {
    let skipped = SkippedOperations {
        truncate: false,
        ..SkippedOperations::default()
    };
    let mut encoder = encoder(EncoderConfig {
        skipped,
        ..config()
    });
    let kept = emit(&mut encoder, b"T\0\0\0\x02\0\0\0\0\x01\0\0\0\x09");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].key, None);
    assert_eq!(
        rows(&kept[0]),
        ("t".to_owned(), "null".to_owned(), "null".to_owned())
    );
}

#[test]
fn messages_go_to_their_own_topic_without_headers() {
    let kept = emit(
        &mut encoder(config()),
        b"M\0\0\0\0\0\0\0\0\x08nontx\0\0\0\0\x05hello",
    );
    assert_eq!(kept[0].topic, "p.message");
    assert_eq!(kept[0].key.as_deref(), Some(r#"{"prefix":"nontx"}"#));
    assert_eq!(kept[0].headers, []);
    let value = kept[0].value.as_deref().expect("a value");
    assert!(
        value.starts_with(r#"{"op":"m","ts_ms":1795425737541,"source":{"#),
        "{value}"
    );
    let tail = r#""transaction":null,"message":{"prefix":"nontx","content":"aGVsbG8="}}"#;
    assert!(value.ends_with(tail), "{value}");
}

#[test]
fn a_snapshot_row_says_where_it_stands() {
    let mut encoder = encoder(config());
    let mut kept = Vec::new();
    let row = [
        Datum::Text(b"1"),
        Datum::Text(b"Ann"),
        Datum::Null,
        Datum::Text(b"t"),
    ];
    let context = ChangeContext {
        snapshot: SnapshotMarker::Last,
        ..context()
    };
    encoder
        .snapshot_row(1, row.into_iter(), &context, &mut keep(&mut kept))
        .expect("a record");
    assert_eq!(rows(&kept[0]).0, "r");
    assert!(
        kept[0]
            .value
            .as_deref()
            .is_some_and(|value| value.contains(r#""snapshot":"last""#))
    );
}

#[test]
fn a_grown_enumeration_is_reported_once() {
    let mood = |labels: &[&str]| TypeInfo {
        oid: 20_000,
        schema: "public".to_owned(),
        name: "mood".to_owned(),
        kind: TypeKind::Enum {
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
        },
    };
    let mut types = Types::new();
    types.insert(mood(&["ok"]));
    let table = Table {
        columns: vec![column("m", 20_000, false, None)],
        key: vec![],
        ..customers()
    };
    let mut encoder = Encoder::new(config());
    encoder.install(&table, &types).expect("a plan");
    let bytes = message(b'I', &[(b'N', &[Some("new")])]);
    let insert = decode(&bytes).expect("a message");
    let mut kept = Vec::new();
    let first = encoder.change(&insert, &context(), &mut keep(&mut kept));
    assert!(
        matches!(first, Err(EncodeError::StaleEnum { oid: 20_000, .. })),
        "{first:?}"
    );
    assert_eq!(kept, []);
    types.insert(mood(&["ok", "new"]));
    encoder.install(&table, &types).expect("a plan");
    encoder
        .change(&insert, &context(), &mut keep(&mut kept))
        .expect("a record");
    assert_eq!(kept.len(), 1);
}

#[test]
fn what_cannot_be_encoded_says_why() {
    let mut encoder = encoder(config());
    let mut fail = |bytes: &[u8]| {
        let message = decode(bytes).expect("a message");
        encoder
            .change(&message, &context(), &mut |_: Record<'_>| ())
            .expect_err("an error")
    };
    let unknown = fail(b"I\0\0\0\x09N\0\x01n");
    assert_eq!(unknown, EncodeError::UnknownRelation { oid: 9 });
    let short = fail(&message(b'I', &[(b'N', &DORA[..2])]));
    assert!(
        short.to_string().contains("public.customers has 2 columns"),
        "{short}"
    );
    let bad = fail(&message(b'I', &[(b'N', &[Some("x"), None, None, None])]));
    assert!(bad.to_string().contains("column id"), "{bad}");
    assert_eq!(fail(b"O\0\0\0\0\0\0\0\0\0"), EncodeError::NotAChange);
    let key = crate::filter::KeyColumns::new("public.customers:name,n.*").expect("a rule");
    let mut encoder = Encoder::new(EncoderConfig {
        message_key_columns: key,
        ..config()
    });
    let error = encoder
        .install(&customers(), &Types::new())
        .expect_err("named twice");
    assert!(error.to_string().contains("column name of"), "{error}");
}

/// The parameters in a schema that a column's source type gave it.
fn propagated(column: Column) -> Vec<String> {
    let properties = [("column.propagate.source.type", ".*")].into_iter();
    let mut encoder = Encoder::new(EncoderConfig {
        mappers: crate::mapper::ColumnMappers::new(properties).expect("a rule"),
        value_schemas_enable: true,
        ..config()
    });
    let table = Table {
        columns: vec![column],
        key: vec![],
        ..customers()
    };
    encoder.install(&table, &Types::new()).expect("a plan");
    let kept = emit(&mut encoder, &message(b'I', &[(b'N', &[None])]));
    let value: Value =
        serde_json::from_str(kept[0].value.as_deref().expect("a value")).expect("JSON");
    let parameters = &value["schema"]["fields"][1]["fields"][0]["parameters"];
    ["type", "length", "scale", "name"]
        .map(|what| parameters[format!("__debezium.source.column.{what}")].to_string())
        .into()
}

#[test]
fn source_types_are_told_as_the_driver_reports_them() {
    let nextval = Some("nextval('s'::regclass)");
    for (column, expected) in [
        (
            column("id", 23, false, nextval),
            ["SERIAL", "10", "0", "id"],
        ),
        (
            column("id", 20, false, nextval),
            ["BIGSERIAL", "19", "0", "id"],
        ),
        (column("id", 20, false, None), ["INT8", "19", "0", "id"]),
        (column("a", 1007, false, None), ["_INT4", "10", "0", "a"]),
        (
            Column {
                typmod: 24,
                ..column("n", 1015, false, None)
            },
            ["_VARCHAR", "20", "0", "n"],
        ),
    ] {
        let expected = expected.map(|text| format!("\"{text}\""));
        assert_eq!(propagated(column), expected);
    }
}

#[test]
fn an_unchanged_row_can_be_passed_over() {
    let mut encoder = encoder(EncoderConfig {
        skip_messages_without_change: true,
        ..config()
    });
    let mut count = |old: &[Option<&str>], new: &[Option<&str>]| {
        let update = message(b'U', &[(b'O', old), (b'N', new)]);
        emit(&mut encoder, &update).len()
    };
    let changed = [Some("4"), Some("Eve"), None, None];
    assert_eq!((count(&DORA, &DORA), count(&DORA, &changed)), (0, 1));
    // The column's default is what a null of it prints as.
    let shown = [Some("4"), Some("Eve"), None, Some("t")];
    assert_eq!((count(&changed, &changed), count(&changed, &shown)), (0, 1));
}
