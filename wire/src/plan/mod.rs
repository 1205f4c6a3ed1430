//! A relation, compiled: what its rows turn into, decided once.
//!
//! Enters the catalog's facts and the configuration, leaves a [`RelationPlan`]: for each column
//! its codec, its name and what stands for null, as bytes; schema blocks and topics as they go
//! into records. Rows only walk over it.

mod absent;
mod choose;
mod default;
mod length;
mod mapping;
pub(crate) mod names;
mod oid;
mod temporal;

use std::sync::Arc;

use crate::catalog::{Column, Table, TypeKind, Types};
use crate::config::EncoderConfig;
use crate::encoder::PlanError;
use crate::modes::NameAdjustment;
use crate::pipeline;
use crate::route::{self, KeyField};
use crate::schema::{self, Place, Schema, quoted, wrapping};
use crate::value::Codec;
pub(crate) use mapping::Mapping;
use names::NameOf;

/// What one column's values turn into.
#[derive(Debug, Clone)]
pub(crate) struct ColumnPlan {
    /// `"name":`
    pub(crate) label: Vec<u8>,
    pub(crate) codec: Codec,
    /// What a null prints as: null, the default or the type's zero.
    pub(crate) null: Vec<u8>,
    /// What an untouched large value prints as.
    pub(crate) toast: Option<Vec<u8>>,
    /// What is done to its values after they are written.
    pub(crate) mapping: Option<Mapping>,
    /// Whether a null is one in Debezium's record, although it prints as the default.
    pub(crate) prints_default: bool,
}

/// One field of the key.
#[derive(Debug, Clone)]
pub(crate) struct KeyPlan {
    /// Index of its column in the row.
    pub(crate) index: usize,
    pub(crate) column: ColumnPlan,
}

/// A column of an enumeration, with the labels its schema shows.
#[derive(Debug, Clone)]
pub(crate) struct EnumColumn {
    /// Its index in the row.
    pub(crate) index: usize,
    /// OID of the enumeration.
    pub(crate) oid: u32,
    pub(crate) labels: Vec<String>,
}

/// A compiled relation.
#[derive(Debug, Clone)]
pub(crate) struct RelationPlan {
    /// `schema.table`, for errors.
    pub(crate) table_id: String,
    pub(crate) topic: Arc<str>,
    /// One for each column of the row; `None` for one that is left out.
    pub(crate) columns: Vec<Option<ColumnPlan>>,
    /// The columns of enumerations (not of domains over them).
    pub(crate) enums: Vec<EnumColumn>,
    /// In key order.
    pub(crate) key: Vec<KeyPlan>,
    /// How many columns of a row hold all of the key.
    pub(crate) key_reach: usize,
    /// Whether its records have a key: one whose columns are all left out is an empty one.
    pub(crate) has_key: bool,
    /// What comes after the key's columns: a router's field.
    pub(crate) key_extra: Vec<u8>,
    /// What comes before the key's payload: its schema, or nothing.
    pub(crate) key_head: Vec<u8>,
    /// What comes before the envelope's `before`, schema included.
    pub(crate) value_head: Vec<u8>,
    /// `schema` and `table` of the source block.
    pub(crate) source_table: Vec<u8>,
    /// Whether the schemas wrap the payloads, which then want a closing brace.
    pub(crate) key_wrapped: bool,
    pub(crate) value_wrapped: bool,
    /// For a pipeline; empty without one.
    pub(crate) schemas: pipeline::Schemas,
}

/// A field with its schema, before it is rendered.
struct Field {
    plan: ColumnPlan,
    name: String,
    schema: Schema,
    optional: bool,
    default: Option<Vec<u8>>,
}

impl Field {
    fn rendered(&self) -> String {
        let name = quoted(&self.name);
        self.schema.render(Place {
            optional: self.optional,
            default: self.default.as_deref(),
            field: Some(&name),
        })
    }
}

/// Compiles a relation.
pub(crate) fn compile(
    table: &Table,
    types: &Types,
    config: &EncoderConfig,
) -> Result<RelationPlan, PlanError> {
    let table_id = format!("{}.{}", table.schema, table.name);
    let fields: Vec<Option<Field>> = table
        .columns
        .iter()
        .map(|column| {
            let wanted = config
                .filters
                .column(&table.schema, &table.name, &column.name);
            wanted
                .then(|| mapped_field(column, &table_id, types, config))
                .flatten()
        })
        .collect();
    let key_names = config.message_key_columns.names(&table_id, table);
    let key = key_fields(table, &key_names, &table_id, types, config)?;
    let routed = route::table(config, &table.schema, &table.name);
    let schemas = Schemas {
        base: &routed.schema_base,
        mode: config.schema_name_adjustment,
    };
    let has_key = !key_names.is_empty() || routed.key_field_makes_key;
    let key_field = routed.key_field.as_ref().filter(|_| has_key);
    let key_schema = schemas.key(&key, key_field);
    let value_schema = schemas.value(&fields);
    let wrapped = |schema: &str, enabled: bool| match enabled {
        true => wrapping(schema),
        false => Vec::new(),
    };
    let mut value_head = wrapped(&value_schema, config.value_schemas_enable);
    value_head.extend_from_slice(b"{\"before\":");
    let for_pipeline = match config.pipeline {
        Some(_) => read_schemas(has_key.then_some(&*key_schema), &value_schema, &table_id)?,
        None => pipeline::Schemas::default(),
    };
    Ok(RelationPlan {
        schemas: for_pipeline,
        has_key,
        topic: routed.topic.as_str().into(),
        key_head: wrapped(&key_schema, config.key_schemas_enable),
        key_extra: key_field
            .map(|field| key_extra(field, key.is_empty()))
            .unwrap_or_default(),
        value_head,
        enums: enums(table, types),
        key_reach: key.iter().map(|(index, _)| index + 1).max().unwrap_or(0),
        columns: fields
            .into_iter()
            .map(|field| field.map(|field| field.plan))
            .collect(),
        key: key
            .into_iter()
            .map(|(index, field)| KeyPlan {
                index,
                column: field.plan,
            })
            .collect(),
        source_table: source_table(table),
        key_wrapped: config.key_schemas_enable,
        value_wrapped: config.value_schemas_enable,
        table_id,
    })
}

fn read_schemas(
    key: Option<&str>,
    value: &str,
    table_id: &str,
) -> Result<pipeline::Schemas, PlanError> {
    pipeline::Schemas::read(key, value).map_err(|error| PlanError::Schema {
        table: table_id.to_owned(),
        reason: error.to_string(),
    })
}

fn enums(table: &Table, types: &Types) -> Vec<EnumColumn> {
    let column = |(index, column): (usize, &Column)| match &types.get(column.type_oid)?.kind {
        TypeKind::Enum { labels } => Some(EnumColumn {
            index,
            oid: column.type_oid,
            labels: labels.clone(),
        }),
        _ => None,
    };
    table
        .columns
        .iter()
        .enumerate()
        .filter_map(column)
        .collect()
}

/// The field of a column; nothing for a type that is left out.
fn field(column: &Column, types: &Types, config: &EncoderConfig) -> Option<Field> {
    let root = choose::root(column.type_oid, column.typmod, types);
    let chosen = choose::choose(root, types, config)?;
    let optional = !column.not_null;
    let default = column
        .default
        .as_deref()
        .and_then(|expression| default::json(expression, root, &chosen.codec, types));
    let null = match (&default, optional) {
        (Some(default), true) if config.replace_null_with_default => default.clone(),
        (_, true) => b"null".to_vec(),
        (Some(default), false) => default.clone(),
        (None, false) => absent::zero(&chosen.codec),
    };
    let name = names::adjust(&column.name, NameOf::Field, config.field_name_adjustment);
    let toast = absent::toast(&chosen.codec, root, types, config);
    let label = format!("{}:", quoted(&name)).into_bytes();
    // Where nothing stands for a null, Debezium's task would die of one; a reader of the schema must
    // not.
    let always_optional = chosen.codec.is_always_optional() || null == b"null";
    let plan = ColumnPlan {
        label,
        codec: chosen.codec,
        null,
        toast,
        mapping: None,
        prints_default: optional && default.is_some(),
    };
    Some(Field {
        plan,
        name,
        schema: chosen.schema,
        optional: optional || always_optional,
        default,
    })
}

/// The field of a column in a row, where mappers apply.
fn mapped_field(
    column: &Column,
    table_id: &str,
    types: &Types,
    config: &EncoderConfig,
) -> Option<Field> {
    let mut field = field(column, types, config)?;
    let type_name = names::jdbc_type(column, types);
    let Some(mapper) = config.mappers.of(table_id, &column.name, type_name) else {
        return Some(field);
    };
    let root = choose::root(column.type_oid, column.typmod, types);
    let choice = choose::Choice {
        codec: field.plan.codec.clone(),
        schema: field.schema.clone(),
    };
    let described = mapping::Described {
        name: &column.name,
        type_name,
        measured: length::measured(root, types),
    };
    let (mapping, parameters) = mapping::compile(mapper, root, &choice, &described);
    field.schema = field.schema.with_parameters(&parameters);
    if let Some(mapping) = &mapping {
        // A null that Debezium replaces before it maps is mapped, too.
        if !field.optional || mapping.maps_null() {
            let text: String = serde_json::from_slice(&field.plan.null).unwrap_or_default();
            mapping.apply(text.as_bytes(), 0, &mut field.plan.null);
        }
        if let Some(toast) = &mut field.plan.toast {
            mapping.apply(&config.unavailable_value_placeholder, 0, toast);
        }
    }
    field.plan.prints_default &= !mapping.as_ref().is_some_and(Mapping::maps_null);
    field.plan.mapping = mapping;
    Some(field)
}

/// Their fields; those of types that are left out are, too.
fn key_fields(
    table: &Table,
    names: &[&str],
    table_id: &str,
    types: &Types,
    config: &EncoderConfig,
) -> Result<Vec<(usize, Field)>, PlanError> {
    let table_columns = &table.columns;
    let one = |(place, name): (usize, &&str)| {
        let (table, column) = (table_id.to_owned(), (*name).to_owned());
        if names.iter().take(place).any(|earlier| earlier == name) {
            return Err(PlanError::RepeatedKeyColumn { table, column });
        }
        let mut columns = table_columns.iter().enumerate();
        let (index, column) = columns
            .find(|(_, found)| found.name == **name)
            .ok_or(PlanError::UnknownKeyColumn { table, column })?;
        Ok(field(column, types, config).map(|field| (index, field)))
    };
    names
        .iter()
        .enumerate()
        .filter_map(|named| one(named).transpose())
        .collect()
}

fn source_table(table: &Table) -> Vec<u8> {
    format!(
        ",\"schema\":{},\"table\":{},",
        quoted(&table.schema),
        quoted(&table.name)
    )
    .into_bytes()
}

fn key_extra(field: &KeyField, first: bool) -> Vec<u8> {
    let comma = if first { "" } else { "," };
    format!("{comma}{}:{}", quoted(&field.name), quoted(&field.value)).into_bytes()
}

/// Renders the schema blocks of a table.
struct Schemas<'a> {
    /// What their names start with.
    base: &'a str,
    mode: NameAdjustment,
}

impl Schemas<'_> {
    fn name(&self, suffix: &str) -> String {
        let name = format!("{}.{suffix}", self.base);
        quoted(&names::adjust(&name, NameOf::Schema, self.mode))
    }

    fn key(&self, key: &[(usize, Field)], extra: Option<&KeyField>) -> String {
        let mut fields: Vec<_> = key.iter().map(|(_, field)| field.rendered()).collect();
        if let Some(extra) = extra {
            let name = quoted(&extra.name);
            let place = Place {
                field: Some(&name),
                ..Place::default()
            };
            fields.push(Schema::plain("string").render(place));
        }
        let (fields, name) = (fields.join(","), self.name("Key"));
        format!("{{\"type\":\"struct\",\"fields\":[{fields}],\"optional\":false,\"name\":{name}}}")
    }

    fn value(&self, fields: &[Option<Field>]) -> String {
        let fields: Vec<_> = fields.iter().flatten().map(Field::rendered).collect();
        let (fields, name) = (fields.join(","), self.name("Value"));
        let row = |field: &str| {
            format!(
                "{{\"type\":\"struct\",\"fields\":[{fields}],\"optional\":true,\
                 \"name\":{name},\"field\":\"{field}\"}}"
            )
        };
        let (before, after, envelope) = (row("before"), row("after"), self.name("Envelope"));
        let (source, transaction) = (schema::SOURCE, schema::TRANSACTION);
        format!(
            "{{\"type\":\"struct\",\"fields\":[{before},{after},{source},\
             {transaction},{{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}},\
             {{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ms\"}},\
             {{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_us\"}},\
             {{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ns\"}}],\"optional\":false,\
             \"name\":{envelope},\"version\":2}}"
        )
    }
}
