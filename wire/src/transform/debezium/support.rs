//! What Debezium's transforms share: envelopes, schemas made from others, Connect's checks.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::TransformError;
use crate::data::{DataRecord, Field, Kind, Schema, Struct, Value};

/// How many schemas are remembered by one transform: more than there are tables, as a rule.
const CACHED: usize = 4096;

/// Whether the record's value is a change event, by the name of its schema.
pub(super) fn is_envelope(record: &DataRecord) -> bool {
    let schema = record.value_schema.as_ref();
    schema.is_some_and(|schema| schema.is_envelope())
}

/// The struct, or Connect's complaint that it is none.
pub(super) fn require_struct<'v>(
    value: &'v Value,
    purpose: &str,
) -> Result<&'v Struct, TransformError> {
    value.as_struct().ok_or_else(|| not_struct(value, purpose))
}

/// Connect's complaint about a value that must be a struct.
pub(super) fn not_struct(value: &Value, purpose: &str) -> TransformError {
    TransformError(format!(
        "Only Struct objects supported for [{purpose}], found: {}",
        value.java_class()
    ))
}

/// A field's value with its default, or Connect's complaint that there is no such field.
pub(super) fn get<'s>(from: &'s Struct, name: &str) -> Result<&'s Value, TransformError> {
    from.get(name).ok_or_else(|| no_field(name))
}

/// A text field's value as Connect's `getString` gives it: without the default.
pub(super) fn get_string<'s>(
    from: &'s Struct,
    name: &str,
) -> Result<Option<&'s str>, TransformError> {
    let schema = from.schema().field(name).ok_or_else(|| no_field(name))?;
    if !matches!(schema.kind, Kind::String) {
        return Err(TransformError(format!(
            "Field '{name}' is not of type STRING"
        )));
    }
    Ok(from.get_without_default(name).and_then(Value::as_str))
}

/// Connect's complaint about a name that is not of a field.
pub(super) fn no_field(name: &str) -> TransformError {
    TransformError(format!("{name} is not a valid field name"))
}

/// A schema with the name, version, documentation and parameters of another: Connect's
/// `SchemaUtil.copySchemaBasics`, which makes it required and forgets the default.
pub(in crate::transform) fn basics(source: &Schema, kind: Kind) -> Schema {
    Schema {
        kind,
        optional: false,
        name: source.name.clone(),
        version: source.version,
        doc: source.doc.clone(),
        parameters: source.parameters.clone(),
        default: None,
    }
}

/// A struct's schema with more fields at its end.
pub(super) fn extended(
    source: &Schema,
    more: impl IntoIterator<Item = Field>,
) -> Result<Schema, TransformError> {
    let mut fields = source.fields().to_vec();
    for field in more {
        add_field(&mut fields, field)?;
    }
    Ok(basics(source, Kind::Struct(fields)))
}

/// Adds a field as Connect's `SchemaBuilder` does: no name twice, none without a name.
pub(super) fn add_field(fields: &mut Vec<Field>, field: Field) -> Result<(), TransformError> {
    if field.name.is_empty() {
        return Err(TransformError::new("fieldName cannot be null."));
    }
    if fields.iter().any(|known| known.name == field.name) {
        return Err(TransformError(format!(
            "Cannot create field because of field name duplication {}",
            field.name
        )));
    }
    fields.push(field);
    Ok(())
}

/// Checks a value before it is put into a field, as Connect's `Struct.put` does.
pub(super) fn check_put(field: &Field, value: &Value) -> Result<(), TransformError> {
    match value {
        Value::Null if !field.schema.optional => Err(TransformError(format!(
            "Invalid value: null used for required field: \"{}\", schema type: {}",
            field.name,
            field.schema.type_name()
        ))),
        Value::Struct(inner) if !same(inner.schema(), &field.schema) => {
            Err(TransformError::new("Struct schemas do not match."))
        }
        _ => Ok(()),
    }
}

/// Puts values into a new struct, each checked.
pub(super) fn filled(schema: Arc<Schema>, values: Vec<Value>) -> Result<Struct, TransformError> {
    for (field, value) in schema.fields().iter().zip(&values) {
        check_put(field, value)?;
    }
    Ok(Struct::of(schema, values))
}

/// All values of a struct; those that are null give way to their field's default.
pub(super) fn values_with_defaults(from: Struct) -> Vec<Value> {
    let schema = Arc::clone(from.schema());
    let fields = schema.fields().iter();
    let filled = fields.zip(from.into_values()).map(|(field, value)| {
        let default = field.schema.default.as_ref();
        match (value, default) {
            (Value::Null, Some(default)) => default.clone(),
            (value, _) => value,
        }
    });
    filled.collect()
}

fn same(left: &Arc<Schema>, right: &Arc<Schema>) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

/// Schemas made from others, so that equal records leave with the very same schema.
#[derive(Debug)]
pub(super) struct SchemaCache<K> {
    /// By the address of the schema that they were made from, which is kept alive here.
    made: HashMap<usize, Vec<Made<K>>>,
}

#[derive(Debug)]
struct Made<K> {
    source: Arc<Schema>,
    key: K,
    schema: Arc<Schema>,
}

impl<K> Default for SchemaCache<K> {
    fn default() -> Self {
        Self {
            made: HashMap::new(),
        }
    }
}

impl<K: PartialEq> SchemaCache<K> {
    /// The schema made from `source` and `key`; `make` is asked once.
    pub(super) fn get_or_make(
        &mut self,
        source: &Arc<Schema>,
        key: K,
        make: impl FnOnce(&Schema) -> Result<Schema, TransformError>,
    ) -> Result<Arc<Schema>, TransformError> {
        let address = Arc::as_ptr(source).addr();
        let very_same = self.made.get(&address).into_iter().flatten();
        let mut very_same = very_same.filter(|made| made.key == key);
        if let Some(made) = very_same.next() {
            return Ok(Arc::clone(&made.schema));
        }
        let mut all = self.made.values().flatten();
        let schema = match all.find(|made| made.key == key && made.source == *source) {
            // An equal schema that was made anew for each record is not worth keeping.
            Some(made) => return Ok(Arc::clone(&made.schema)),
            None => Arc::new(make(source)?),
        };
        if self.made.len() >= CACHED {
            self.made.clear();
        }
        self.made.entry(address).or_default().push(Made {
            source: Arc::clone(source),
            key,
            schema: Arc::clone(&schema),
        });
        Ok(schema)
    }
}

/// A schema as part of a cache's key: the very same one is found fast.
#[derive(Debug, Clone)]
pub(super) struct SchemaKey(pub(super) Arc<Schema>);

impl PartialEq for SchemaKey {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}
