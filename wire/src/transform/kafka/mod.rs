//! Kafka Connect's own transforms, `org.apache.kafka.connect.transforms.*`.
//!
//! Each enters and leaves a record in the data model and behaves as Kafka 4.1's class does, down
//! to schemas' attributes and texts of errors. Values without a schema other than null are
//! refused: no record of this engine has any.

mod big;
mod cast;
mod cast_value;
mod date_format;
mod date_parse;
mod drop_headers;
mod extract_field;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod literal;
mod literal_schema;
mod literal_tokens;
mod mask_field;
mod part;
mod regex_router;
mod replace_field;
mod set_schema_metadata;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use super::{Half, Options, Transform};

/// The package of the classes.
pub(super) const PACKAGE: &str = "org.apache.kafka.connect.transforms.";

/// All classes without their package, as a configuration names them.
#[cfg(test)]
pub(super) const CLASSES: &[&str] = &[
    "Cast$Key",
    "Cast$Value",
    "DropHeaders",
    "ExtractField$Key",
    "ExtractField$Value",
    "Filter",
    "Flatten$Key",
    "Flatten$Value",
    "HeaderFrom$Key",
    "HeaderFrom$Value",
    "HoistField$Key",
    "HoistField$Value",
    "InsertField$Key",
    "InsertField$Value",
    "InsertHeader",
    "MaskField$Key",
    "MaskField$Value",
    "RegexRouter",
    "ReplaceField$Key",
    "ReplaceField$Value",
    "SetSchemaMetadata$Key",
    "SetSchemaMetadata$Value",
    "TimestampConverter$Key",
    "TimestampConverter$Value",
    "TimestampRouter",
    "ValueToKey",
];

/// Builds a transform by its class's name without package and half; `None` if there is none.
pub(super) fn build(
    name: &str,
    half: Option<Half>,
    options: &mut Options,
) -> Option<Box<dyn Transform>> {
    let Some(half) = half else {
        return whole(name, options);
    };
    Some(match name {
        "Cast" => Box::new(cast::build(half, options)),
        "ExtractField" => Box::new(extract_field::build(half, options)),
        "Flatten" => Box::new(flatten::build(half, options)),
        "HeaderFrom" => Box::new(header_from::build(half, options)),
        "HoistField" => Box::new(hoist_field::build(half, options)),
        "InsertField" => Box::new(insert_field::build(half, options)),
        "MaskField" => Box::new(mask_field::build(half, options)),
        "ReplaceField" => Box::new(replace_field::build(half, options)),
        "SetSchemaMetadata" => Box::new(set_schema_metadata::build(half, options)),
        "TimestampConverter" => Box::new(timestamp_converter::build(half, options)),
        _ => return None,
    })
}

/// A transform of whole records.
fn whole(name: &str, options: &mut Options) -> Option<Box<dyn Transform>> {
    Some(match name {
        "DropHeaders" => Box::new(drop_headers::build(options)),
        "Filter" => Box::new(filter::Filter),
        "InsertHeader" => Box::new(insert_header::build(options)),
        "RegexRouter" => Box::new(regex_router::build(options)),
        "TimestampRouter" => Box::new(timestamp_router::build(options)),
        "ValueToKey" => Box::new(value_to_key::build(options)),
        _ => return None,
    })
}
