//! Heartbeats, `BEGIN` and `END`, and the places of changes in between.

use super::*;

fn with_metadata() -> Encoder {
    encoder(EncoderConfig {
        transaction_topic: Some("p.transaction".to_owned()),
        heartbeat_topic: "__debezium-heartbeat.p".to_owned(),
        ..config()
    })
}

/// Encodes a message at an LSN of transaction 781.
fn at(encoder: &mut Encoder, lsn: u64, bytes: &[u8]) -> Vec<String> {
    let mut kept = Vec::new();
    let context = ChangeContext {
        lsn: Lsn::new(lsn),
        ..context()
    };
    let message = decode(bytes).expect("a message");
    encoder
        .change(&message, &context, &mut keep(&mut kept))
        .expect("records");
    kept.iter().filter_map(block).collect()
}

fn block(record: &Kept) -> Option<String> {
    let value: Value = serde_json::from_str(record.value.as_deref()?).expect("JSON");
    Some(value["transaction"].to_string())
}

fn order(lsn: u64, total: u64, collection: u64) -> String {
    format!(r#"{{"id":"781:{lsn}","total_order":{total},"data_collection_order":{collection}}}"#)
}

/// Begins or ends transaction 781 at an LSN; the key and value it emits.
fn boundary(encoder: &mut Encoder, begin: bool, lsn: u64) -> Option<(String, String)> {
    let mut kept = Vec::new();
    let context = ChangeContext {
        lsn: Lsn::new(lsn),
        ..context()
    };
    let mut sink = keep(&mut kept);
    let outcome = match begin {
        true => encoder.begin_transaction(&context, &mut sink),
        false => encoder.end_transaction(&context, &mut sink),
    };
    let outcome = outcome.expect("a record");
    drop(sink);
    assert_eq!(outcome.records, u32::try_from(kept.len()).expect("few"));
    let record = kept.pop()?;
    assert_eq!(
        (&*record.topic, &*record.headers),
        ("p.transaction", &[][..])
    );
    Some((record.key?, record.value?))
}

#[test]
fn a_transaction_is_told_and_its_changes_are_numbered() {
    let mut encoder = with_metadata();
    let insert = message(b'I', &[(b'N', &DORA)]);
    assert_eq!(at(&mut encoder, 90, &insert), ["null"], "none has begun");

    let (key, value) = boundary(&mut encoder, true, 100).expect("BEGIN");
    assert_eq!(key, r#"{"id":"781:100"}"#);
    assert_eq!(
        value,
        r#"{"status":"BEGIN","id":"781:100","event_count":null,"data_collections":null,"ts_ms":1795425737125}"#
    );
    assert_eq!(at(&mut encoder, 100, &insert), [order(100, 1, 1)]);
    let text = b"M\x01\0\0\0\0\0\0\0\0tx\0\0\0\0\x01a";
    for total in [2, 3] {
        assert_eq!(at(&mut encoder, 120, text), [order(120, total, 1)]);
    }
    let moved = [Some("9"), Some("Dora"), None, None];
    let parts: &[(u8, &[Option<&str>])] = &[(b'O', &DORA), (b'N', &moved)];
    let both = [order(130, 4, 2), order(130, 5, 3)];
    assert_eq!(at(&mut encoder, 130, &message(b'U', parts)), both);

    let (key, value) = boundary(&mut encoder, false, 140).expect("END");
    assert_eq!(key, r#"{"id":"781:140"}"#);
    let counts = r#""event_count":5,"data_collections":[{"data_collection":"public.customers","event_count":3},{"data_collection":"LOGICAL_DECODING_MESSAGE","event_count":2}]"#;
    assert!(value.contains(counts), "{value}");
    assert_eq!(boundary(&mut encoder, false, 150), None, "it has ended");
}

#[test]
fn a_transaction_goes_on_where_an_earlier_run_left_it() {
    let mut encoder = with_metadata();
    let counted = [
        ("public.a".to_owned(), 2),
        ("public.customers".to_owned(), 1),
    ];
    encoder.restore_transaction(781, counted.clone().into_iter());
    assert_eq!(encoder.open_transaction(), Some((781, &counted[..])));
    assert_eq!(boundary(&mut encoder, true, 100), None, "BEGIN was emitted");
    let insert = message(b'I', &[(b'N', &DORA)]);
    assert_eq!(at(&mut encoder, 130, &insert), [order(130, 4, 2)]);
    let (_, value) = boundary(&mut encoder, false, 140).expect("END");
    assert!(value.contains(r#""event_count":4,"#), "{value}");
    assert_eq!(encoder.open_transaction(), None);
}

#[test]
fn without_metadata_nothing_is_told_or_numbered() {
    let mut encoder = encoder(config());
    assert!(!encoder.has_transaction_metadata());
    assert_eq!(boundary(&mut encoder, true, 100), None);
    let insert = message(b'I', &[(b'N', &DORA)]);
    assert_eq!(at(&mut encoder, 100, &insert), ["null"]);
    assert_eq!(boundary(&mut encoder, false, 140), None);
}

#[test]
fn a_heartbeat_names_the_server_and_the_time() {
    let mut kept = Vec::new();
    let beaten = with_metadata().heartbeat(1_795_425_737_541_337_411, &mut keep(&mut kept));
    beaten.expect("a record");
    let expected = Kept {
        topic: "__debezium-heartbeat.p".to_owned(),
        key: Some(r#"{"serverName":"p"}"#.to_owned()),
        value: Some(r#"{"ts_ms":1795425737541}"#.to_owned()),
        headers: Vec::new(),
    };
    assert_eq!(kept, [expected]);
}
