//! `io.debezium.transforms.TimezoneConverter`: times of an event in another time zone.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use super::super::{Options, Transform, TransformError};
use super::support::{is_envelope, not_struct};
use super::zone::Zone;
use crate::data::{DataRecord, Field, Struct, TIMESTAMP, Value};
use crate::pattern::Pattern;

/// The transform.
#[derive(Debug)]
pub(crate) struct TimezoneConverter {
    zone: Option<Zone>,
    list: List,
    topics: Fields,
    tables: Fields,
    either: Fields,
}

/// Fields by the topic or table they belong to; no fields are all fields.
type Fields = BTreeMap<String, BTreeSet<String>>;

/// What the lists say of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Include,
    Exclude,
}

/// Which fields of a record are converted.
#[derive(Clone, Copy)]
enum Choice<'l> {
    All,
    Only(&'l BTreeSet<String>),
    AllBut(&'l BTreeSet<String>),
}

const ZONE: &str = "converted.timezone";

/// Debezium's own check of the lists, as Java prints a list.
const LISTED: &str = concat!(
    r#"\[(source|topic|[".A-Za-z0-9_ \t]+)"#,
    r#":([".A-Za-z0-9_ \t]+(?::[".A-Za-z0-9_ \t]+)?(?:,|\]$))+"#
);

impl TimezoneConverter {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        let include = items(options, "include.list");
        let exclude = items(options, "exclude.list");
        let name = if include.is_empty() {
            "exclude"
        } else {
            "include"
        };
        let (list, items) = match (include.is_empty(), exclude.is_empty()) {
            (true, true) => (List::None, &include),
            (false, true) => (List::Include, &include),
            (_, false) => (List::Exclude, &exclude),
        };
        if list != List::None
            && !is_list(if include.is_empty() {
                &exclude
            } else {
                &include
            })
        {
            options.problem(
                &format!("{name}.list"),
                format!(
                    "Invalid {name} list format. Please specify a list of rules in the format of \
                     \"source:<tablename>:<fieldnames>\", \"topic:<topicname>:<fieldnames>\", \
                     \"<matchname>:<fieldnames>\""
                ),
            );
        }
        let zone = zone(options);
        if !include.is_empty() && !exclude.is_empty() {
            options.problem(
                "exclude.list",
                "Both include and exclude lists are specified. Please specify only one.",
            );
        }
        let mut built = Self {
            zone,
            list,
            topics: Fields::new(),
            tables: Fields::new(),
            either: Fields::new(),
        };
        built.collect(items);
        built
    }

    /// Sorts the items of a list. A prefix counts until the next one.
    fn collect(&mut self, items: &[String]) {
        let mut prefix = None;
        for item in items {
            let parts: Vec<_> = item.split(':').collect();
            let (own, name, field) = match *parts.as_slice() {
                [name] => (None, name, None),
                [own, name] if is_prefix(own) => (Some(own), name, None),
                [own, name, field] if is_prefix(own) => (Some(own), name, Some(field)),
                [name, field, ..] => (None, name, Some(field)),
                [] => continue,
            };
            prefix = own.or(prefix);
            let fields = match prefix {
                Some("topic") => &mut self.topics,
                Some("source") => &mut self.tables,
                _ => &mut self.either,
            };
            let fields = fields.entry(name.to_owned()).or_default();
            fields.extend(field.map(str::to_owned));
        }
    }

    /// Which fields of a record are converted; `None` are none.
    fn choice(&self, table: Option<&str>, topic: &str) -> Option<Choice<'_>> {
        let of_table = |fields: &'_ Fields| table.is_some_and(|table| fields.contains_key(table));
        let table = table.unwrap_or_default();
        let fields = match () {
            () if self.topics.contains_key(topic) => self.topics.get(topic),
            () if of_table(&self.tables) => self.tables.get(table),
            () if self.either.contains_key(topic) => self.either.get(topic),
            () if of_table(&self.either) => self.either.get(table),
            () => None,
        };
        match (self.list, fields) {
            (List::None, _) | (List::Exclude, None) => Some(Choice::All),
            (List::Include, None) => None,
            (List::Include, Some(fields)) if fields.is_empty() => Some(Choice::All),
            (List::Include, Some(fields)) => Some(Choice::Only(fields)),
            (List::Exclude, Some(fields)) => (!fields.is_empty()).then_some(Choice::AllBut(fields)),
        }
    }
}

fn is_prefix(text: &str) -> bool {
    text.eq_ignore_ascii_case("source") || text.eq_ignore_ascii_case("topic")
}

fn items(options: &mut Options, option: &str) -> Vec<String> {
    let Some(list) = options.raw(option) else {
        return Vec::new();
    };
    let end = list.trim_end_matches(',');
    end.split(',').map(|item| item.trim().to_owned()).collect()
}

fn is_list(items: &[String]) -> bool {
    let shown = format!("[{}]", items.join(", "));
    Pattern::with_case(LISTED).is_ok_and(|pattern| pattern.matches(&shown))
}

fn zone(options: &mut Options) -> Option<Zone> {
    let Some(text) = options.text(ZONE) else {
        let why = format!("The '{ZONE}' value is invalid: A value is required");
        options.invalid(ZONE, "null", why);
        return None;
    };
    let zone = Zone::parse(&text);
    if zone.is_none() {
        options.problem(
            ZONE,
            "Invalid timezone format. Please specify either a geographic timezone (e.g. \
             America/Los_Angeles) or a UTC offset in the format of +/-hh:mm, (e.g. +08:00).",
        );
    }
    zone
}

impl Choice<'_> {
    /// The choice for one part of the event: fields may be written with the part before them.
    fn of_part(self, part: &str) -> BTreeSet<String> {
        let fields = match self {
            Choice::All => return BTreeSet::new(),
            Choice::Only(fields) | Choice::AllBut(fields) => fields,
        };
        let own = fields.iter().filter_map(|field| {
            let parts = ["source.", "before.", "after."];
            let rest = parts.iter().find_map(|prefix| {
                let rest = field.strip_prefix(prefix)?;
                Some((*prefix == format!("{part}."), rest))
            });
            match rest {
                Some((own, rest)) => own.then_some(rest),
                None => (part != "source").then_some(field.as_str()),
            }
        });
        own.map(str::to_owned).collect()
    }

    fn has(self, fields: &BTreeSet<String>, field: &str) -> bool {
        match self {
            Choice::All => true,
            Choice::Only(_) => fields.contains(field),
            Choice::AllBut(_) => !fields.contains(field),
        }
    }
}

/// Converts the fields of one part of the event.
fn convert_part(
    part: &str,
    value: &mut Value,
    choice: Choice<'_>,
    zone: &Zone,
    now: i64,
) -> Result<(), TransformError> {
    let fields = choice.of_part(part);
    if part == "source" && fields.is_empty() {
        return Ok(());
    }
    let Value::Struct(inner) = value else {
        return Ok(());
    };
    let schema = Arc::clone(inner.schema());
    let chosen = schema
        .fields()
        .iter()
        .filter(|field| choice.has(&fields, &field.name));
    for field in chosen {
        let converted = match inner.get(&field.name) {
            Some(old) if !old.is_null() => converted(part, field, old, zone, now)?,
            _ => None,
        };
        if let Some(new) = converted {
            inner.set(&field.name, new);
        }
    }
    Ok(())
}

/// The value of a field in the zone; `None` if it is no time that can be converted.
fn converted(
    part: &str,
    field: &Field,
    value: &Value,
    zone: &Zone,
    now: i64,
) -> Result<Option<Value>, TransformError> {
    let moved = |number: i64, unit: i64| {
        let offset = zone.offset_at_local(number.div_euclid(unit));
        Value::Int64(number.wrapping_sub(offset.wrapping_mul(unit)))
    };
    let unparsed = |text: &str| {
        TransformError(format!(
            "Text '{text}' could not be parsed at index 0: field `{}` holds no time that \
             TimezoneConverter can convert; name it in exclude.list",
            field.name
        ))
    };
    let (name, value) = match (&field.schema.name, value) {
        (Some(name), value) => (&**name, value),
        (None, value) if part == "source" => return epoch(&field.name, value, zone),
        (None, _) => return Ok(None),
    };
    Ok(match (name, value) {
        ("io.debezium.time.ZonedTimestamp", Value::String(text)) => {
            let moved = zone.moved_timestamp(text);
            Some(Value::String(moved.ok_or_else(|| unparsed(text))?))
        }
        ("io.debezium.time.ZonedTime", Value::String(text)) => {
            let moved = zone.moved_time(text, now);
            Some(Value::String(moved.ok_or_else(|| unparsed(text))?))
        }
        ("io.debezium.time.MicroTimestamp", Value::Int64(micros)) => {
            Some(moved(*micros, 1_000_000))
        }
        ("io.debezium.time.NanoTimestamp", Value::Int64(nanos)) => {
            Some(moved(*nanos, 1_000_000_000))
        }
        ("io.debezium.time.Timestamp" | TIMESTAMP, Value::Int64(millis)) => {
            Some(moved(*millis, 1000))
        }
        _ => None,
    })
}

/// A time of the source, which moves the other way than those of columns.
fn epoch(field: &str, value: &Value, zone: &Zone) -> Result<Option<Value>, TransformError> {
    let unit = match field {
        "ts_ms" => 1000,
        "ts_us" => 1_000_000,
        "ts_ns" => 1_000_000_000,
        _ => return Ok(None),
    };
    let Value::Int64(number) = value else {
        let text = "Epoch field value should be a java.lang.Long";
        return Err(TransformError::new(text));
    };
    let offset = zone.offset_at(number.div_euclid(unit));
    Ok(Some(Value::Int64(number.wrapping_add(offset * unit))))
}

impl Transform for TimezoneConverter {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        if record.value.is_null() || !is_envelope(&record) {
            return Ok(Some(record));
        }
        let event = match mem::take(&mut record.value) {
            Value::Struct(event) => event,
            other => return Err(not_struct(&other, "timezone conversion")),
        };
        let source = event
            .get_without_default("source")
            .and_then(Value::as_struct);
        let table = source.and_then(|source| source.get_without_default("table"));
        let choice = self.choice(table.and_then(Value::as_str), &record.topic);
        let (Some(choice), Some(zone)) = (choice, &self.zone) else {
            record.value = Value::Struct(event);
            return Ok(Some(record));
        };
        // Java asks the clock here; the event was made just now.
        let now = event.get("ts_ms").and_then(Value::as_i64);
        let now = now.unwrap_or_default().div_euclid(1000);
        let schema = Arc::clone(event.schema());
        let mut values = event.into_values();
        for (field, value) in schema.fields().iter().zip(&mut values) {
            if matches!(&*field.name, "before" | "after" | "source") {
                convert_part(&field.name, value, choice, zone, now)?;
            }
        }
        record.value = Value::Struct(Struct::of(schema, values));
        Ok(Some(record))
    }
}

#[cfg(test)]
#[path = "timezone_tests.rs"]
mod tests;
