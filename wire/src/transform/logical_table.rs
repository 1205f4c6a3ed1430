//! `io.debezium.transforms.ByLogicalTableRouter`: several tables into one topic.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Options, Transform, TransformError, envelope};
use crate::data::{DataRecord, Field, Kind, Schema, Struct, Value};
use crate::modes::NameAdjustment;
use crate::plan::names::{self, NameOf};
use crate::route::{ByLogicalTableRouter, RegexRouter};

/// Schemas that are kept: by address, and held.
type Renamed = HashMap<(usize, Arc<str>), (Arc<Schema>, Arc<Schema>)>;

/// How many schemas are kept; tables have one each.
const SCHEMAS_MAX: usize = 10_000;

/// The transform, configured.
#[derive(Debug)]
pub(crate) struct LogicalTable {
    router: Option<ByLogicalTableRouter>,
    names: NameAdjustment,
    keys: Renamed,
    envelopes: Renamed,
}

impl LogicalTable {
    pub(crate) fn build(options: &mut Options) -> Self {
        options.ignore(&["logical.table.cache.size"]);
        let modes = [
            ("none", NameAdjustment::None),
            ("avro", NameAdjustment::Avro),
            ("avro_unicode", NameAdjustment::AvroUnicode),
        ];
        Self {
            names: options.one_of("schema.name.adjustment.mode", &modes, NameAdjustment::None),
            router: read(options),
            keys: Renamed::new(),
            envelopes: Renamed::new(),
        }
    }
}

/// The router's options, as the connector's own topic naming has them too.
pub(crate) fn read(options: &mut Options) -> Option<ByLogicalTableRouter> {
    let regex = options.required("topic.regex");
    let replacement = options.required("topic.replacement");
    let topic = compile(options, "topic.regex", &regex, &replacement);
    let key_field = match options.text("key.field.regex") {
        Some(regex) => {
            let replacement = options.required("key.field.replacement");
            Some(compile(options, "key.field.regex", &regex, &replacement)?)
        }
        None => {
            options.ignore(&["key.field.replacement"]);
            None
        }
    };
    Some(ByLogicalTableRouter {
        topic: topic?,
        key_enforce_uniqueness: options.bool_or("key.enforce.uniqueness", true),
        key_field_name: options.text_or("key.field.name", "__dbz__physicalTableIdentifier"),
        key_field,
    })
}

fn compile(
    options: &mut Options,
    option: &str,
    regex: &str,
    replacement: &str,
) -> Option<RegexRouter> {
    match RegexRouter::new(regex, replacement) {
        Ok(router) => Some(router),
        Err(error) => {
            options.invalid(option, regex, error);
            None
        }
    }
}

impl Transform for LogicalTable {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let Some(router) = &self.router else {
            return Ok(Some(record));
        };
        let topic = router.topic.route(&record.topic);
        let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
            return Ok(Some(record));
        };
        let topic: Arc<str> = topic.into();
        let old_topic = std::mem::replace(&mut record.topic, Arc::clone(&topic));
        match std::mem::take(&mut record.key) {
            Value::Null => record.key_schema = None,
            Value::Struct(key) => {
                let extra = router.key_field(&old_topic);
                let name = extra.as_ref().map(|field| field.name.as_str());
                let make = |schema: &Schema| key_schema(schema, name, &topic, self.names);
                let schema = renamed(&mut self.keys, key.schema(), &topic, make);
                let mut values = key.into_values();
                values.extend(extra.map(|field| Value::String(field.value)));
                record.key_schema = Some(Arc::clone(&schema));
                record.key = Value::Struct(Struct::of(schema, values));
            }
            _ => {
                return Err(TransformError::new(
                    "Only Struct objects supported for [Updating schema], found a key of another type",
                ));
            }
        }
        if envelope::of(&record).is_none() {
            return Ok(Some(record));
        }
        if let Value::Struct(old) = std::mem::take(&mut record.value) {
            let make = |schema: &Schema| envelope_schema(schema, &topic, self.names);
            let schema = renamed(&mut self.envelopes, old.schema(), &topic, make);
            record.value = Value::Struct(rename_rows(old, &schema));
            record.value_schema = Some(schema);
        }
        Ok(Some(record))
    }
}

fn renamed(
    known: &mut Renamed,
    schema: &Arc<Schema>,
    topic: &Arc<str>,
    make: impl FnOnce(&Schema) -> Schema,
) -> Arc<Schema> {
    let key = (Arc::as_ptr(schema).addr(), Arc::clone(topic));
    if let Some((_, new)) = known.get(&key) {
        return Arc::clone(new);
    }
    if known.len() >= SCHEMAS_MAX {
        known.clear();
    }
    let new = Arc::new(make(schema));
    known.insert(key, (Arc::clone(schema), Arc::clone(&new)));
    new
}

fn named(topic: &str, suffix: &str, mode: NameAdjustment) -> Option<Arc<str>> {
    Some(names::adjust(&format!("{topic}.{suffix}"), NameOf::Schema, mode).into())
}

fn key_schema(old: &Schema, extra: Option<&str>, topic: &str, mode: NameAdjustment) -> Schema {
    let mut fields = old.fields().to_vec();
    fields.extend(extra.map(|name| Field::new(name, Schema::new(Kind::String))));
    Schema {
        kind: Kind::Struct(fields),
        name: named(topic, "Key", mode),
        ..old.clone()
    }
}

fn envelope_schema(old: &Schema, topic: &str, mode: NameAdjustment) -> Schema {
    let row = old.field("before").or_else(|| old.field("after"));
    let row = row.map(|row| {
        Arc::new(Schema {
            name: named(topic, "Value", mode),
            ..(**row).clone()
        })
    });
    let field = |field: &Field| match &row {
        Some(row) if matches!(&*field.name, "before" | "after") => {
            Field::new(Arc::clone(&field.name), Arc::clone(row))
        }
        _ => field.clone(),
    };
    Schema {
        kind: Kind::Struct(old.fields().iter().map(field).collect()),
        name: named(topic, "Envelope", mode),
        ..old.clone()
    }
}

/// Gives the rows in an envelope the schema that they have in the new one.
fn rename_rows(old: Struct, schema: &Arc<Schema>) -> Struct {
    let values = old.into_values().into_iter().zip(schema.fields());
    let values = values.map(|(value, field)| match value {
        Value::Struct(row) if matches!(&*field.name, "before" | "after") => {
            Value::Struct(Struct::of(Arc::clone(&field.schema), row.into_values()))
        }
        other => other,
    });
    Struct::of(Arc::clone(schema), values.collect())
}
