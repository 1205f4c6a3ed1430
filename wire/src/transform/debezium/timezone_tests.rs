//! What `TimezoneConverter` makes of events.

use super::super::sample::{envelope, event, heartbeat, run, tombstone};
use super::*;
use crate::data::{Kind, Schema};

/// The columns: names, schemas, values.
fn columns() -> Vec<(&'static str, Schema, Value)> {
    let text = || Schema::new(Kind::String);
    let number = || Schema::new(Kind::Int64);
    let instant = "2018-01-02T11:15:30.5Z";
    vec![
        (
            "us",
            number().named("io.debezium.time.MicroTimestamp"),
            Value::Int64(1_529_507_596_945_104),
        ),
        (
            "ns",
            number().named("io.debezium.time.NanoTimestamp"),
            Value::Int64(1_531_481_025_340_000_104),
        ),
        (
            "ms",
            number().named("io.debezium.time.Timestamp"),
            Value::Int64(1_514_908_810_123),
        ),
        ("kc", number().named(TIMESTAMP), Value::Int64(-1)),
        (
            "tz",
            text().named("io.debezium.time.ZonedTimestamp"),
            instant.into(),
        ),
        (
            "ti",
            text().named("io.debezium.time.ZonedTime"),
            "11:15:30Z".into(),
        ),
        (
            "da",
            Schema::new(Kind::Int32).named("io.debezium.time.Date"),
            Value::Int32(3),
        ),
        (
            "no",
            text().named("io.debezium.time.ZonedTimestamp").optional(),
            Value::Null,
        ),
        ("te", text(), "x".into()),
    ]
}

fn record(op: &str, changed: &[(&str, &str)]) -> DataRecord {
    let columns = columns();
    let fields = columns
        .iter()
        .map(|(name, schema, _)| Field::new(*name, schema.clone()));
    let schema = Schema::new(Kind::Struct(fields.collect())).optional();
    let values = columns.into_iter().map(|(.., value)| value).collect();
    let mut row = Struct::of(Arc::new(schema.clone()), values);
    for (name, value) in changed {
        assert!(row.set(name, (*value).into()));
    }
    let row = Some(Value::Struct(row));
    let value = match op {
        "d" => envelope(schema, row, None, op),
        _ => envelope(schema, None, row, op),
    };
    DataRecord {
        value_schema: Some(Arc::clone(value.schema())),
        value: Value::Struct(value),
        ..event(op, 1, "")
    }
}

/// The names of the fields that a configuration changes; `source.` before those of the source.
fn check(lists: &str, op: &str, expected: &str) {
    let lines = format!("{ZONE}=+05:30\n{lists}");
    let mut transform = TimezoneConverter::build(&mut super::super::sample::options(&lines));
    let old = record(op, &[]);
    let new = transform
        .apply(old.clone())
        .expect("converted")
        .expect("kept");
    let part = |record: &DataRecord, name| {
        let event = record.value_struct().expect("an event").clone();
        event.get(name).and_then(Value::as_struct).cloned()
    };
    let mut changed = Vec::new();
    for (name, prefix) in [("before", ""), ("after", ""), ("source", "source.")] {
        let (Some(old), Some(new)) = (part(&old, name), part(&new, name)) else {
            continue;
        };
        let pairs = old.iter().zip(new.values());
        let differing = pairs.filter(|((_, old), new)| old != new);
        changed.extend(differing.map(|((field, _), _)| format!("{prefix}{}", field.name)));
    }
    assert_eq!(changed.join(" "), expected, "{lists}");
}

#[test]
fn all_kinds_of_times_are_converted() {
    let all = |zone: &str, expected: &str| {
        let line = run(
            TimezoneConverter::build,
            &format!("{ZONE}={zone}"),
            vec![record("c", &[])],
        );
        let after = line.split_once("after:").map(|(_, after)| after);
        let after = after
            .and_then(|after| after.split_once('}'))
            .map(|(after, _)| after);
        assert_eq!(after, Some(expected), "{zone}");
    };
    all(
        "+05:30",
        "{us:1529487796945104,ns:1531461225340000104,ms:1514889010123,kc:-19800001,\
         tz:2018-01-02T16:45:30.5+05:30,ti:16:45:30+05:30,da:3,no:null,te:x",
    );
    all(
        "Europe/Paris",
        "{us:1529500396945104,ns:1531473825340000104,ms:1514905210123,kc:-3600001,\
         tz:2018-01-02T12:15:30.5+01:00,ti:12:15:30+01:00,da:3,no:null,te:x",
    );
}

#[test]
fn lists_choose_fields() {
    let all = "us ns ms kc tz ti";
    let table = [
        ("", "c", all),
        ("", "d", all),
        ("include.list=source:t", "c", all),
        ("include.list=source:t:us", "c", "us"),
        ("include.list=source:t:after.us,t:before.ms", "c", "us"),
        ("include.list=source:t:after.us,t:before.ms", "d", "ms"),
        ("include.list=topic:s.public.t:us", "c", "us"),
        ("include.list=s.public.t:us", "c", "us"),
        ("include.list=t:us,t:ms,t:da,t:te", "c", "us ms"),
        ("include.list=source:other,t", "c", all),
        ("include.list=source:other", "c", ""),
        ("include.list=SOURCE:t:us", "c", "us"),
        ("exclude.list=source:t", "c", ""),
        ("exclude.list=source:other", "c", all),
        ("exclude.list=topic:s.public.t:us", "c", "ns ms kc tz ti"),
        (
            "include.list=source:t:source.ts_ms,t:source.table",
            "c",
            "source.ts_ms",
        ),
        ("exclude.list=source:t:source.ts_ms", "c", all),
    ];
    for (lists, op, expected) in table {
        check(lists, op, expected);
    }
}

#[test]
fn the_source_moves_the_other_way() {
    let lines = format!("{ZONE}=+00:01\ninclude.list=source:t:source.ts_ms");
    let line = run(TimezoneConverter::build, &lines, vec![event("c", 1, "A")]);
    assert!(line.contains("source:{ts_ms:60005,"), "{line}");
}

#[test]
fn other_records_pass_and_other_texts_fail() {
    let lines = format!("{ZONE}=UTC");
    let records = vec![
        heartbeat(),
        tombstone(1),
        record("c", &[("tz", "infinity")]),
    ];
    assert_eq!(
        run(TimezoneConverter::build, &lines, records),
        "s.public.t {id:1} {ts_ms:1}\ns.public.t {id:1} null -\nerror: Text 'infinity' could not \
         be parsed at index 0: field `tz` holds no time that TimezoneConverter can convert; name \
         it in exclude.list"
    );
}

#[test]
fn wrong_options_are_named() {
    let format = |name: &str| {
        format!(
            "Invalid {name} list format. Please specify a list of rules in the format of \
             \"source:<tablename>:<fieldnames>\", \"topic:<topicname>:<fieldnames>\", \
             \"<matchname>:<fieldnames>\""
        )
    };
    let zone = "Invalid timezone format. Please specify either a geographic timezone (e.g. \
                America/Los_Angeles) or a UTC offset in the format of +/-hh:mm, (e.g. +08:00).";
    let missing = "Invalid value null for configuration transforms.t.converted.timezone: The \
                   'converted.timezone' value is invalid: A value is required";
    let both = "Both include and exclude lists are specified. Please specify only one.";
    let table = [
        ("converted.timezone=Asia", zone.to_owned()),
        ("include.list=source:t", missing.to_owned()),
        ("converted.timezone=UTC\ninclude.list=t", format("include")),
        (
            "converted.timezone=UTC\nexclude.list=source:t:a,source:u:b",
            format("exclude"),
        ),
        (
            "converted.timezone=UTC\ninclude.list=source:t\nexclude.list=source:u",
            both.to_owned(),
        ),
    ];
    for (lines, expected) in table {
        assert_eq!(
            run(TimezoneConverter::build, lines, Vec::new()),
            expected,
            "{lines}"
        );
    }
}
