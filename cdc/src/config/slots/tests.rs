//! Several slots: what is read, refused, and given to each lane.

use super::*;
use crate::config::tests::{parse, refused};

const TWO: (&str, &str) = ("walcast.slots.count", "2");
const FILTERED: (&str, &str) = ("publication.autocreate.mode", "filtered");

#[test]
fn one_slot_is_the_default_and_changes_nothing() {
    let config = parse(&[]).unwrap();
    assert_eq!((config.slots.count, config.slots.split), (1, Split::Rows));
    assert_eq!(config.slots.further().count(), 0);
    assert_eq!((config.connector(), config.lane_number()), ("c", 0));
    assert_eq!(config.offset_key(), br#"["c",{"server":"p"}]"#);
}

#[test]
fn a_lane_has_its_own_slot_publication_and_key_and_only_streams() {
    let extra = [
        ("walcast.slots.count", "3"),
        FILTERED,
        ("heartbeat.interval.ms", "1000"),
        ("notification.enabled.channels", "log"),
    ];
    let config = parse(&extra).unwrap();
    let lane = config.of_lane(2);
    assert_eq!(lane.slot.name, "debezium_2");
    assert_eq!(lane.publication.name, "dbz_publication_2");
    assert_eq!((&*lane.name, lane.connector()), ("c/2", "c"));
    let key = br#"["c",{"server":"p","lane":"2/3"}]"#;
    assert_eq!(lane.offset_key(), key);
    let of = |connector, server| connect_offset::lane_of(key, connector, server);
    assert_eq!(of("c", "p").as_deref(), Some("2/3"));
    assert_eq!((of("c", "q"), of("d", "p")), (None, None));
    let own = config.offset_key();
    assert_eq!(connect_offset::lane_of(&own, "c", "p"), None);
    assert_eq!(lane.snapshot.mode, SnapshotMode::NoData);
    assert_eq!(lane.heartbeat, HeartbeatConfig::default());
    assert_eq!(lane.notifications, Notifications::default());
    assert!(!lane.encoder.message_prefixes.passes("any"));
    let first = config.of_lane(0);
    assert_eq!((&*first.slot.name, &*first.name), ("debezium", "c"));
    assert!(first.heartbeat.interval.is_some());
}

#[test]
fn counts_are_bounded() {
    for count in ["0", "17", "-1", "two"] {
        let (property, _) = refused(&[("walcast.slots.count", count)]);
        assert_eq!(property, COUNT, "{count}");
    }
    let (property, _) = refused(&[("walcast.slots.split", "columns")]);
    assert_eq!(property, SPLIT);
}

#[test]
fn what_cannot_be_split_is_refused_by_name() {
    let long = "s".repeat(62);
    for (property, value) in [
        ("publication.autocreate.mode", "all_tables"),
        ("publication.autocreate.mode", "no_tables"),
        ("snapshot.mode", "always"),
        ("snapshot.mode", "when_needed"),
        ("snapshot.mode", "initial_only"),
        ("signal.data.collection", "public.signals"),
        ("signal.enabled.channels", "source,kafka"),
        ("provide.transaction.metadata", "true"),
        ("plugin.name", "decoderbufs"),
        ("skipped.operations", "none"),
        ("slot.name", &long),
        ("publication.name", &long),
    ] {
        let mut extra = vec![TWO, (property, value)];
        if property != "publication.autocreate.mode" {
            extra.push(FILTERED);
        }
        let (named, message) = refused(&extra);
        assert_eq!(named, property, "{message}");
        assert!(message.contains("walcast.slots.count=2"), "{message}");
    }
}

#[test]
fn a_transform_that_changes_keys_needs_the_columns_that_are_split_by() {
    let router = [
        TWO,
        FILTERED,
        ("transforms", "o"),
        (
            "transforms.o.type",
            "io.debezium.transforms.outbox.EventRouter",
        ),
    ];
    let (property, message) = refused(&router);
    assert_eq!(property, "transforms.o.type");
    assert!(message.contains("message.key.columns"), "{message}");
    let key = [
        TWO,
        FILTERED,
        ("transforms", "k"),
        (
            "transforms.k.type",
            "org.apache.kafka.connect.transforms.ExtractField$Key",
        ),
        ("transforms.k.field", "id"),
    ];
    assert_eq!(refused(&key).0, "transforms.k.type");
    let by_tables = [("walcast.slots.split", "tables")];
    let by_column = [("message.key.columns", "public.outbox:aggregateid")];
    for more in [by_tables, by_column] {
        parse(&[&router[..], &more].concat()).unwrap();
    }
}

#[test]
fn a_truncate_is_no_trouble_where_tables_are_whole() {
    let extra = [
        TWO,
        FILTERED,
        ("walcast.slots.split", "tables"),
        ("skipped.operations", "none"),
    ];
    parse(&extra).unwrap();
}

#[test]
fn checkpoints_of_another_split_are_refused_with_the_cure() {
    let slots = |count| SlotsConfig {
        count,
        split: Split::Rows,
    };
    let check = |count, own, stored: &[&str]| {
        let stored: Vec<_> = stored.iter().map(|s| (*s).to_owned()).collect();
        let checked = slots(count).check_stored("c", own, &stored);
        checked.map_err(|e| e.to_string())
    };
    for (count, own, stored) in [
        (1, true, &[][..]),
        (1, false, &[]),
        (3, true, &["1/3", "2/3"]),
        (3, false, &["1/3", "2/3"]),
        // Stopped before lane 0 had a checkpoint.
        (3, false, &["1/3"]),
        (3, false, &[]),
    ] {
        assert_eq!(check(count, own, stored), Ok(()), "{count} {stored:?}");
    }
    for (count, own, stored, words) in [
        (1, true, &["1/2"][..], "was split over 2 slots"),
        (2, true, &[], "has a checkpoint of one slot"),
        (2, true, &["1/3", "2/3"], "was split over 3 slots"),
        (3, true, &["1/3"], "checkpoint of its slot 2/3"),
        (3, false, &["1/2"], "was split over 2 slots"),
    ] {
        let refused = check(count, own, stored).expect_err("refused");
        assert!(refused.contains(words), "{refused}");
        assert!(
            refused.contains("DELETE /connectors/c/offsets"),
            "{refused}"
        );
    }
}
