//! What is done to columns and keys, and which messages and changes are passed over.

use std::collections::BTreeMap;

use walcast_wire::config::EncoderConfig;
use walcast_wire::filter::{KeyColumns, NameFilter};
use walcast_wire::mapper::ColumnMappers;

use super::reader::Reader;

/// Families of properties that name a column mapper, and how such a name is written.
const FAMILIES: [(&str, &str); 4] = [
    (
        "column.mask.",
        "column.mask.with.<n>.chars, column.mask.hash.<algorithm>.with.salt.<salt> or column.mask.hash.v2.<algorithm>.with.salt.<salt>",
    ),
    ("column.truncate.", "column.truncate.to.<n>.chars"),
    ("column.propagate.", "column.propagate.source.type"),
    ("datatype.propagate.", "datatype.propagate.source.type"),
];

/// Puts mappers, keys and message filters into `encoder`.
pub(super) fn read(
    r: &mut Reader<'_>,
    props: &BTreeMap<String, String>,
    encoder: &mut EncoderConfig,
) {
    encoder.mappers = mappers(r, props);
    encoder.message_key_columns = key_columns(r);
    encoder.skip_messages_without_change = r.bool_or("skip.messages.without.change", false);
    encoder.message_prefixes = message_prefixes(r);
}

fn mappers(r: &mut Reader<'_>, props: &BTreeMap<String, String>) -> ColumnMappers {
    for (name, value) in props {
        if let Some((_, form)) = FAMILIES.iter().find(|(head, _)| name.starts_with(head)) {
            if !ColumnMappers::is_property(name) {
                r.problem(name, format!("is no column mapper; write it {form}"));
            } else if let Err(error) = ColumnMappers::new([(&**name, &**value)].into_iter()) {
                r.problem(name, format!("The '{name}' value is invalid: {error}"));
            }
        }
    }
    let all = props.iter().map(|(name, value)| (&**name, &**value));
    // What is wrong was told by name above.
    ColumnMappers::new(all).unwrap_or_default()
}

fn key_columns(r: &mut Reader<'_>) -> KeyColumns {
    const NAME: &str = "message.key.columns";
    KeyColumns::new(r.text(NAME).unwrap_or_default()).unwrap_or_else(|error| {
        r.problem(NAME, format!("The '{NAME}' value is invalid: {error}"));
        KeyColumns::default()
    })
}

fn message_prefixes(r: &mut Reader<'_>) -> NameFilter {
    const INCLUDE: &str = "message.prefix.include.list";
    const EXCLUDE: &str = "message.prefix.exclude.list";
    let (included, excluded) = (r.text(INCLUDE), r.text(EXCLUDE));
    if included.is_some() && excluded.is_some() {
        let message =
            format!("The '{EXCLUDE}' value is invalid: \"{INCLUDE}\" is already specified");
        r.problem(EXCLUDE, message);
        return NameFilter::All;
    }
    NameFilter::new(included, excluded).unwrap_or_else(|error| {
        let name = if included.is_some() { INCLUDE } else { EXCLUDE };
        let message = format!(
            "The '{name}' value is invalid: A comma-separated list of valid regular expressions is expected, but {error}"
        );
        r.problem(name, message);
        NameFilter::All
    })
}
