//! A table of many types, said once: how it is made, filled, and asked for what a reader must see.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use walcast_lab::Lab;

/// A row as text by column.
pub(super) type Row = BTreeMap<String, Option<String>>;

/// A column beside the key.
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Its type, and default.
    kind: &'static str,
    /// What row `i` holds.
    value: &'static str,
    /// It as the text that a reader makes of it.
    text: &'static str,
    /// Kafka Connect's schema, with `time.precision.mode=connect`: its name, else its type.
    pub(super) schema: &'static str,
}

const fn column(
    name: &'static str,
    kind: &'static str,
    value: &'static str,
    text: &'static str,
    schema: &'static str,
) -> Column {
    Column {
        name,
        kind,
        value,
        text,
        schema,
    }
}

/// All columns beside the key.
pub(super) const COLUMNS: [Column; 18] = [
    column(
        "small",
        "smallint",
        "(i * 379) % 65536 - 32768",
        "small::text",
        "int16",
    ),
    column(
        "whole",
        "int not null default 7",
        "-i * 17895697",
        "whole::text",
        "int32",
    ),
    column(
        "single",
        "real",
        "i / 3.0",
        "encode(float4send(single), 'hex')",
        "float32",
    ),
    column(
        "double",
        "double precision",
        "case when i % 2 = 0 then exp(i * 4) else -exp(-i) end",
        "encode(float8send(\"double\"), 'hex')",
        "float64",
    ),
    column(
        "amount",
        "numeric(12,3)",
        "i * 1234.567 - 50000",
        "amount::text",
        "org.apache.kafka.connect.data.Decimal",
    ),
    column("flag", "boolean", "i % 3 = 0", "flag::text", "boolean"),
    // A null where there is a default is read as the default: Kafka Connect's converter has it so.
    column(
        "words",
        "text default 'none'",
        "case when i % 5 > 0 then repeat(E'ä\"\\\\\\t\\n/😀', i % 4) || i end",
        "coalesce(words, 'none')",
        "string",
    ),
    column(
        "raw",
        "bytea",
        "decode(lpad(to_hex(i * 65537), 8, '0'), 'hex')",
        "encode(raw, 'hex')",
        "bytes",
    ),
    column(
        "day",
        "date",
        "date '1960-01-01' + i * 97",
        "day::text",
        "org.apache.kafka.connect.data.Date",
    ),
    column(
        "clock",
        "time(3)",
        "time '00:00' + i * interval '7.001 s'",
        "to_char(clock, 'HH24:MI:SS.MS')",
        "org.apache.kafka.connect.data.Time",
    ),
    column(
        "moment",
        "timestamp(3)",
        "timestamp '1969-12-31 23:59:59.999' + (i - 9) * interval '1.234 hours'",
        "to_char(moment, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
        "org.apache.kafka.connect.data.Timestamp",
    ),
    column(
        "instant",
        "timestamptz",
        "timestamptz '2024-02-29 12:00:00+02' + i * interval '1.000001 s'",
        "to_char(instant at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        "io.debezium.time.ZonedTimestamp",
    ),
    column(
        "who",
        "uuid",
        "md5(i::text)::uuid",
        "who::text",
        "io.debezium.data.Uuid",
    ),
    column(
        "doc",
        "jsonb",
        "jsonb_build_object('i', i, 'list', array[i, null])",
        "doc::text",
        "io.debezium.data.Json",
    ),
    column(
        "mood",
        "mood",
        "(case when i % 2 = 0 then 'calm' else 'cross' end)::mood",
        "mood::text",
        "io.debezium.data.Enum",
    ),
    column(
        "tags",
        "text[]",
        "array['a' || i, null, 'ü']",
        "to_json(tags)::text",
        "array",
    ),
    column(
        "numbers",
        "int[]",
        "case when i % 7 > 0 then array[i, -i] end",
        "to_json(numbers)::text",
        "array",
    ),
    column("nothing", "inet", "null::inet", "nothing::text", "string"),
];

/// Makes the table, empty.
pub(super) fn create(lab: &Lab, database: &str) -> Result<()> {
    let columns = joined(|column| format!("\"{}\" {}", column.name, column.kind));
    for sql in [
        "create type mood as enum ('calm', 'cross')".into(),
        format!("create table kinds (id bigint primary key, {columns})"),
        "alter table kinds replica identity full".into(),
    ] {
        lab.postgres().query(database, &sql)?;
    }
    Ok(())
}

/// Inserts rows `first` to `last` in one transaction.
pub(super) fn insert(lab: &Lab, database: &str, first: i64, last: i64) -> Result<()> {
    let values = joined(|column| column.value.to_owned());
    let sql =
        format!("insert into kinds select i, {values} from generate_series({first}, {last}) i");
    lab.postgres().query(database, &sql).map(drop)
}

/// All rows by id.
pub(super) fn rows(lab: &Lab, database: &str) -> Result<BTreeMap<String, Row>> {
    let texts = joined(|column| column.text.to_owned());
    let sql = format!("select id::text, {texts} from kinds");
    let names = || {
        ["id"]
            .into_iter()
            .chain(COLUMNS.iter().map(|column| column.name))
    };
    let mut rows = BTreeMap::new();
    for values in lab.postgres().query(database, &sql)? {
        let id = values
            .first()
            .cloned()
            .flatten()
            .context("a row without id")?;
        let row = names().map(str::to_owned).zip(values).collect();
        rows.insert(id, row);
    }
    Ok(rows)
}

fn joined(each: impl Fn(&Column) -> String) -> String {
    let all: Vec<_> = COLUMNS.iter().map(each).collect();
    all.join(", ")
}
