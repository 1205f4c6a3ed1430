//! `io.debezium.transforms.ExtractNewRecordState`: the row of a change event instead of the event.
//!
//! Works on the value; records that are no change events pass unchanged.

use std::mem;
use std::sync::Arc;

use super::super::{Options, Transform, TransformError};
use super::drop_fields::DropFields;
use super::reference::Reference;
use super::shared::SharedHeaders;
use super::support::{
    SchemaCache, SchemaKey, extended, filled, get_string, is_envelope, no_field, not_struct,
    values_with_defaults,
};
use crate::data::{DataRecord, Field, Header, Kind, Schema, Struct, Value};

const PURPOSE: &str = "source field insertion";

/// What becomes of deletes and of the tombstones after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletes {
    /// Both go.
    Drop,
    /// The delete becomes a null value, which keeps its schema; the tombstone goes.
    Tombstone,
    /// The delete becomes the old row, marked as deleted; the tombstone goes.
    Rewrite,
    /// The delete becomes the old row, marked as deleted; the tombstone stays.
    RewriteWithTombstone,
    /// The delete becomes a tombstone; the tombstone goes.
    DeleteToTombstone,
}

const DELETES: [(&str, Deletes); 5] = [
    ("drop", Deletes::Drop),
    ("tombstone", Deletes::Tombstone),
    ("rewrite", Deletes::Rewrite),
    ("rewrite-with-tombstone", Deletes::RewriteWithTombstone),
    ("delete-to-tombstone", Deletes::DeleteToTombstone),
];

/// The transform.
#[derive(Debug)]
pub(crate) struct ExtractNewRecordState {
    deletes: Deletes,
    replace_null: bool,
    route_by: Option<String>,
    fields: Vec<Reference>,
    headers: Vec<Reference>,
    drop: DropFields,
    shared: SharedHeaders,
    header_schemas: SchemaCache<usize>,
    marked: SchemaCache<()>,
    schemas: SchemaCache<SchemaKey>,
}

impl ExtractNewRecordState {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        let mode = "delete.tombstone.handling.mode";
        Self {
            deletes: options.one_of(mode, &DELETES, Deletes::Tombstone),
            replace_null: options.bool_or("replace.null.with.default", true),
            route_by: options
                .raw("route.by.field")
                .filter(|name| !name.is_empty()),
            fields: Reference::list(options, "add.fields"),
            headers: Reference::list(options, "add.headers"),
            drop: DropFields::build(options),
            shared: SharedHeaders::default(),
            header_schemas: SchemaCache::default(),
            marked: SchemaCache::default(),
            schemas: SchemaCache::default(),
        }
    }

    fn add_headers(&mut self, record: &mut DataRecord) -> Result<(), TransformError> {
        let mut added = Vec::with_capacity(self.headers.len());
        for (place, reference) in self.headers.iter().enumerate() {
            let (schema, value) = match &record.value {
                Value::Struct(event) if reference.find(event.schema())?.is_some() => {
                    let make = |schema: &_| {
                        let schema = reference.schema(schema)?;
                        schema.ok_or_else(|| no_field(&reference.name))
                    };
                    let schema = self
                        .header_schemas
                        .get_or_make(event.schema(), place, make)?;
                    (schema, reference.value(event))
                }
                Value::Null if reference.is_operation() => {
                    (Arc::new(Schema::new(Kind::String)), Value::from("d"))
                }
                Value::Null | Value::Struct(_) => continue,
                other => return Err(not_struct(other, PURPOSE)),
            };
            added.push(Header {
                name: Arc::clone(&reference.name),
                schema: Some(schema),
                value,
            });
        }
        self.shared.add(record, added);
        Ok(())
    }

    /// Makes a delete of what the mode says. `None` drops it.
    fn delete(
        &mut self,
        mut record: DataRecord,
        event: Struct,
    ) -> Result<Option<DataRecord>, TransformError> {
        let route = match &self.route_by {
            Some(field) => {
                let before = event.get_without_default("before");
                let before = before.and_then(Value::as_struct);
                let topic = before.map(|before| get_string(before, field)).transpose()?;
                topic.flatten().map(str::to_owned)
            }
            None => None,
        };
        match self.deletes {
            Deletes::Drop => return Ok(None),
            Deletes::Tombstone => {
                let schema = event.schema().field("after");
                record.value_schema = schema.cloned();
                record.value = Value::Null;
            }
            Deletes::DeleteToTombstone => {
                record.value_schema = None;
                record.value = Value::Null;
            }
            Deletes::Rewrite | Deletes::RewriteWithTombstone => {
                let added = self.added(&event)?;
                let row = self.row(event, "before", Some("true"))?;
                set_value(&mut record, row);
                set_topic(&mut record, route);
                self.drop.apply(&mut record)?;
                return self.add_fields(record, added).map(Some);
            }
        }
        set_topic(&mut record, route);
        self.drop.apply(&mut record)?;
        Ok(Some(record))
    }

    /// Makes a row of an insert, an update or a read.
    fn change(
        &mut self,
        mut record: DataRecord,
        event: Struct,
    ) -> Result<DataRecord, TransformError> {
        let rewrite = matches!(
            self.deletes,
            Deletes::Rewrite | Deletes::RewriteWithTombstone
        );
        let added = self.added(&event)?;
        let row = self.row(event, "after", rewrite.then_some("false"))?;
        let route = match &self.route_by {
            Some(field) => get_string(&row, field)?.map(str::to_owned),
            None => None,
        };
        set_value(&mut record, row);
        set_topic(&mut record, route);
        let mut record = self.add_fields(record, added)?;
        self.drop.apply(&mut record)?;
        Ok(record)
    }

    /// The row of one side of the event, with `__deleted` if it is given.
    fn row(
        &mut self,
        event: Struct,
        side: &str,
        deleted: Option<&str>,
    ) -> Result<Struct, TransformError> {
        let Value::Struct(row) = take(event, side) else {
            return Err(not_struct(&Value::Null, PURPOSE));
        };
        let Some(deleted) = deleted else {
            return Ok(row);
        };
        let schema = self.marked.get_or_make(row.schema(), (), |schema| {
            let text = Schema::new(Kind::String).optional();
            extended(schema, [Field::new("__deleted", text)])
        })?;
        let mut values = match self.replace_null {
            true => values_with_defaults(row),
            false => row.into_values(),
        };
        values.push(deleted.into());
        filled(schema, values)
    }

    /// The schemas and values of the fields to add, from the event.
    fn added(&self, event: &Struct) -> Result<Added, TransformError> {
        let mut values = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            if field.find(event.schema())?.is_some() {
                values.push(field.value(event));
            }
        }
        Ok(Added {
            envelope: Arc::clone(event.schema()),
            values,
        })
    }

    /// Adds the fields. Even none makes a new schema: one without `optional` and default.
    fn add_fields(
        &mut self,
        mut record: DataRecord,
        added: Added,
    ) -> Result<DataRecord, TransformError> {
        let row = match mem::take(&mut record.value) {
            Value::Struct(row) => row,
            Value::Null => return Ok(record),
            other => return Err(not_struct(&other, PURPOSE)),
        };
        let references = &self.fields;
        let key = SchemaKey(Arc::clone(&added.envelope));
        let schema = self.schemas.get_or_make(row.schema(), key, |schema| {
            let mut more = Vec::with_capacity(references.len());
            for reference in references {
                if let Some(schema) = reference.schema(&added.envelope)? {
                    more.push(Field::new(Arc::clone(&reference.name), schema));
                }
            }
            extended(schema, more)
        })?;
        let mut values = row.into_values();
        values.extend(added.values);
        set_value(&mut record, filled(schema, values)?);
        Ok(record)
    }
}

/// What is added to a row.
struct Added {
    envelope: Arc<Schema>,
    values: Vec<Value>,
}

impl Transform for ExtractNewRecordState {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        self.shared.inherit(&mut record);
        let tombstone = record.value.is_null();
        let envelope = is_envelope(&record);
        if (envelope || tombstone) && !self.headers.is_empty() {
            self.add_headers(&mut record)?;
        }
        if tombstone {
            let kept = self.deletes == Deletes::RewriteWithTombstone;
            return Ok(kept.then_some(record));
        }
        if !envelope {
            return Ok(Some(record));
        }
        let event = match mem::take(&mut record.value) {
            Value::Struct(event) => event,
            other => return Err(not_struct(&other, "field extraction")),
        };
        let is_null = |side| match event.get(side) {
            Some(value) => Ok(value.is_null()),
            None => Err(TransformError(format!("Unknown field: {side}"))),
        };
        match (is_null("after")?, is_null("before")?) {
            (true, true) => Ok(None),
            (true, false) => self.delete(record, event),
            (false, _) => self.change(record, event).map(Some),
        }
    }
}

/// A field's value, and nothing else of the struct.
fn take(from: Struct, name: &str) -> Value {
    let position = from.schema().position(name);
    let mut values = from.into_values();
    let value = position.and_then(|position| values.get_mut(position));
    value.map(mem::take).unwrap_or_default()
}

fn set_value(record: &mut DataRecord, value: Struct) {
    record.value_schema = Some(Arc::clone(value.schema()));
    record.value = Value::Struct(value);
}

fn set_topic(record: &mut DataRecord, topic: Option<String>) {
    if let Some(topic) = topic.filter(|topic| !topic.trim().is_empty()) {
        record.topic = topic.into();
    }
}

#[cfg(test)]
#[path = "unwrap_tests.rs"]
mod tests;
