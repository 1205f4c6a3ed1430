//! `io.debezium.converters.CloudEventsConverter`, with JSON inside JSON.
//!
//! Enters a change's envelope, leaves a CloudEvents 1.0 event. What is no change becomes null, as in
//! Debezium.

use std::collections::HashMap;
use std::sync::Arc;

use super::json::JsonConverter;
use super::{ConvertError, Form, JsonOptions};
use crate::data::{Field, Kind, Schema, Struct, Value};
use crate::json;
use crate::transform::Options;
use crate::value::civil_from_days;

/// The options of `CloudEventsConverter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudEventsOptions {
    /// `extension.attributes.enable`
    pub extensions: bool,
    /// `json.*`, for the data.
    pub json: JsonOptions,
}

/// How many schemas of data are kept.
const SCHEMAS_MAX: usize = 1000;

#[derive(Debug)]
pub(crate) struct CloudEvents {
    extensions: bool,
    data: JsonConverter,
    event: JsonConverter,
    schemas: HashMap<usize, (Arc<Schema>, Arc<Schema>)>,
}

impl CloudEventsOptions {
    pub(super) fn read(options: &mut Options) -> Self {
        // Names of schemas: the event is written without its schema.
        options.ignore(&["schema.name.adjustment.mode", "schema.cloudevents.name"]);
        let avro = "this version of Walcast writes CloudEvents as JSON only; set it to json";
        for option in ["serializer.type", "data.serializer.type"] {
            let given = options.text_or(option, "json");
            if !given.eq_ignore_ascii_case("json") {
                options.invalid(option, &given, avro);
            }
        }
        for option in [
            "opentelemetry.tracing.attributes.enable",
            "schema.data.name.source.header.enable",
        ] {
            if options.bool_or(option, false) {
                options.invalid(
                    option,
                    "true",
                    "not supported by this version of Walcast; remove it",
                );
            }
        }
        if let Some(given) = options.text("metadata.source") {
            let known =
                "value,id:generate,type:generate,traceParent:header,dataSchemaName:generate";
            if given != "value" && given.replace(' ', "") != known {
                options.invalid(
                    "metadata.source",
                    &given,
                    "only value is supported; remove it",
                );
            }
        }
        let mut json = Options::new("json.", options.with_prefix("json."));
        let form = Form::read(super::JSON, &mut json);
        for problem in json.finish().0 {
            options.problem(&format!("json.{}", problem.option), problem.message);
        }
        Self {
            extensions: options.bool_or("extension.attributes.enable", true),
            json: match form {
                Some(Form::Json(json)) => json,
                _ => JsonOptions::default(),
            },
        }
    }
}

impl CloudEvents {
    pub(super) fn new(options: CloudEventsOptions) -> Self {
        let plain = JsonOptions {
            schemas: false,
            ..options.json
        };
        Self {
            extensions: options.extensions,
            data: JsonConverter::new(options.json),
            event: JsonConverter::new(plain),
            schemas: HashMap::new(),
        }
    }

    pub(super) fn convert(
        &mut self,
        schema: Option<&Arc<Schema>>,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        let is_envelope = schema.is_some_and(|schema| schema.is_envelope());
        let Value::Struct(envelope) = value else {
            return match is_envelope && !value.is_null() {
                true => Err(ConvertError::new("Mismatching schema")),
                false => Ok(false),
            };
        };
        let Some(Value::Struct(source)) = envelope.get("source").filter(|_| is_envelope) else {
            return Ok(false);
        };
        let text = |name: &str| shown(source, name);
        let (connector, name) = (text("connector"), text("name"));
        let id = format!(
            "name:{name};lsn:{};txId:{};sequence:{}",
            text("lsn"),
            text("txId"),
            text("sequence")
        );
        out.extend_from_slice(b"{\"id\":");
        json::string(id.as_bytes(), out);
        out.extend_from_slice(b",\"source\":");
        json::string(format!("/debezium/{connector}/{name}").as_bytes(), out);
        out.extend_from_slice(b",\"specversion\":\"1.0\",\"type\":");
        let kind = format!("io.debezium.connector.{connector}.DataChangeEvent");
        json::string(kind.as_bytes(), out);
        out.extend_from_slice(b",\"time\":\"");
        let ms = source.get("ts_ms").and_then(Value::as_i64).unwrap_or(0);
        out.extend_from_slice(time(ms).as_bytes());
        out.extend_from_slice(b"\",\"datacontenttype\":\"application/json\"");
        if self.extensions {
            self.extend(envelope, source, out)?;
        }
        out.extend_from_slice(b",\"data\":");
        let (schema, data) = self.data_of(envelope);
        self.data.convert(Some(&schema), &data, out)?;
        out.push(b'}');
        Ok(true)
    }

    /// The extension attributes: operation, source and transaction.
    fn extend(
        &mut self,
        envelope: &Struct,
        source: &Struct,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        let op = envelope.get("op").cloned().unwrap_or_default();
        self.attribute("iodebeziumop", &op, out)?;
        for (field, _) in source.iter() {
            let plain: String = field
                .name
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect();
            let value = source.get(&field.name).unwrap_or(&Value::Null);
            self.attribute(&format!("iodebezium{plain}"), value, out)?;
        }
        let transaction = envelope.get("transaction").and_then(Value::as_struct);
        for name in ["id", "total_order", "data_collection_order"] {
            let plain = name.replace('_', "");
            let value = transaction.and_then(|transaction| transaction.get(name));
            self.attribute(
                &format!("iodebeziumtx{plain}"),
                value.unwrap_or(&Value::Null),
                out,
            )?;
        }
        Ok(())
    }

    /// CloudEvents has no 64-bit integers: they become text.
    fn attribute(
        &mut self,
        name: &str,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        out.push(b',');
        json::string(name.as_bytes(), out);
        out.push(b':');
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Int64(number) => json::string(number.to_string().as_bytes(), out),
            other => {
                self.event.convert(None, other, out)?;
            }
        }
        Ok(())
    }

    /// The rows before and after, with a schema of their own.
    fn data_of(&mut self, envelope: &Struct) -> (Arc<Schema>, Value) {
        const ROWS: [&str; 2] = ["before", "after"];
        let known = envelope.schema();
        let address = Arc::as_ptr(known).addr();
        if self.schemas.len() >= SCHEMAS_MAX {
            self.schemas.clear();
        }
        let make = || {
            let fields = known.fields().iter();
            let fields = fields.filter(|field| ROWS.contains(&&*field.name)).cloned();
            let fields: Vec<Field> = fields.collect();
            let schema = Schema::new(Kind::Struct(fields));
            let schema = schema.named("io.debezium.connector.postgresql.Data");
            (Arc::clone(known), Arc::new(schema))
        };
        let (_, schema) = self.schemas.entry(address).or_insert_with(make);
        let values = schema.fields().iter();
        let values = values.map(|field| envelope.get(&field.name).cloned().unwrap_or_default());
        let data = Value::Struct(Struct::of(Arc::clone(schema), values.collect()));
        (Arc::clone(schema), data)
    }
}

/// What Java prints of a field in a text: `null` where there is nothing.
fn shown(source: &Struct, name: &str) -> String {
    let mut text = Vec::new();
    let value = source.get(name).unwrap_or(&Value::Null);
    super::to_text(None, value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// `yyyy-MM-dd'T'HH:mm:ss.SSSXXX` in UTC.
fn time(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        in_day / 3_600_000,
        in_day / 60_000 % 60,
        in_day / 1000 % 60,
        in_day % 1000
    )
}
