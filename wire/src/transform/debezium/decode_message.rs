//! `io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent`: the JSON in a
//! logical decoding message becomes the `after` of an event, which the outbox router understands.

use std::sync::Arc;

use super::super::json_schema::{EmptyLists, Inference, Nulls, object_value};
use super::super::{Options, Transform, TransformError};
use super::support::{SchemaCache, SchemaKey, add_field, filled, get, no_field, require_struct};
use crate::data::tree::{self, Json};
use crate::data::{DataRecord, Field, Kind, Schema, Struct, Value};
use crate::modes::NameAdjustment;

const MESSAGE_VALUE: &str = "io.debezium.connector.postgresql.MessageValue";
const MESSAGE: &str = "message";
const CONTENT: &str = "content";

/// The transform.
#[derive(Debug)]
pub(crate) struct DecodeMessage {
    inference: Inference,
    schemas: SchemaCache<SchemaKey>,
}

impl DecodeMessage {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        let included = options.bool_or("fields.null.include", false);
        Self {
            inference: Inference {
                nulls: match included {
                    true => Nulls::OptionalBytes,
                    false => Nulls::Ignore,
                },
                empty_lists: EmptyLists::Ignore,
                names: NameAdjustment::None,
            },
            schemas: SchemaCache::default(),
        }
    }

    /// The content as a struct.
    fn content(&self, event: &Struct) -> Result<Struct, TransformError> {
        let purpose = "Retrieve content of a logical decoding message";
        let message = require_struct(get(event, MESSAGE)?, purpose)?;
        let schema = message.schema().field(CONTENT);
        let schema = schema.ok_or_else(|| no_field(CONTENT))?;
        if !matches!(schema.kind, Kind::Bytes) {
            return Err(TransformError::new(
                "The content of a logical decoding message is non-binary; set \
                 binary.handling.mode=bytes",
            ));
        }
        let Value::Bytes(bytes) = get(message, CONTENT)? else {
            return Err(TransformError::new(
                "A logical decoding message has no content",
            ));
        };
        let text = String::from_utf8_lossy(bytes);
        let json = parsed(&text)?;
        let Json::Object(members) = &json else {
            return Err(TransformError(format!(
                "Unable to parse logical decoding message content JSON string '{text}': an object is \
                 needed, not an array"
            )));
        };
        let schema = self.inference.object(None, members)?;
        object_value(&json, &Arc::new(schema))
    }
}

/// The object or list that a text begins with.
fn parsed(text: &str) -> Result<Json<'_>, TransformError> {
    let unable = |why: &str| {
        TransformError(format!(
            "Unable to parse logical decoding message content JSON string '{text}'{why}"
        ))
    };
    if !text.starts_with(['{', '[']) {
        return Err(unable(""));
    }
    tree::parse_first(text).map_err(|error| unable(&format!(": {error}")))
}

/// The event's schema with the content as `after`, in place of the message.
fn updated_schema(event: &Schema, content: &Arc<Schema>) -> Result<Schema, TransformError> {
    let kept = event
        .fields()
        .iter()
        .filter(|field| *field.name != *MESSAGE);
    let mut fields: Vec<_> = kept.cloned().collect();
    add_field(&mut fields, Field::new("after", Arc::clone(content)))?;
    let schema = Schema::new(Kind::Struct(fields));
    Ok(schema.named(&format!("{}.Envelope", event.logical())))
}

impl Transform for DecodeMessage {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let Some(schema) = &record.value_schema else {
            return Err(TransformError::new(
                "DecodeLogicalDecodingMessageContent cannot take a record without a value schema, \
                 such as a tombstone: give it a predicate that matches the message topic only",
            ));
        };
        if schema.logical() != MESSAGE_VALUE {
            return Ok(Some(record));
        }
        let event = require_struct(&record.value, "Retrieve a record value")?;
        let content = self.content(event)?;
        let key = SchemaKey(Arc::clone(content.schema()));
        let make = |schema: &_| updated_schema(schema, content.schema());
        let schema = self.schemas.get_or_make(event.schema(), key, make)?;
        let mut content = Some(content);
        let values = schema.fields().iter().map(|field| match &*field.name {
            "after" => Ok(content.take().map(Value::Struct).unwrap_or_default()),
            "op" => Ok(Value::from("c")),
            name => get(event, name).cloned(),
        });
        let values = values.collect::<Result<_, _>>()?;
        record.value = Value::Struct(filled(Arc::clone(&schema), values)?);
        record.value_schema = Some(schema);
        record.key_schema = None;
        record.key = Value::Null;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, heartbeat, run, schema_text, tombstone};
    use super::*;

    fn message(content: &str) -> DataRecord {
        let fields = vec![
            Field::new("prefix", Schema::new(Kind::String).optional()),
            Field::new(CONTENT, Schema::new(Kind::Bytes).optional()),
        ];
        let schema = Schema::new(Kind::Struct(fields));
        let bytes = Value::Bytes(content.as_bytes().to_vec());
        let message = Struct::of(Arc::new(schema), vec!["p".into(), bytes]);
        let fields = vec![
            Field::new("op", Schema::new(Kind::String)),
            Field::new("ts_ms", Schema::new(Kind::Int64).optional()),
            Field::new(MESSAGE, Arc::clone(message.schema())),
        ];
        let schema = Schema::new(Kind::Struct(fields)).named(MESSAGE_VALUE);
        let values = vec!["m".into(), Value::Int64(1), Value::Struct(message)];
        let value = Struct::of(Arc::new(schema.versioned(1)), values);
        DataRecord {
            value_schema: Some(Arc::clone(value.schema())),
            value: Value::Struct(value),
            ..event("c", 1, "")
        }
    }

    /// `after`, its schema too, or the error.
    fn decoded(options: &str, content: &str) -> String {
        let mut transform = DecodeMessage::build(&mut super::super::sample::options(options));
        let record = match transform.apply(message(content)) {
            Ok(record) => record.expect("kept"),
            Err(error) => return error.0,
        };
        let after = record.value_struct().and_then(|value| value.get("after"));
        let after = after.and_then(Value::as_struct).expect("an after").clone();
        let schema = schema_text(after.schema());
        format!(
            "{} {schema}",
            super::super::sample::shown(&Value::Struct(after))
        )
    }

    fn check(options: &str, content: &str, expected: &str) {
        assert_eq!(decoded(options, content), expected, "{content}");
    }

    #[test]
    fn messages_become_events() {
        let lines = run(
            DecodeMessage::build,
            "",
            vec![message("{\"a\": 1} rest"), heartbeat(), tombstone(1)],
        );
        assert_eq!(
            lines,
            "s.public.t null {op:c,ts_ms:1,after:{a:1}}\n\
             s.public.t {id:1} {ts_ms:1}\n\
             error: DecodeLogicalDecodingMessageContent cannot take a record without a value \
             schema, such as a tombstone: give it a predicate that matches the message topic only"
        );
        let mut transform = DecodeMessage::build(&mut super::super::sample::options(""));
        let mut schema = || {
            let record = transform.apply(message("{\"a\": 1}")).expect("decoded");
            record
                .and_then(|record| record.value_schema)
                .expect("a schema")
        };
        let first = schema();
        assert_eq!(
            schema_text(&first),
            "io.debezium.connector.postgresql.MessageValue.Envelope{op:STRING,ts_ms:INT64?,\
             after:{a:INT32?}?}"
        );
        assert!(Arc::ptr_eq(&first, &schema()));
    }

    #[test]
    fn schemas_are_inferred() {
        check("", "{}", "{} {}?");
        check(
            "",
            "{\"s\":\"x\",\"l\":3000000000,\"d\":1.5,\"b\":true,\"n\":null,\"e\":[]}",
            "{s:x,l:3000000000,d:1.5,b:true} {s:STRING?,l:INT64?,d:FLOAT64?,b:BOOLEAN?}?",
        );
        check(
            "fields.null.include=true",
            "{\"n\":null,\"o\":{\"p\":{\"q\":1}}}",
            "{n:null,o:{p:{q:1}}} {n:BYTES?,o:o{p:o.p{q:INT32?}?}?}?",
        );
        check("", "{\"a\":[1,null]}", "{a:[1,null]} {a:[INT32?]?}?");
        check(
            "",
            "{\"a\":[{\"x\":1},{\"y\":\"z\"}]}",
            "{a:[{x:1,y:null},{x:null,y:z}]} {a:[a{x:INT32?,y:STRING?}]?}?",
        );
        check(
            "",
            "{\"a\":[{\"x\":1},{\"x\":2}]}",
            "{a:[{x:1},{x:2}]} {a:[a{x:INT32?}?]?}?",
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let unable = "Unable to parse logical decoding message content JSON string";
        check("", "", &format!("{unable} ''"));
        check("", "7", &format!("{unable} '7'"));
        check(
            "",
            "[1]",
            &format!("{unable} '[1]': an object is needed, not an array"),
        );
        check(
            "",
            "{\"a\":[1,\"x\"]}",
            "Field is not a homogenous array (1 x STRING).",
        );
        check(
            "",
            "{\"a\":[1,2.5]}",
            "Field is not a homogenous array (1 x 2.5), different number types (Schema{INT32} x \
             Schema{FLOAT64})",
        );
        check(
            "",
            "{\"a\":[null]}",
            "Array '' has unrecognized member schema.",
        );
        check(
            "",
            "{\"a\":[{\"x\":1},{\"x\":\"y\"}]}",
            "Invalid Java object for schema with type INT32: class java.lang.String for field: \"x\"",
        );
        check(
            "",
            "{\"a\":\"1\\\"99999999999999999999\",\"b\":99999999999999999999}",
            "Invalid Java object for schema with type FLOAT64: class java.math.BigDecimal \
             for field: \"b\"",
        );
    }
}
