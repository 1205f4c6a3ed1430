//! `io.debezium.transforms.partitions.PartitionRouting`: the partition by fields of the event.

use super::super::{Options, Transform, TransformError};
use super::java_hash::{java_hash, murmur_hash};
use super::support::{is_envelope, require_struct};
use crate::data::{DataRecord, Kind, Schema, Struct, Value};

/// The transform.
#[derive(Debug)]
pub(crate) struct PartitionRouting {
    fields: Vec<Vec<String>>,
    partitions: i32,
    hash: Hash,
}

/// How a value becomes a number.
#[derive(Debug, Clone, Copy)]
enum Hash {
    Java,
    Murmur,
}

const FIELDS: &str = "partition.payload.fields";
const PARTITIONS: &str = "partition.topic.num";
const HASH: &str = "partition.hash.function";

impl PartitionRouting {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        Self {
            fields: fields(options),
            partitions: partitions(options),
            hash: hash(options),
        }
    }

    fn partition(&self, event: &Struct) -> Result<Option<i32>, TransformError> {
        let mut sum = None;
        for path in &self.fields {
            let Some((schema, value)) = find(event, path)? else {
                continue;
            };
            let hash = match self.hash {
                Hash::Java => java_hash(schema, value),
                Hash::Murmur => murmur_hash(schema, value),
            };
            sum = Some(hash.wrapping_add(sum.unwrap_or(0)));
        }
        let partition = |sum: i32| match sum & i32::MAX {
            i32::MAX => 0,
            positive => positive.checked_rem(self.partitions).unwrap_or(0),
        };
        Ok(sum.map(partition))
    }
}

fn invalid(options: &mut Options, option: &str, value: &str, why: &str) {
    let why = format!("The '{option}' value is invalid: {why}");
    options.invalid(option, value, why);
}

fn fields(options: &mut Options) -> Vec<Vec<String>> {
    let given = options.raw(FIELDS).unwrap_or_default();
    if given.trim().is_empty() {
        invalid(options, FIELDS, "null", "A value is required");
        return Vec::new();
    }
    let items = given.trim_end_matches(',').split(',').map(str::trim);
    let path = |item: &str| item.split('.').map(|name| name.trim().to_owned()).collect();
    let fields: Vec<_> = items.clone().map(path).collect();
    if items.clone().any(str::is_empty) {
        let why = "Empty string element(s) not permitted";
        invalid(options, FIELDS, &given, why);
    }
    fields
}

fn partitions(options: &mut Options) -> i32 {
    let given = options.raw(PARTITIONS).unwrap_or_default();
    if given.trim().is_empty() {
        invalid(options, PARTITIONS, "null", "A value is required");
        return 1;
    }
    let number = given.parse().ok().filter(|number| *number > 0);
    number.unwrap_or_else(|| {
        let why = "A positive, non-zero integer value is expected";
        invalid(options, PARTITIONS, &given, why);
        1
    })
}

fn hash(options: &mut Options) -> Hash {
    match options.text_or(HASH, "java").to_lowercase().as_str() {
        "java" => Hash::Java,
        "murmur" => Hash::Murmur,
        other => {
            let why = "Write java or murmur; Debezium takes java for any other word";
            options.invalid(HASH, other, why);
            Hash::Java
        }
    }
}

/// A field of the event by its path. `None` when it is null or not there.
fn find<'e>(
    event: &'e Struct,
    path: &[String],
) -> Result<Option<(&'e Schema, &'e Value)>, TransformError> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(None);
    };
    let op = event.get_without_default("op").and_then(Value::as_str);
    let mut inner = event;
    for parent in parents {
        let name = match (parent.as_str(), op) {
            ("change", Some("d")) => "before",
            ("change", _) => "after",
            (other, _) => other,
        };
        let schema = inner.schema().field(name);
        if !schema.is_some_and(|schema| matches!(schema.kind, Kind::Struct(_))) {
            return Ok(None);
        }
        let next = inner.get_without_default(name).and_then(Value::as_struct);
        inner = next.ok_or_else(|| {
            TransformError(format!(
                "Unprocessable message: `{name}` is null in an event with op `{}`, but {FIELDS} \
                 names `{}`. Use `change` in place of `before` and `after`",
                op.unwrap_or("null"),
                path.join(".")
            ))
        })?;
    }
    let schema = inner.schema().field(last);
    let value = inner.get(last).filter(|value| !value.is_null());
    Ok(schema.map(AsRef::as_ref).zip(value))
}

impl Transform for PartitionRouting {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if record.value.is_null() || !is_envelope(&record) {
            return Ok(Some(record));
        }
        let event = require_struct(&record.value, "partition routing")?;
        let op = event.get_without_default("op").and_then(Value::as_str);
        if matches!(op, Some("t" | "m")) {
            return Ok(Some(record));
        }
        if let Some(partition) = self.partition(event)? {
            record.partition = Some(partition);
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::sample::{envelope, event, heartbeat, run, tombstone};
    use super::*;
    use crate::data::Field;

    fn product(op: &str, id: i64, name: &str) -> DataRecord {
        let fields = vec![
            Field::new("id", Schema::new(Kind::Int64)),
            Field::new("product", Schema::new(Kind::String).optional()),
        ];
        let schema = Schema::new(Kind::Struct(fields)).optional();
        let name = match name {
            "" => Value::Null,
            name => name.into(),
        };
        let row = Struct::of(Arc::new(schema.clone()), vec![Value::Int64(id), name]);
        let row = Some(Value::Struct(row));
        let (before, after) = if op == "d" { (row, None) } else { (None, row) };
        let value = envelope(schema, before, after, op);
        DataRecord {
            value_schema: Some(Arc::clone(value.schema())),
            value: Value::Struct(value),
            ..event(op, 1, "")
        }
    }

    fn check(fields: &str, partitions: u32, more: &str, record: DataRecord, expected: Option<i32>) {
        let lines = format!("{FIELDS}={fields}\n{PARTITIONS}={partitions}\n{more}");
        let mut options = super::super::sample::options(&lines);
        let mut transform = PartitionRouting::build(&mut options);
        assert!(options.finish().0.is_empty(), "{lines}");
        let record = transform.apply(record).expect("routed").expect("kept");
        assert_eq!(record.partition, expected, "{lines}");
    }

    #[test]
    fn fields_choose_the_partition() {
        let both = "change.id, change.product";
        let murmur = "partition.hash.function=murmur";
        check(both, 100, "", product("c", 1, "orange"), Some(39));
        check(both, 100, murmur, product("c", 1, "orange"), Some(65));
        let table = [
            ("change . product", 2, product("c", 1, "APPLE"), Some(0)),
            ("change.product", 2, product("d", 1, "APPLE"), Some(0)),
            (
                "after.nope,change.product",
                3,
                product("c", 1, "orange"),
                Some(1),
            ),
            ("after.nope", 2, product("c", 1, "APPLE"), None),
            ("op.x", 2, product("c", 1, "APPLE"), None),
            ("change.product", 2, product("c", 1, ""), None),
            ("op", 7, product("c", 1, "APPLE"), Some(99 % 7)),
            (
                "source.snapshot",
                9,
                product("c", 1, "A"),
                Some(97_196_323 % 9),
            ),
            ("op", 7, event("t", 1, ""), None),
            ("op", 7, tombstone(1), None),
            ("ts_ms", 7, heartbeat(), None),
        ];
        for (fields, partitions, record, expected) in table {
            check(fields, partitions, "", record, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let lines = format!("{FIELDS}=after.id\n{PARTITIONS}=3");
        assert_eq!(
            run(PartitionRouting::build, &lines, vec![event("d", 1, "")]),
            "error: Unprocessable message: `after` is null in an event with op `d`, but \
             partition.payload.fields names `after.id`. Use `change` in place of `before` and \
             `after`"
        );
        let lines = format!("{FIELDS}=,source.table\n{PARTITIONS}=0\n{HASH}=crc");
        let start = "for configuration transforms.t";
        let expected = [
            format!(
                "Invalid value ,source.table {start}.{FIELDS}: The '{FIELDS}' value is invalid: \
                 Empty string element(s) not permitted"
            ),
            format!(
                "Invalid value 0 {start}.{PARTITIONS}: The '{PARTITIONS}' value is invalid: A \
                 positive, non-zero integer value is expected"
            ),
            format!(
                "Invalid value crc {start}.{HASH}: Write java or murmur; Debezium takes java for \
                 any other word"
            ),
        ];
        let actual = run(PartitionRouting::build, &lines, Vec::new());
        assert_eq!(actual, expected.join("\n"));
    }
}
