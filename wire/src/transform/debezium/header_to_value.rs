//! `io.debezium.transforms.HeaderToValue`: headers become fields of the value.

use std::sync::Arc;

use super::super::{Options, Transform, TransformError};
use super::nested::{Entry, updated_schema, updated_value};
use super::support::{SchemaCache, require_struct};
use crate::data::{DataRecord, Value};

/// The transform.
#[derive(Debug)]
pub(crate) struct HeaderToValue {
    /// Headers and the paths of the fields they become.
    pairs: Vec<(String, String)>,
    keep: bool,
    schemas: SchemaCache<()>,
}

impl HeaderToValue {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        let fields = names(options, "fields");
        let headers = names(options, "headers");
        let keep = operation(options);
        if fields.len() != headers.len() {
            options.problem(
                "fields",
                "'fields' config must have the same number of elements as 'headers' config.",
            );
        }
        Self {
            pairs: headers.into_iter().zip(fields).collect(),
            keep,
            schemas: SchemaCache::default(),
        }
    }
}

/// A required list of names.
fn names(options: &mut Options, option: &str) -> Vec<String> {
    let given = options.raw(option).filter(|list| !list.trim().is_empty());
    let Some(given) = given else {
        required(options, option);
        return Vec::new();
    };
    let end = given.trim_end_matches(',');
    let names: Vec<_> = end.split(',').map(|name| name.trim().to_owned()).collect();
    let wrong = |what| format!("The '{option}' value is invalid: {what}");
    if names.iter().any(|name| name.contains(' ')) {
        options.invalid(
            option,
            &given,
            wrong("Element(s) containing space not permitted"),
        );
    } else if names.iter().any(String::is_empty) {
        options.invalid(
            option,
            &given,
            wrong("Empty string element(s) not permitted"),
        );
    }
    names
}

fn required(options: &mut Options, option: &str) {
    let given = options.raw(option).unwrap_or_else(|| "null".to_owned());
    let why = format!("The '{option}' value is invalid: A value is required");
    options.invalid(option, &given, why);
}

/// Whether the headers stay.
fn operation(options: &mut Options) -> bool {
    let option = "operation";
    if options.text(option).is_none() {
        required(options, option);
        return true;
    }
    options.one_of(option, &[("move", false), ("copy", true)], true)
}

impl Transform for HeaderToValue {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if record.value.is_null() {
            return Ok(Some(record));
        }
        let value = require_struct(&record.value, "Header field insertion")?;
        let entries = record.headers.iter().filter_map(|header| {
            let mut pairs = self.pairs.iter();
            let (_, path) = pairs.find(|(name, _)| **name == *header.name)?;
            Some(Entry {
                path: path.split('.').collect(),
                schema: header.schema.clone(),
                value: &header.value,
            })
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            return Ok(Some(record));
        }
        let make = |schema: &_| updated_schema(schema, &entries);
        let schema = self.schemas.get_or_make(value.schema(), (), make)?;
        let value = updated_value(value, &entries, &schema)?;
        record.value_schema = Some(Arc::clone(&schema));
        record.value = Value::Struct(value);
        if !self.keep {
            let moved = |name: &str| self.pairs.iter().any(|(header, _)| header == name);
            record.headers.retain(|header| !moved(&header.name));
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, heartbeat, list_header, run, schema_text, tombstone};
    use super::super::support::is_envelope;
    use super::*;
    use crate::data::{Header, Kind, Schema};

    fn with(headers: &[&str], mut record: DataRecord) -> DataRecord {
        record.headers.extend(headers.iter().map(|name| Header {
            name: (*name).into(),
            schema: Some(Arc::new(Schema::new(Kind::String))),
            value: Value::from(*name),
        }));
        record
    }

    fn check(options: &str, records: Vec<DataRecord>, expected: &[&str]) {
        let actual = run(HeaderToValue::build, options, records);
        assert_eq!(actual.lines().collect::<Vec<_>>(), expected, "{options}");
    }

    #[test]
    fn headers_become_fields() {
        let beat = || with(&["a", "b", "a", "c"], heartbeat());
        check(
            "headers=a,b\nfields=x,y.z\noperation=copy",
            vec![beat(), heartbeat(), tombstone(1)],
            &[
                "s.public.t {id:1} {ts_ms:1,x:a,y:{z:b}} a=a b=b a=a c=c",
                "s.public.t {id:1} {ts_ms:1}",
                "s.public.t {id:1} null -",
            ],
        );
        check(
            "headers=a, b\nfields=x,y\noperation=MOVE",
            vec![beat(), with(&["b"], heartbeat())],
            &[
                "s.public.t {id:1} {ts_ms:1,x:a,y:b} c=c",
                "s.public.t {id:1} {ts_ms:1,x:null,y:b}",
            ],
        );
    }

    #[test]
    fn fields_go_into_structs() {
        let mut record = event("c", 1, "A");
        record.headers.push(list_header("changed", &["id"]));
        let lines = "headers=changed\nfields=source.changed\noperation=move";
        let mut transform = HeaderToValue::build(&mut super::super::sample::options(lines));
        let record = transform.apply(record).expect("transformed").expect("kept");
        let schema = record.value_schema.as_ref().expect("a schema");
        assert!(is_envelope(&record) && record.headers.is_empty());
        assert_eq!(
            schema_text(schema.field("source").expect("source")),
            "io.debezium.connector.postgresql.Source{ts_ms:INT64,snapshot:STRING?,table:STRING,\
             changed:[STRING?]?}"
        );
        check(
            lines,
            vec![record],
            &[
                "s.public.t {id:1} {before:null,after:{id:1,name:A,mail:null},source:{ts_ms:5,\
               snapshot:false,table:t,changed:[id]},transaction:null,op:c,ts_ms:7}",
            ],
        );
    }

    #[test]
    fn schemas_are_made_once_as_debezium_does() {
        check(
            "headers=a,b\nfields=x,y\noperation=copy",
            vec![with(&["a"], heartbeat()), with(&["a", "b"], heartbeat())],
            &[
                "s.public.t {id:1} {ts_ms:1,x:a} a=a",
                "error: y is not a valid field name",
            ],
        );
        check(
            "headers=a\nfields=op.x\noperation=copy",
            vec![with(&["a"], event("c", 1, "A"))],
            &[
                "error: Field 'op' is a primitive type, not a struct. Cannot add nested field \
               'op.x'.",
            ],
        );
    }

    #[test]
    fn wrong_options_are_named() {
        let invalid = |option: &str, value: &str, why: &str| {
            format!(
                "Invalid value {value} for configuration transforms.t.{option}: The '{option}' \
                 value is invalid: {why}"
            )
        };
        check(
            "headers=a b\nfields=",
            Vec::new(),
            &[
                &invalid("fields", "", "A value is required"),
                &invalid(
                    "headers",
                    "a b",
                    "Element(s) containing space not permitted",
                ),
                &invalid("operation", "null", "A value is required"),
                "'fields' config must have the same number of elements as 'headers' config.",
            ],
        );
    }
}
