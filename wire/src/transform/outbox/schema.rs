//! Schemas of events that are envelopes, made once for each payload schema and route.

use std::collections::HashMap;
use std::sync::Arc;

use crate::data::{Field, Kind, Schema};

/// How many schemas are kept, as in Debezium.
const SCHEMAS_MAX: usize = 10_000;

/// What Debezium keeps: by the payload's schema, or by the version when a column names one. The
/// first route's name stays in the schema's name; a drop-in repeats that.
#[derive(Debug, Default)]
pub(super) struct ValueSchemas {
    by_payload: HashMap<usize, (Arc<Schema>, Arc<Schema>)>,
    by_version: HashMap<i32, Arc<Schema>>,
}

impl ValueSchemas {
    /// The schema of an event with `fields`, the first of which is the payload.
    pub(super) fn get(
        &mut self,
        row: &Schema,
        route: &str,
        version: Option<i32>,
        fields: Vec<Field>,
    ) -> Arc<Schema> {
        if let Some(version) = version {
            let make = || Arc::new(make(row, route, fields).versioned(version));
            return Arc::clone(self.by_version.entry(version).or_insert_with(make));
        }
        let Some(payload) = fields.first().map(|field| Arc::clone(&field.schema)) else {
            return Arc::new(make(row, route, fields));
        };
        let equal = self.by_payload.get(&Arc::as_ptr(&payload).addr());
        if let Some((_, schema)) = equal {
            return Arc::clone(schema);
        }
        // Expanded payloads have a new schema each time, often one that is known.
        let known = self
            .by_payload
            .values()
            .find(|(known, _)| *known == payload);
        if let Some((_, schema)) = known {
            return Arc::clone(schema);
        }
        if self.by_payload.len() >= SCHEMAS_MAX {
            self.by_payload.clear();
        }
        let schema = Arc::new(make(row, route, fields));
        let entry = (Arc::clone(&payload), Arc::clone(&schema));
        self.by_payload.insert(Arc::as_ptr(&payload).addr(), entry);
        schema
    }
}

fn make(row: &Schema, route: &str, fields: Vec<Field>) -> Schema {
    let name = match row.name.as_deref() {
        None => route.to_owned(),
        Some(name) => match name.rsplit_once('.') {
            Some((head, tail)) => format!("{head}.{route}.{tail}"),
            None => format!("{route}.{name}"),
        },
    };
    Schema::new(Kind::Struct(fields)).named(&name)
}
