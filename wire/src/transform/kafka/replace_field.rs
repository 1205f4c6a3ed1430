//! `ReplaceField`: leaves fields out and renames others.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::data::{DataRecord, Field, Schema, Struct, Value};
use crate::transform::{Half, Options, Transform, TransformError};

use super::part::{self, Cache};

/// The transform.
#[derive(Debug)]
pub(crate) struct ReplaceField {
    half: Half,
    chosen: Chosen,
    with_default: bool,
    plans: Cache<Plan>,
}

/// The new schema, and where in the old struct each of its fields is.
type Plan = (Arc<Schema>, Arc<[usize]>);

/// Which fields stay, under which names.
#[derive(Debug)]
struct Chosen {
    exclude: HashSet<String>,
    include: HashSet<String>,
    /// Old names to new ones.
    renames: BTreeMap<String, String>,
    /// New names to old ones.
    reverse: BTreeMap<String, String>,
}

pub(crate) fn build(half: Half, options: &mut Options) -> ReplaceField {
    let exclude = options.list("exclude").into_iter().collect();
    let include = options.list("include").into_iter().collect();
    let renames = renames(options);
    let reverse = renames.iter().map(|(old, new)| (new.clone(), old.clone()));
    ReplaceField {
        half,
        chosen: Chosen {
            exclude,
            include,
            reverse: reverse.collect(),
            renames,
        },
        with_default: part::replace_null(options),
        plans: Cache::default(),
    }
}

fn renames(options: &mut Options) -> BTreeMap<String, String> {
    let mappings = options.list("renames");
    let mut renames = BTreeMap::new();
    for mapping in &mappings {
        let parts: Vec<_> = mapping.trim_end_matches(':').split(':').collect();
        if let [old, new] = parts[..] {
            renames.insert(old.to_owned(), new.to_owned());
        } else {
            let all = mappings.join(", ");
            let message = format!(
                "Invalid value [{all}] for configuration renames: Invalid rename mapping: {mapping}"
            );
            options.problem("renames", message);
        }
    }
    renames
}

impl Chosen {
    fn stays(&self, name: &str) -> bool {
        !self.exclude.contains(name) && (self.include.is_empty() || self.include.contains(name))
    }

    fn plan(&self, schema: &Schema) -> Result<Plan, TransformError> {
        let staying = schema
            .fields()
            .iter()
            .filter(|field| self.stays(&field.name));
        let renamed = staying.map(|field| {
            let name = self
                .renames
                .get(&*field.name)
                .map(|name| name.as_str().into());
            let name = name.unwrap_or_else(|| Arc::clone(&field.name));
            Field::new(name, Arc::clone(&field.schema))
        });
        let fields: Vec<Field> = renamed.collect();
        let kind = part::struct_kind(fields)?;
        let updated = Arc::new(part::copy_basics(schema, kind));
        let from = updated.fields().iter().map(|field| {
            let old = self.reverse.get(&*field.name).map(String::as_str);
            let old = old.unwrap_or(&field.name);
            let invalid = || TransformError::new(format!("{old} is not a valid field name"));
            schema.position(old).ok_or_else(invalid)
        });
        let from = from.collect::<Result<_, _>>()?;
        Ok((updated, from))
    }
}

impl Transform for ReplaceField {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if part::value(self.half, &record).is_null() {
            return Ok(Some(record));
        }
        let from = part::take_struct(self.half, &mut record, "field replacement")?;
        let schema = Arc::clone(from.schema());
        let (updated, places) = self.plans.get(&schema, |schema| self.chosen.plan(schema))?;
        let mut old = from.into_values();
        let mut values = Vec::with_capacity(places.len());
        for (field, place) in updated.fields().iter().zip(&*places) {
            let value = old.get_mut(*place).map(std::mem::take).unwrap_or_default();
            let from = schema.fields().get(*place).unwrap_or(field);
            let value = part::or_default(&from.schema, value, self.with_default);
            values.push(part::checked(field, value)?);
        }
        let value = Value::Struct(Struct::of(Arc::clone(&updated), values));
        part::put(self.half, &mut record, Some(updated), value);
        Ok(Some(record))
    }
}
