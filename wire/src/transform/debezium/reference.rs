//! References to parts of a change event, as `add.fields` and `add.headers` list them.

use std::sync::Arc;

use super::super::{Options, TransformError};
use super::support::basics;
use crate::data::{Kind, Schema, Struct, Value};

/// One part of an envelope and the name it gets: `op`, `source.ts_ms`, `op:OPERATION`.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    parent: Option<String>,
    field: String,
    /// The name of the new field or header.
    pub(super) name: Arc<str>,
}

impl Reference {
    /// All references of an option; the new names begin with what the option `<name>.prefix` says.
    pub(super) fn list(options: &mut Options, name: &str) -> Vec<Self> {
        let prefix = options.raw(&format!("{name}.prefix"));
        let prefix = prefix.unwrap_or_else(|| "__".to_owned());
        let text = options.raw(name).unwrap_or_default();
        if text.is_empty() {
            return Vec::new();
        }
        let items = text.trim_end_matches(',').split(',').map(str::trim);
        let parsed = items.map(|item| Self::parse(&prefix, item).ok_or(item));
        let mut references = Vec::new();
        for reference in parsed {
            match reference {
                Ok(reference) => references.push(reference),
                Err(item) => options.problem(
                    name,
                    format!(
                        "Unexpected field name: {item}. Write a field (op), a struct and a field \
                         (source.ts_ms), or either with a new name after one colon (op:OPERATION)"
                    ),
                ),
            }
        }
        references
    }

    fn parse(prefix: &str, item: &str) -> Option<Self> {
        let (path, renamed) = match java_split(item, ':').as_slice() {
            [path] => (*path, None),
            [path, renamed] => (*path, Some(*renamed)),
            _ => return None,
        };
        let (parent, field, qualified) = match java_split(path, '.').as_slice() {
            [] => return None,
            [field] => (home_of(field), *field, false),
            [parent, field, ..] => (Some((*parent).to_owned()), *field, true),
        };
        let name = match (renamed, &parent) {
            (Some(renamed), _) => format!("{prefix}{renamed}"),
            (None, Some(parent)) if qualified => format!("{prefix}{parent}_{field}"),
            (None, _) => format!("{prefix}{field}"),
        };
        Some(Self {
            parent,
            field: field.to_owned(),
            name: name.into(),
        })
    }

    /// Whether it is the operation.
    pub(super) fn is_operation(&self) -> bool {
        self.field == "op"
    }

    /// The schema of the new field; `None` if the event has no such part.
    pub(super) fn schema(&self, envelope: &Schema) -> Result<Option<Schema>, TransformError> {
        let found = self.find(envelope)?;
        Ok(found.map(|schema| copied(schema).optional()))
    }

    /// The schema of the part; `None` if the event has no such part.
    pub(super) fn find<'s>(
        &self,
        envelope: &'s Schema,
    ) -> Result<Option<&'s Schema>, TransformError> {
        let home = match &self.parent {
            None => envelope,
            Some(parent) => self.parent_schema(envelope, parent)?,
        };
        let found = home.field(&self.field);
        let found = found.or_else(|| envelope.field(&self.field));
        Ok(found.map(AsRef::as_ref))
    }

    fn parent_schema<'s>(
        &self,
        envelope: &'s Schema,
        parent: &str,
    ) -> Result<&'s Schema, TransformError> {
        let schema = envelope.field(parent).ok_or_else(|| {
            TransformError(format!(
                "`{parent}.{}` cannot be added: change events have no `{parent}`. Use before, \
                 after, source or transaction",
                self.field
            ))
        })?;
        if schema.is_struct() {
            return Ok(schema);
        }
        let text = "Cannot look up fields on non-struct type";
        Err(TransformError::new(text))
    }

    /// The part's value, without defaults.
    pub(super) fn value(&self, envelope: &Struct) -> Value {
        let parent = match &self.parent {
            None => Some(envelope),
            Some(parent) => {
                let parent = envelope.get_without_default(parent);
                parent.and_then(Value::as_struct)
            }
        };
        let found = parent.and_then(|parent| {
            let own = parent.get_without_default(&self.field);
            own.or_else(|| envelope.get_without_default(&self.field))
        });
        found.cloned().unwrap_or_default()
    }
}

/// Connect's `copySchemaBasics` without a builder: a struct loses its fields.
fn copied(schema: &Schema) -> Schema {
    let kind = match &schema.kind {
        Kind::Struct(_) => Kind::Struct(Vec::new()),
        kind => kind.clone(),
    };
    basics(schema, kind)
}

/// Where a field without a struct before it lives.
fn home_of(field: &str) -> Option<String> {
    let home = match field {
        "id" | "data_collection_order" | "total_order" => "transaction",
        "op" | "ts_ms" | "ts_us" | "ts_ns" => return None,
        "updateDescription" => "updateDescription",
        _ => "source",
    };
    Some(home.to_owned())
}

/// Java's `split`: empty parts at the end do not count.
fn java_split(text: &str, separator: char) -> Vec<&str> {
    let mut parts: Vec<_> = text.split(separator).collect();
    if parts.len() > 1 {
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
    }
    parts
}
