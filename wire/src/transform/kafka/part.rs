//! What Kafka's transforms share: one half of a record, its requirements, and schemas made once.
//!
//! Enters a record or a schema, leaves its half, a checked value or Kafka's error.

use std::collections::HashMap;
use std::sync::Arc;

use crate::data::{DATE, DECIMAL, DataRecord, Field, Kind, Schema, Struct, TIME, TIMESTAMP, Value};
use crate::transform::{Half, Options, TransformError};

/// The schema of a half.
pub(super) const fn schema(half: Half, record: &DataRecord) -> Option<&Arc<Schema>> {
    match half {
        Half::Key => record.key_schema.as_ref(),
        Half::Value => record.value_schema.as_ref(),
    }
}

/// The value of a half.
pub(super) const fn value(half: Half, record: &DataRecord) -> &Value {
    match half {
        Half::Key => &record.key,
        Half::Value => &record.value,
    }
}

/// Takes a half's value out of the record.
pub(super) fn take(half: Half, record: &mut DataRecord) -> Value {
    match half {
        Half::Key => std::mem::take(&mut record.key),
        Half::Value => std::mem::take(&mut record.value),
    }
}

/// Takes a half's struct out; anything else is an error.
pub(super) fn take_struct(
    half: Half,
    record: &mut DataRecord,
    purpose: &str,
) -> Result<Struct, TransformError> {
    let value = take(half, record);
    require_struct(schema(half, record), value, purpose)
}

/// Gives a half another schema and value.
pub(super) fn put(half: Half, record: &mut DataRecord, schema: Option<Arc<Schema>>, value: Value) {
    match half {
        Half::Key => (record.key_schema, record.key) = (schema, value),
        Half::Value => (record.value_schema, record.value) = (schema, value),
    }
}

/// The struct, or the error that it is none.
pub(super) fn require_struct(
    schema: Option<&Arc<Schema>>,
    value: Value,
    purpose: &str,
) -> Result<Struct, TransformError> {
    match (schema, value) {
        (Some(_), Value::Struct(inner)) => Ok(inner),
        (None, value) => Err(schemaless(&value, purpose)),
        (schema, value) => {
            let found = class(schema.map(AsRef::as_ref), &value);
            Err(TransformError::new(format!(
                "Only Struct objects supported for [{purpose}], found: {found}"
            )))
        }
    }
}

/// The error of a value without a schema: Kafka takes maps only, this engine never makes any.
pub(super) fn schemaless(value: &Value, purpose: &str) -> TransformError {
    let found = class(None, value);
    TransformError::new(match value {
        Value::Map(_) => format!("Map objects without a schema are not supported for [{purpose}]"),
        _ => format!(
            "Only Map objects supported in absence of schema for [{purpose}], found: {found}"
        ),
    })
}

/// The name of the Java class that holds a value of this schema.
pub(super) fn class(schema: Option<&Schema>, value: &Value) -> &'static str {
    match (value, schema.map_or("", Schema::logical)) {
        (Value::Null, _) => "null",
        (Value::Int32(_), DATE | TIME) | (Value::Int64(_), TIMESTAMP) => "java.util.Date",
        (Value::Bytes(_), DECIMAL) => "java.math.BigDecimal",
        (Value::Boolean(_), _) => "java.lang.Boolean",
        (Value::Int8(_), _) => "java.lang.Byte",
        (Value::Int16(_), _) => "java.lang.Short",
        (Value::Int32(_), _) => "java.lang.Integer",
        (Value::Int64(_), _) => "java.lang.Long",
        (Value::Float32(_), _) => "java.lang.Float",
        (Value::Float64(_), _) => "java.lang.Double",
        (Value::String(_), _) => "java.lang.String",
        (Value::Bytes(_), _) => "java.nio.HeapByteBuffer",
        (Value::Array(_), _) => "java.util.ArrayList",
        (Value::Map(_), _) => "java.util.HashMap",
        (Value::Struct(_), _) => "org.apache.kafka.connect.data.Struct",
    }
}

/// A value that may stand in a field: null only where the schema allows it.
pub(super) fn checked(field: &Field, value: Value) -> Result<Value, TransformError> {
    if value.is_null() && !field.schema.optional {
        return Err(TransformError::new(format!(
            "Invalid value: null used for required field: \"{}\", schema type: {}",
            field.name,
            field.schema.type_name()
        )));
    }
    Ok(value)
}

/// A field's value, the default in place of null if that is wanted.
pub(super) fn or_default(schema: &Schema, value: Value, with_default: bool) -> Value {
    match (&value, &schema.default) {
        (Value::Null, Some(default)) if with_default => default.clone(),
        _ => value,
    }
}

/// A struct's fields in order, each as `Struct.put` would take it.
pub(super) fn values(
    from: Struct,
    with_default: bool,
) -> Result<(Arc<Schema>, Vec<Value>), TransformError> {
    let schema = Arc::clone(from.schema());
    let mut values = from.into_values();
    for (field, value) in schema.fields().iter().zip(&mut values) {
        if value.is_null() {
            *value = checked(field, or_default(&field.schema, Value::Null, with_default))?;
        }
    }
    Ok((schema, values))
}

/// Name, version, documentation and parameters of a schema on another kind: required, no default.
pub(super) fn copy_basics(source: &Schema, kind: Kind) -> Schema {
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

/// A struct schema of fields that have a name each, and each another one.
pub(super) fn struct_kind(fields: Vec<Field>) -> Result<Kind, TransformError> {
    let mut names = std::collections::HashSet::new();
    for field in &fields {
        if field.name.is_empty() {
            return Err(TransformError::new("fieldName cannot be null."));
        }
        if !names.insert(&*field.name) {
            return Err(TransformError::new(format!(
                "Cannot create field because of field name duplication {}",
                field.name
            )));
        }
    }
    Ok(Kind::Struct(fields))
}

/// `replace.null.with.default`, which most transforms have.
pub(super) fn replace_null(options: &mut Options) -> bool {
    options.bool_or("replace.null.with.default", true)
}

/// A list that must be given and have elements.
pub(super) fn non_empty_list(options: &mut Options, option: &str) -> Vec<String> {
    let given = options.raw(option).is_some();
    let list = options.list(option);
    if !given {
        options.required(option);
    } else if list.is_empty() {
        options.invalid(option, "[]", "Empty list");
    }
    list
}

/// One of several words, exactly as written; the first after noting that it is none of them.
pub(super) fn word<T: Copy>(
    options: &mut Options,
    option: &str,
    words: &[(&str, T)],
    default: Option<T>,
) -> Option<T> {
    let text = match (options.raw(option), default) {
        (Some(text), _) => text.trim().to_owned(),
        (None, Some(default)) => return Some(default),
        (None, None) => {
            options.required(option);
            return None;
        }
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let why = format!("String must be one of: {}", allowed.join(", "));
    options.invalid(option, &text, why);
    None
}

/// What was made of schemas that came before.
#[derive(Debug)]
pub(super) struct Cache<T> {
    /// By the schema's address; the schema is kept so that no other one gets its address.
    made: HashMap<usize, (Arc<Schema>, T)>,
}

/// More schemas than a chain sees at once.
const CACHED: usize = 4_096;

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            made: HashMap::new(),
        }
    }
}

impl<T: Clone> Cache<T> {
    /// What was made of `schema`, or what `make` makes of it now.
    pub(super) fn get(
        &mut self,
        schema: &Arc<Schema>,
        make: impl FnOnce(&Schema) -> Result<T, TransformError>,
    ) -> Result<T, TransformError> {
        let address = Arc::as_ptr(schema).addr();
        if let Some((_, made)) = self.made.get(&address) {
            return Ok(made.clone());
        }
        let made = make(schema)?;
        if self.made.len() >= CACHED {
            self.made.clear();
        }
        self.made
            .insert(address, (Arc::clone(schema), made.clone()));
        Ok(made)
    }
}
