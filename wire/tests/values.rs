//! Whatever a column holds, in every mode: a record is JSON, or the value is refused.

use proptest::prelude::*;

use walcast_wire::catalog::{Column, Table, TypeInfo, TypeKind, Types};
use walcast_wire::config::EncoderConfig;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::encoder::{EncodeError, Encoder};
use walcast_wire::lsn::Lsn;
use walcast_wire::modes::{BinaryMode, DecimalMode, HstoreMode, IntervalMode, TimePrecisionMode};
use walcast_wire::pgoutput::Datum;
use walcast_wire::record::Record;

/// OIDs of types that have a codec of their own, and of arrays of them.
const OIDS: &[u32] = &[
    16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 30, 114, 142, 600, 601, 602, 603, 604, 628, 650, 700,
    701, 718, 774, 790, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700,
    2950, 3614, 3802, 3904, 3908, 3220, 1000, 1001, 1005, 1007, 1009, 1016, 1021, 1022, 1115, 1182,
    1183, 1185, 1231, 1270, 1561, 2951, 199, 1020, 30_000, 30_001, 30_002, 30_003, 30_004, 30_005,
    30_006,
];

fn types() -> Types {
    let mut types = Types::new();
    let names = [
        "hstore",
        "citext",
        "ltree",
        "geometry",
        "geography",
        "vector",
        "sparsevec",
    ];
    for (oid, name) in (30_000..).zip(names) {
        let (schema, name) = ("public".to_owned(), name.to_owned());
        types.insert(TypeInfo {
            oid,
            schema,
            name,
            kind: TypeKind::Base,
        });
    }
    types
}

fn table(oid: u32, typmod: i32, not_null: bool, default: Option<String>) -> Table {
    let column = Column {
        name: "v".to_owned(),
        type_oid: oid,
        typmod,
        not_null,
        default,
        generated: false,
    };
    Table {
        oid: 1,
        name: "t".to_owned(),
        columns: vec![column],
        ..Table::default()
    }
}

const CONTEXT: ChangeContext<'static> = ChangeContext {
    lsn: Lsn::new(1),
    last_commit: None,
    txid: None,
    source_ts_us: 0,
    now_ns: 0,
    snapshot: SnapshotMarker::True,
    xmin: None,
    origin: None,
    origin_lsn: None,
};

prop_compose! {
    fn config()(
        decimal in proptest::sample::select(DecimalMode::NAMES),
        time in proptest::sample::select(TimePrecisionMode::NAMES),
        interval in proptest::sample::select(IntervalMode::NAMES),
        hstore in proptest::sample::select(HstoreMode::NAMES),
        binary in proptest::sample::select(BinaryMode::NAMES),
        unknown in any::<bool>(),
    ) -> EncoderConfig {
        EncoderConfig {
            decimal: decimal.parse().expect("a mode"),
            time_precision: time.parse().expect("a mode"),
            interval: interval.parse().expect("a mode"),
            hstore: hstore.parse().expect("a mode"),
            binary: binary.parse().expect("a mode"),
            include_unknown_datatypes: unknown,
            key_schemas_enable: true,
            value_schemas_enable: true,
            ..EncoderConfig::default()
        }
    }
}

/// Text that looks like some type's, and text that looks like nothing.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,45}(\\.[0-9]{0,30})?",
        "[0-9]{1,6}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?([+-][0-9]{2})?)?( BC)?",
        "[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?)?",
        "\\{[a-z0-9,\"\\\\{} ]{0,20}\\}",
        "[\\(\\[<{][0-9.,() -]{0,20}[\\)\\]>}]",
        "(-?[0-9]{1,4} (year|mons|day|days) ){0,3}",
        "\"[a-z]{0,3}\"=>(\"[a-z\\\\\"]{0,3}\"|NULL)",
        "\\\\x([0-9a-f]{2}){0,8}",
        proptest::sample::select(vec![
            "NaN",
            "Infinity",
            "-Infinity",
            "infinity",
            "-infinity",
            "t"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,30}",
        any::<String>(),
    ]
}

fn is_json(bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
        assert!(parsed.is_ok(), "{}", String::from_utf8_lossy(bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_record_is_json_or_the_value_is_refused(
        config in config(),
        oid in proptest::sample::select(OIDS),
        typmod in prop_oneof![Just(-1), -10..400_000_i32],
        not_null in any::<bool>(),
        default in proptest::option::of(text()),
        value in proptest::option::of(text()),
        toast in any::<bool>(),
        snapshot in any::<bool>(),
    ) {
        let mut encoder = Encoder::new(config);
        let table = table(oid, typmod, not_null, default);
        encoder.install(&table, &types()).expect("a plan");
        let datum = match &value {
            Some(text) => Datum::Text(text.as_bytes()),
            None if toast => Datum::UnchangedToast,
            None => Datum::Null,
        };
        let marker = if snapshot { SnapshotMarker::True } else { SnapshotMarker::Incremental };
        let context = ChangeContext { snapshot: marker, ..CONTEXT };
        let check = &mut |record: Record<'_>| {
            is_json(record.key);
            is_json(record.value);
        };
        match encoder.snapshot_row(1, [datum].into_iter(), &context, check) {
            Ok(outcome) => prop_assert_eq!(outcome.records, 1),
            Err(error) => prop_assert!(
                value.is_some() && matches!(error, EncodeError::Value { .. }),
                "{}", error
            ),
        }
    }
}
