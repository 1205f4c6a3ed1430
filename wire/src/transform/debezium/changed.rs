//! `io.debezium.transforms.ExtractChangedRecordState`: headers that list which columns changed.

use std::sync::Arc;

use super::super::{Options, Transform, TransformError};
use super::shared::SharedHeaders;
use super::support::{get, is_envelope, no_field, require_struct};
use crate::data::{DataRecord, Header, Kind, Schema, Struct, Value};

/// The transform.
#[derive(Debug)]
pub(crate) struct ExtractChangedRecordState {
    changed: Option<Listed>,
    unchanged: Option<Listed>,
    shared: SharedHeaders,
}

/// A header that lists names of columns.
#[derive(Debug)]
struct Listed {
    name: Arc<str>,
    schema: Arc<Schema>,
}

impl ExtractChangedRecordState {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        Self {
            changed: Listed::build(options, "header.changed.name"),
            unchanged: Listed::build(options, "header.unchanged.name"),
            shared: SharedHeaders::default(),
        }
    }
}

impl Listed {
    fn build(options: &mut Options, option: &str) -> Option<Self> {
        let name = options.raw(option)?;
        let item = Schema::new(Kind::String).optional();
        let list = Schema::new(Kind::Array(Arc::new(item))).optional();
        (!name.trim().is_empty()).then(|| Self {
            name: name.as_str().into(),
            schema: Arc::new(list.named(&name)),
        })
    }

    fn header(&self, names: Vec<Value>) -> Header {
        Header {
            name: Arc::clone(&self.name),
            schema: Some(Arc::clone(&self.schema)),
            value: Value::Array(names),
        }
    }
}

impl Transform for ExtractChangedRecordState {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        self.shared.inherit(&mut record);
        if record.value.is_null() || !is_envelope(&record) {
            return Ok(Some(record));
        }
        let event = require_struct(&record.value, "Record value should be struct.")?;
        let (changed, unchanged) = match (get(event, "after")?, get(event, "before")?) {
            (Value::Struct(after), Value::Struct(before)) => compared(after, before)?,
            _ => Default::default(),
        };
        let mut added = Vec::with_capacity(2);
        added.extend(self.changed.as_ref().map(|header| header.header(changed)));
        let unchanged = self
            .unchanged
            .as_ref()
            .map(|header| header.header(unchanged));
        added.extend(unchanged);
        self.shared.add(&mut record, added);
        Ok(Some(record))
    }
}

/// The names of the columns that differ, and of the others.
fn compared(after: &Struct, before: &Struct) -> Result<(Vec<Value>, Vec<Value>), TransformError> {
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for (field, new) in after.iter() {
        let old = before.get_without_default(&field.name);
        let old = old.ok_or_else(|| no_field(&field.name))?;
        match equal(new, old) {
            true => unchanged.push(Value::from(&*field.name)),
            false => changed.push(Value::from(&*field.name)),
        }
    }
    Ok((changed, unchanged))
}

/// Java's `equals`: NaN is itself, and minus zero is not zero.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float32(left), Value::Float32(right)) => {
            left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
        }
        (Value::Float64(left), Value::Float64(right)) => {
            left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| equal(left, right))
        }
        (Value::Struct(left), Value::Struct(right)) => {
            let pairs = || left.values().iter().zip(right.values());
            left.schema() == right.schema() && pairs().all(|(left, right)| equal(left, right))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, heartbeat, run, tombstone};
    use super::*;

    fn check(options: &str, records: Vec<DataRecord>, expected: &[&str]) {
        let actual = run(ExtractChangedRecordState::build, options, records);
        let headers = actual.lines().map(|line| line.rsplit(['}', '-']).next());
        let headers: Vec<_> = headers
            .map(|line| line.unwrap_or_default().trim())
            .collect();
        assert_eq!(headers, expected, "{options}");
    }

    #[test]
    fn headers_list_columns() {
        let both = "header.changed.name=C\nheader.unchanged.name=U";
        let records = vec![
            event("u", 1, "New"),
            event("u", 1, "Old"),
            event("c", 1, "New"),
            event("d", 1, ""),
            tombstone(1),
            tombstone(1),
            heartbeat(),
        ];
        let expected = [
            "C=[name] U=[id,mail]",
            "C=[] U=[id,name,mail]",
            "C=[] U=[]",
            "C=[] U=[]",
            "C=[] U=[]",
            "",
            "",
        ];
        check(both, records.clone(), &expected);
        let changed = "header.changed.name=C\nheader.unchanged.name= ";
        check(changed, vec![event("u", 1, "New")], &["C=[name]"]);
        check("", vec![event("u", 1, "New")], &[""]);
    }

    #[test]
    fn numbers_are_compared_as_java_does() {
        let table = [
            (0.0, -0.0, false),
            (f64::NAN, f64::NAN, true),
            (1.5, 1.5, true),
        ];
        for (left, right, expected) in table {
            let list = |value| Value::Array(vec![Value::Float64(value)]);
            assert_eq!(equal(&list(left), &list(right)), expected, "{left} {right}");
        }
    }
}
