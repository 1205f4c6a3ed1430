//! What shapes a record as it is encoded: handling modes, names, filters.

use std::collections::BTreeMap;

use walcast_wire::config::{DEBEZIUM_VERSION, EncoderConfig, SkippedOperations};
use walcast_wire::filter::{Filters, NameFilter};

use super::reader::{ConfigProblem, Reader};
use super::{columns, pipeline, topics};

/// The encoder's configuration, but for the run's identity.
pub(super) fn read(
    r: &mut Reader<'_>,
    props: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
    topic_prefix: &str,
    database: &str,
    warnings: &mut Vec<ConfigProblem>,
) -> Option<EncoderConfig> {
    let records = pipeline::read(r, (props, defaults), warnings);
    let mut base = EncoderConfig {
        logical_name: topic_prefix.to_owned(),
        ..EncoderConfig::default()
    };
    topics::read(r, &mut base);
    columns::read(r, props, &mut base);
    Some(EncoderConfig {
        connector_version: r.text_or("walcast.source.version", DEBEZIUM_VERSION),
        database: database.to_owned(),
        decimal: r.mode_or("decimal.handling.mode", "string, double, precise"),
        time_precision: r.mode_or(
            "time.precision.mode",
            "adaptive, adaptive_time_microseconds, isostring, structured, microseconds, nanoseconds, connect",
        ),
        interval: r.mode_or("interval.handling.mode", "string, numeric"),
        hstore: r.mode_or("hstore.handling.mode", "json, map"),
        binary: r.mode_or("binary.handling.mode", "bytes, base64, hex, base64-url-safe"),
        schema_name_adjustment: r.mode_or("schema.name.adjustment.mode", "avro, avro_unicode, none"),
        field_name_adjustment: r.mode_or("field.name.adjustment.mode", "avro, avro_unicode, none"),
        tombstones_on_delete: r.bool_or("tombstones.on.delete", true),
        skipped: read_skipped(r),
        unavailable_value_placeholder: read_placeholder(r),
        include_unknown_datatypes: r.bool_or("include.unknown.datatypes", false),
        money_fraction_digits: r.parse_or("money.fraction.digits", base.money_fraction_digits),
        extended_headers: r.bool_or("extended.headers.enabled", true),
        filters: read_filters(r)?,
        ..records?.into_encoder(base)
    })
}

fn read_skipped(r: &mut Reader<'_>) -> SkippedOperations {
    let Some(text) = r.text("skipped.operations") else {
        return SkippedOperations::default();
    };
    let none = SkippedOperations {
        create: false,
        update: false,
        delete: false,
        truncate: false,
    };
    let mut skipped = none;
    for part in text.split(',').map(str::trim) {
        match part {
            "none" => skipped = none,
            "c" => skipped.create = true,
            "u" => skipped.update = true,
            "d" => skipped.delete = true,
            "t" => skipped.truncate = true,
            _ => r.problem(
                "skipped.operations",
                "The 'skipped.operations' value is invalid: Invalid operation",
            ),
        }
    }
    skipped
}

/// The placeholder's bytes; `hex:` introduces them in hexadecimal.
fn read_placeholder(r: &mut Reader<'_>) -> Vec<u8> {
    const NAME: &str = "unavailable.value.placeholder";
    let Some(text) = r.text(NAME) else {
        return EncoderConfig::default().unavailable_value_placeholder;
    };
    let Some(digits) = text.strip_prefix("hex:") else {
        return text.as_bytes().to_vec();
    };
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.unwrap_or_else(|| {
        r.problem(
            NAME,
            format!("The '{NAME}' value is invalid: hex: takes pairs of hexadecimal digits"),
        );
        Vec::new()
    })
}

fn read_filters(r: &mut Reader<'_>) -> Option<Filters> {
    let schemas = read_filter(r, "schema");
    let tables = read_filter(r, "table");
    let columns = read_filter(r, "column");
    Some(Filters {
        schemas: schemas?,
        tables: tables?,
        columns: columns?,
        signal_table: None,
    })
}

fn read_filter(r: &mut Reader<'_>, level: &str) -> Option<NameFilter> {
    let (include, exclude) = (
        format!("{level}.include.list"),
        format!("{level}.exclude.list"),
    );
    let (included, excluded) = (r.text(&include), r.text(&exclude));
    if included.is_some() && excluded.is_some() {
        r.problem(
            &exclude,
            format!("The '{exclude}' value is invalid: \"{include}\" is already specified"),
        );
        return None;
    }
    match NameFilter::new(included, excluded) {
        Ok(filter) => Some(filter),
        Err(error) => {
            let name = if included.is_some() { include } else { exclude };
            let message = format!(
                "The '{name}' value is invalid: A comma-separated list of valid regular expressions is expected, but {error}"
            );
            r.problem(&name, message);
            None
        }
    }
}
