//! `io.debezium.transforms.outbox.EventRouter`: rows of an outbox table become events.
//!
//! Enters a change of the table, leaves an event on the topic that the row names, with the row's
//! payload. What is no change (heartbeats, transaction metadata) passes; deletes are dropped.

mod config;
mod expand;
mod schema;

use std::sync::Arc;

use super::envelope::{self, Op};
use super::json_schema::Inference;
use super::{Options, Transform, TransformError};
use crate::data::{DataRecord, Field, Header, Schema, Struct, Value};
use crate::route::RegexRouter;
use config::{Additional, InvalidOperation, Placement};
use schema::ValueSchemas;

/// The transform, configured.
#[derive(Debug)]
pub(crate) struct EventRouter {
    id: String,
    key: Option<String>,
    payload: String,
    timestamp: Option<String>,
    schema_version: Option<String>,
    route_by: String,
    router: Option<RegexRouter>,
    additional: Vec<Additional>,
    missing_is_ignored: bool,
    invalid_operation: InvalidOperation,
    tombstone_on_empty: bool,
    expander: Option<Inference>,
    schemas: ValueSchemas,
}

impl Transform for EventRouter {
    fn apply(&mut self, record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if record.value.is_null() {
            return Ok(None);
        }
        let Some(envelope) = envelope::of(&record) else {
            return Ok(Some(record));
        };
        match envelope::op(envelope) {
            Some(Op::Delete) => Ok(None),
            Some(Op::Update) => self.unexpected(&record),
            _ => self.event(&record, envelope).map(Some),
        }
    }
}

impl EventRouter {
    fn unexpected(&self, record: &DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if self.invalid_operation == InvalidOperation::Fatal {
            return Err(TransformError::new(format!(
                "Unexpected update message received {}, fail.",
                envelope::shown(&record.key_schema, &record.key)
            )));
        }
        Ok(None)
    }

    fn event(
        &mut self,
        record: &DataRecord,
        envelope: &Struct,
    ) -> Result<DataRecord, TransformError> {
        let Some(Value::Struct(row)) = envelope.get("after") else {
            return Err(TransformError::new(
                "Only Struct objects supported for [Read Outbox Event], found: null",
            ));
        };
        let payload_schema = field(row, &self.payload, "payload field")?;
        let timestamp = self.timestamp(envelope, row)?;
        let id_schema = field(row, &self.id, "event-id field")?;
        let mut headers = record.headers.clone();
        headers.push(Header {
            name: "id".into(),
            schema: Some(id_schema),
            value: row.get(&self.id).cloned().unwrap_or_default(),
        });
        let payload = row.get(&self.payload).cloned().unwrap_or_default();
        let (payload_schema, payload) = match self.expander {
            Some(inference) => expand::expand(inference, &self.payload, payload_schema, payload),
            None => (payload_schema, payload),
        };
        let route = text(row, &self.route_by)?;
        let is_empty = is_empty(&payload_schema, &payload);
        let (value_schema, value) = self.value(row, &route, payload_schema, payload)?;
        let partition = self.place(row, &mut headers)?;
        let tombstone = is_empty && self.tombstone_on_empty;
        let (key_schema, key) = self.key(row)?;
        let topic = self.router.as_ref().and_then(|router| router.route(&route));
        Ok(DataRecord {
            topic: topic.unwrap_or(route).into(),
            partition,
            timestamp,
            key_schema: Some(key_schema),
            key,
            value_schema: (!tombstone).then_some(value_schema),
            value: if tombstone { Value::Null } else { value },
            headers,
        })
    }

    /// The event's time, or when the change was read.
    fn timestamp(&self, envelope: &Struct, row: &Struct) -> Result<Option<i64>, TransformError> {
        let processed = envelope.get("ts_ms").and_then(Value::as_i64);
        let Some(name) = &self.timestamp else {
            return Ok(processed);
        };
        let schema = field(row, name, "timestamp field")?;
        let time = match row.get(name) {
            Some(Value::Null) | None => return Ok(processed),
            Some(Value::Int64(time)) => *time,
            Some(_) => {
                return Err(TransformError::new(format!(
                    "Field '{name}' is not of type INT64"
                )));
            }
        };
        match schema.name.as_deref() {
            Some("io.debezium.time.Timestamp") => Ok(Some(time)),
            Some("io.debezium.time.MicroTimestamp") => Ok(Some(time / 1_000)),
            Some("io.debezium.time.NanoTimestamp") => Ok(Some(time / 1_000_000)),
            None => Err(TransformError::new(format!(
                "Unsupported field type {} (without logical schema name) for event timestamp",
                schema.type_name()
            ))),
            Some(other) => Err(TransformError::new(format!(
                "Unsupported field type {other} for event timestamp"
            ))),
        }
    }

    fn key(&self, row: &Struct) -> Result<(Arc<Schema>, Value), TransformError> {
        let Some(name) = &self.key else {
            return Ok((
                Arc::new(Schema::new(crate::data::Kind::String)),
                Value::Null,
            ));
        };
        match (row.schema().field(name), row.get(name)) {
            (Some(schema), Some(value)) => Ok((Arc::clone(schema), value.clone())),
            _ => Err(TransformError::new(format!(
                "{name} is not a valid field name"
            ))),
        }
    }

    /// The payload alone, or an envelope of it and the fields that are placed there.
    fn value(
        &mut self,
        row: &Struct,
        route: &str,
        payload_schema: Arc<Schema>,
        payload: Value,
    ) -> Result<(Arc<Schema>, Value), TransformError> {
        let placed = |additional: &&Additional| additional.placement == Placement::Envelope;
        if !self.additional.iter().any(|additional| placed(&additional)) {
            return Ok((payload_schema, payload));
        }
        let mut fields = vec![Field::new("payload", payload_schema)];
        let mut values = vec![payload];
        for additional in self.additional.iter().filter(placed) {
            match row.schema().field(&additional.field) {
                Some(schema) => {
                    fields.push(Field::new(&*additional.alias, Arc::clone(schema)));
                    values.push(row.get(&additional.field).cloned().unwrap_or_default());
                }
                None if self.missing_is_ignored => {}
                None => return Err(missing(&additional.field)),
            }
        }
        let version = match &self.schema_version {
            Some(name) => Some(version(row, name)?),
            None => None,
        };
        let schema = self.schemas.get(row.schema(), route, version, fields);
        Ok((
            Arc::clone(&schema),
            Value::Struct(Struct::of(schema, values)),
        ))
    }

    /// Puts fields into headers; tells the partition that a field names.
    fn place(
        &self,
        row: &Struct,
        headers: &mut Vec<Header>,
    ) -> Result<Option<i32>, TransformError> {
        let mut partition = None;
        for additional in &self.additional {
            let Some(schema) = row.schema().field(&additional.field) else {
                if self.missing_is_ignored {
                    continue;
                }
                return Err(missing(&additional.field));
            };
            let value = row.get(&additional.field).cloned().unwrap_or_default();
            match additional.placement {
                Placement::Envelope => {}
                Placement::Header => headers.push(Header {
                    name: additional.alias.as_str().into(),
                    schema: Some(Arc::clone(schema)),
                    value,
                }),
                Placement::Partition => {
                    partition = match value {
                        Value::Int32(number) => Some(number),
                        Value::Null => None,
                        _ => {
                            return Err(TransformError::new(format!(
                                "Field '{}' is not of type INT32",
                                additional.field
                            )));
                        }
                    };
                }
            }
        }
        Ok(partition)
    }
}

fn field(row: &Struct, name: &str, what: &str) -> Result<Arc<Schema>, TransformError> {
    let schema = row.schema().field(name);
    schema
        .cloned()
        .ok_or_else(|| TransformError::new(format!("Unable to find {what} {name} in event")))
}

fn missing(name: &str) -> TransformError {
    TransformError::new(format!("Unable to find field {name} in event"))
}

/// `Struct.getString`.
fn text(row: &Struct, name: &str) -> Result<String, TransformError> {
    match row.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Null) => Err(TransformError::new(format!(
            "The field {name}, by which events are routed, is null; every row of the outbox table must name where it goes"
        ))),
        Some(_) => Err(TransformError::new(format!(
            "Field '{name}' is not of type STRING"
        ))),
        None => Err(TransformError::new(format!(
            "{name} is not a valid field name"
        ))),
    }
}

fn version(row: &Struct, name: &str) -> Result<i32, TransformError> {
    match row.get(name) {
        Some(Value::Int32(version)) => Ok(*version),
        Some(_) => Err(TransformError::new(format!(
            "Field '{name}' is not of type INT32"
        ))),
        None => Err(TransformError::new(format!(
            "{name} is not a valid field name"
        ))),
    }
}

/// Whether the payload's text is blank.
fn is_empty(schema: &Arc<Schema>, payload: &Value) -> bool {
    match payload {
        Value::Null => true,
        Value::String(text) => text.trim_matches(|c| c <= ' ').is_empty(),
        Value::Bytes(_) | Value::Struct(_) => false,
        other => envelope::shown(&Some(Arc::clone(schema)), other)
            .trim()
            .is_empty(),
    }
}
