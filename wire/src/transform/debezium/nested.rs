//! Fields added to a struct by their paths, as Debezium's `ConnectRecordUtil` adds them.
//!
//! The way it finds parents is Debezium's to the letter, because its results are the contract.

use std::sync::Arc;

use super::super::TransformError;
use super::support::{add_field, basics, check_put, no_field, require_struct};
use crate::data::{Field, Kind, Schema, Struct, Value};

/// A value to be added.
#[derive(Debug)]
pub(super) struct Entry<'r> {
    /// The names of the structs on the way and of the field.
    pub(super) path: Vec<&'r str>,
    /// The value's schema.
    pub(super) schema: Option<Arc<Schema>>,
    /// The value.
    pub(super) value: &'r Value,
}

/// Where in the tree of structs a function is.
#[derive(Clone, Copy)]
struct Place<'n> {
    name: &'n str,
    level: usize,
}

const ROOT: Place<'static> = Place {
    name: "payload",
    level: 0,
};

impl Entry<'_> {
    fn is_nested(&self) -> bool {
        self.path.len() > 1
    }

    /// The field's name, if it belongs to the struct of that place.
    fn name_at(&self, place: Place<'_>) -> Option<&str> {
        if self.path.len() == 1 && place.name == ROOT.name {
            return self.path.first().copied();
        }
        let parent = self.path.get(place.level.saturating_sub(1))?;
        let own = self.path.len() == place.level + 1 && *parent == place.name;
        self.path.get(place.level).filter(|_| own).copied()
    }

    /// The field's name, if it belongs to a new struct in the struct of that place. Debezium only
    /// fills those of the root.
    fn name_in(&self, parent: &str, place: Place<'_>) -> Option<&str> {
        let of_root = place.level == 0 && place.name == ROOT.name;
        let first = self.path.first().filter(|first| **first == parent);
        self.path
            .get(1)
            .filter(|_| of_root && first.is_some())
            .copied()
    }

    /// The struct on the way that belongs into the struct of that place.
    fn parent_at(&self, place: Place<'_>) -> Option<&str> {
        let here = match place.level.checked_sub(1) {
            None => place.name == ROOT.name,
            Some(above) => self.path.get(above).is_some_and(|name| *name == place.name),
        };
        let on_the_way = place.level + 1 < self.path.len();
        self.path
            .get(place.level)
            .filter(|_| here && on_the_way)
            .copied()
    }
}

/// The schema with the entries' fields.
pub(super) fn updated_schema(
    old: &Schema,
    entries: &[Entry<'_>],
) -> Result<Schema, TransformError> {
    for entry in entries.iter().filter(|entry| entry.is_nested()) {
        check_parents(old, entry)?;
    }
    schema_at(ROOT, old, entries)
}

/// The struct with the entries' fields.
pub(super) fn updated_value(
    old: &Struct,
    entries: &[Entry<'_>],
    schema: &Arc<Schema>,
) -> Result<Struct, TransformError> {
    value_at(ROOT, old, entries, schema)
}

fn check_parents(old: &Schema, entry: &Entry<'_>) -> Result<(), TransformError> {
    let mut schema = old;
    let parents = entry.path.iter().take(entry.path.len().saturating_sub(1));
    for parent in parents {
        if !schema.is_struct() {
            let text = "Cannot look up fields on non-struct type";
            return Err(TransformError::new(text));
        }
        let Some(next) = schema.field(parent) else {
            return Ok(());
        };
        if !matches!(next.kind, Kind::Struct(_) | Kind::Array(_) | Kind::Map(..)) {
            return Err(TransformError(format!(
                "Field '{parent}' is a primitive type, not a struct. Cannot add nested field '{}'.",
                entry.path.join(".")
            )));
        }
        schema = next;
    }
    Ok(())
}

/// Whether a field may be on the way to an entry.
fn is_on_the_way(field: &str, entries: &[Entry<'_>]) -> bool {
    let start = format!("{field}.");
    let mut nested = entries.iter().filter(|entry| entry.is_nested());
    nested.any(|entry| entry.path.join(".").contains(&start))
}

/// The structs that are new in the struct of that place.
fn new_parents<'e>(place: Place<'_>, old: &Schema, entries: &'e [Entry<'_>]) -> Vec<&'e str> {
    let mut parents = Vec::new();
    for parent in entries.iter().filter_map(|entry| entry.parent_at(place)) {
        if old.field(parent).is_none() && !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    parents
}

fn schema_at(
    place: Place<'_>,
    old: &Schema,
    entries: &[Entry<'_>],
) -> Result<Schema, TransformError> {
    let old_fields = match &old.kind {
        Kind::Struct(fields) => fields,
        Kind::Array(_) | Kind::Map(..) => {
            return Err(TransformError::new("Cannot list fields on non-struct type"));
        }
        _ => return Ok(old.clone()),
    };
    let mut fields = Vec::with_capacity(old_fields.len() + entries.len());
    for field in old_fields {
        if !is_on_the_way(&field.name, entries) {
            fields.push(field.clone());
            continue;
        }
        let inner = Place {
            name: &field.name,
            level: place.level + 1,
        };
        let schema = schema_at(inner, &field.schema, entries)?;
        fields.push(Field::new(Arc::clone(&field.name), schema));
    }
    for entry in entries {
        let name = entry.name_at(place);
        let is_new = |name: &&str| !fields.iter().any(|field| *field.name == **name);
        if let Some(name) = name.filter(is_new) {
            add_field(&mut fields, entry_field(name, entry)?)?;
        }
    }
    for parent in new_parents(place, old, entries) {
        let mut inner = Vec::new();
        for entry in entries {
            if let Some(name) = entry.name_in(parent, place) {
                add_field(&mut inner, entry_field(name, entry)?)?;
            }
        }
        let schema = Schema::new(Kind::Struct(inner)).optional();
        add_field(&mut fields, Field::new(parent, schema))?;
    }
    Ok(basics(old, Kind::Struct(fields)))
}

fn entry_field(name: &str, entry: &Entry<'_>) -> Result<Field, TransformError> {
    let schema = entry
        .schema
        .clone()
        .ok_or_else(|| TransformError(format!("fieldSchema for field {name} cannot be null.")))?;
    Ok(Field::new(name, schema))
}

fn value_at(
    place: Place<'_>,
    old: &Struct,
    entries: &[Entry<'_>],
    schema: &Arc<Schema>,
) -> Result<Struct, TransformError> {
    let mut new = Struct::new(Arc::clone(schema));
    for field in old.schema().fields() {
        let value = old.get(&field.name).filter(|value| !value.is_null());
        let Some(value) = value else {
            continue;
        };
        if !is_on_the_way(&field.name, entries) {
            put(&mut new, &field.name, value.clone())?;
            continue;
        }
        let inner = Place {
            name: &field.name,
            level: place.level + 1,
        };
        let nested = require_struct(value, "Nested field")?;
        let schema = schema.field(&field.name);
        let schema = schema.ok_or_else(|| no_field(&field.name))?;
        let value = value_at(inner, nested, entries, schema)?;
        put(&mut new, &field.name, Value::Struct(value))?;
    }
    for entry in entries {
        if let Some(name) = entry.name_at(place) {
            put(&mut new, name, entry.value.clone())?;
        }
    }
    for parent in new_parents(place, old.schema(), entries) {
        let Some(schema) = schema.field(parent) else {
            continue;
        };
        let mut inner = Struct::new(Arc::clone(schema));
        for entry in entries {
            if let Some(name) = entry.name_in(parent, place) {
                put(&mut inner, name, entry.value.clone())?;
            }
        }
        put(&mut new, parent, Value::Struct(inner))?;
    }
    Ok(new)
}

fn put(into: &mut Struct, name: &str, value: Value) -> Result<(), TransformError> {
    let fields = into.schema().fields();
    let field = fields.iter().find(|field| *field.name == *name);
    check_put(field.ok_or_else(|| no_field(name))?, &value)?;
    into.set(name, value);
    Ok(())
}
