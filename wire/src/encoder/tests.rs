//! Whole records through the encoder's public face, as Debezium 3.7.0.Final emitted them.

use serde_json::Value;

use super::*;
use crate::catalog::{Column, ReplicaIdentity, TypeInfo, TypeKind};
use crate::config::SkippedOperations;
use crate::context::SnapshotMarker;
use crate::lsn::Lsn;
use crate::pgoutput::decode;
use crate::record::Record;

mod notifications;
mod other;
mod transactions;

/// A record, kept.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    topic: String,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, String)>,
}

fn keep(into: &mut Vec<Kept>) -> impl FnMut(Record<'_>) {
    |record| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8");
        let header = |(name, value): (&str, Option<&[u8]>)| {
            (name.to_owned(), text(value.unwrap_or_default()))
        };
        into.push(Kept {
            topic: record.topic.to_string(),
            key: record.key.map(text),
            value: record.value.map(text),
            headers: record.headers.iter().map(header).collect(),
        });
    }
}

fn config() -> EncoderConfig {
    EncoderConfig {
        connector_version: "3.7.0.Final".to_owned(),
        logical_name: "p".to_owned(),
        database: "db".to_owned(),
        run_id: "01a207b6-97b5-7280-bd0a-81dd86230c34".to_owned(),
        ..EncoderConfig::default()
    }
}

fn context() -> ChangeContext<'static> {
    ChangeContext {
        lsn: Lsn::new(38_140_912),
        last_commit: None,
        txid: Some(781),
        source_ts_us: 1_795_425_737_125_129,
        now_ns: 1_795_425_737_541_337_411,
        snapshot: SnapshotMarker::False,
        xmin: None,
        origin: None,
        origin_lsn: None,
    }
}

fn column(name: &str, type_oid: u32, not_null: bool, default: Option<&str>) -> Column {
    Column {
        name: name.to_owned(),
        type_oid,
        typmod: -1,
        not_null,
        default: default.map(str::to_owned),
        generated: false,
    }
}

fn customers() -> Table {
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "customers".to_owned(),
        replica_identity: ReplicaIdentity::Default,
        columns: vec![
            column(
                "id",
                23,
                true,
                Some("nextval('customers_id_seq'::regclass)"),
            ),
            column("name", 1043, true, None),
            column("email", 25, false, None),
            column("active", 16, false, Some("true")),
        ],
        key: vec!["id".to_owned()],
    }
}

/// A tuple's bytes; `None` is null, `Some("\0toast")` an untouched value.
fn row(values: &[Option<&str>]) -> Vec<u8> {
    let mut bytes = u16::try_from(values.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for value in values {
        match value {
            None => bytes.push(b'n'),
            Some("\0toast") => bytes.push(b'u'),
            Some(text) => {
                bytes.push(b't');
                bytes.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
    bytes
}

fn message(tag: u8, parts: &[(u8, &[Option<&str>])]) -> Vec<u8> {
    let mut bytes = vec![tag, 0, 0, 0, 1];
    for (kind, values) in parts {
        bytes.push(*kind);
        bytes.extend(row(values));
    }
    bytes
}

fn encoder(config: EncoderConfig) -> Encoder {
    let mut encoder = Encoder::new(config);
    encoder
        .install(&customers(), &Types::new())
        .expect("a plan");
    encoder
}

fn emit(encoder: &mut Encoder, bytes: &[u8]) -> Vec<Kept> {
    let mut kept = Vec::new();
    let message = decode(bytes).expect("a message");
    let outcome = encoder
        .change(&message, &context(), &mut keep(&mut kept))
        .expect("records");
    assert_eq!(outcome.records, u32::try_from(kept.len()).expect("few"));
    kept
}

const DORA: [Option<&str>; 4] = [Some("4"), Some("Dora"), Some("dora@x.io"), Some("f")];

/// `op`, `before` and `after` of a record's value.
fn rows(record: &Kept) -> (String, String, String) {
    let value: Value =
        serde_json::from_str(record.value.as_deref().expect("a value")).expect("JSON");
    let op = value["op"].as_str().expect("an op").to_owned();
    (op, value["before"].to_string(), value["after"].to_string())
}

#[test]
fn an_insert_is_one_record_byte_for_byte() {
    let kept = emit(&mut encoder(config()), &message(b'I', &[(b'N', &DORA)]));
    let value = r#"{"before":null,"after":{"id":4,"name":"Dora","email":"dora@x.io","active":false},"source":{"version":"3.7.0.Final","connector":"postgresql","name":"p","ts_ms":1795425737125,"snapshot":"false","db":"db","sequence":"[null,\"38140912\"]","ts_us":1795425737125129,"ts_ns":1795425737125129000,"schema":"public","table":"customers","txId":781,"lsn":38140912,"xmin":null,"origin":null,"origin_lsn":null},"transaction":null,"op":"c","ts_ms":1795425737541,"ts_us":1795425737541337,"ts_ns":1795425737541337411}"#;
    let header = |name: &str, value: &str| (format!("__debezium.context.{name}"), value.to_owned());
    let expected = Kept {
        topic: "p.public.customers".to_owned(),
        key: Some(r#"{"id":4}"#.to_owned()),
        value: Some(value.to_owned()),
        headers: vec![
            header("connectorLogicalName", "p"),
            header("taskId", "0"),
            header("connectorName", "postgresql"),
            header("runId", "01a207b6-97b5-7280-bd0a-81dd86230c34"),
        ],
    };
    assert_eq!(kept, [expected]);
}

#[test]
fn a_delete_has_the_key_defaults_and_zeros_and_a_tombstone() {
    let delete = message(b'D', &[(b'K', &[Some("3"), None, None, None])]);
    let kept = emit(&mut encoder(config()), &delete);
    let before = r#"{"id":3,"name":"","email":null,"active":true}"#;
    assert_eq!(
        rows(&kept[0]),
        ("d".to_owned(), before.to_owned(), "null".to_owned())
    );
    assert_eq!(
        (kept[1].key.as_deref(), &kept[1].value),
        (Some(r#"{"id":3}"#), &None)
    );
    assert_eq!(kept.len(), 2);

    let quiet = EncoderConfig {
        tombstones_on_delete: false,
        ..config()
    };
    assert_eq!(emit(&mut encoder(quiet), &delete).len(), 1);
}

#[test]
fn a_key_change_deletes_and_creates_with_each_others_keys() {
    let new = [Some("10"), Some("one"), None, None];
    let update = message(
        b'U',
        &[(b'K', &[Some("1"), None, None, None]), (b'N', &new)],
    );
    let kept = emit(&mut encoder(config()), &update);
    let ops: Vec<_> = kept
        .iter()
        .map(|r| r.value.as_ref().map(|_| rows(r).0))
        .collect();
    assert_eq!(ops, [Some("d".to_owned()), None, Some("c".to_owned())]);
    let first = |record: &Kept| record.headers[0].clone();
    let header = |name: &str, key: &str| (format!("__debezium.{name}"), key.to_owned());
    assert_eq!(first(&kept[0]), header("newkey", r#"{"id":10}"#));
    assert_eq!(first(&kept[1]), header("newkey", r#"{"id":10}"#));
    assert_eq!(first(&kept[2]), header("oldkey", r#"{"id":1}"#));
    assert_eq!(kept[0].key.as_deref(), Some(r#"{"id":1}"#));
    assert_eq!(kept[2].key.as_deref(), Some(r#"{"id":10}"#));

    let next = emit(&mut encoder(config()), &message(b'I', &[(b'N', &DORA)]));
    assert_eq!(next[0].headers.len(), 4, "the header does not stay");
}

#[test]
fn an_update_keeps_untouched_values_where_the_old_row_has_them() {
    let old = [Some("4"), Some("Dora"), Some("a long one"), None];
    let new = [Some("4"), Some("Eve"), Some("\0toast"), None];
    let update = message(b'U', &[(b'O', &old), (b'N', &new)]);
    let kept = emit(&mut encoder(config()), &update);
    let (op, before, after) = rows(&kept[0]);
    assert_eq!(op, "u");
    assert_eq!(
        before,
        r#"{"id":4,"name":"Dora","email":"a long one","active":true}"#
    );
    assert_eq!(
        after,
        r#"{"id":4,"name":"Eve","email":"a long one","active":true}"#
    );

    let kept = emit(&mut encoder(config()), &message(b'U', &[(b'N', &new)]));
    let (_, before, after) = rows(&kept[0]);
    assert_eq!(before, "null");
    assert!(
        after.contains(r#""email":"__debezium_unavailable_value""#),
        "{after}"
    );
}
