//! What a column mapper does to one column's values and schema.

use super::choose::{Choice, Root};
use super::{length, oid};
use crate::json;
use crate::mapper::{ColumnMapper, Hash};
use crate::value::{Codec, DateForm, IntervalForm, Money, TimeForm, TimestampForm};

/// A mapper, compiled for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// Every value becomes this JSON.
    Constant(Vec<u8>),
    /// Text becomes its hash, cut to the column's length.
    Hash { hash: Hash, length: usize },
    /// A JSON string is cut to so many UTF-16 units.
    TruncateText { length: usize },
    /// Bytes are cut; JSON has them in base64.
    TruncateBytes { length: usize },
}

/// A column as the database describes it to Debezium.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    pub(super) name: &'a str,
    pub(super) type_name: &'a str,
    /// The type that decides length and scale.
    pub(super) measured: Root,
}

/// The mapping and the schema's further parameters.
pub(super) fn compile(
    mapper: &ColumnMapper,
    root: Root,
    choice: &Choice,
    column: &Described<'_>,
) -> (Option<Mapping>, Vec<(&'static str, String)>) {
    let column_length = length::length(column.measured);
    match mapper {
        ColumnMapper::Mask { length } => {
            let constant = || Mapping::Constant(format!("\"{}\"", "*".repeat(*length)).into());
            (is_jdbc_text(root, &choice.codec).then(constant), masked())
        }
        ColumnMapper::Hash(hash) => {
            let length = usize::try_from(column_length)
                .ok()
                .filter(|&length| length > 0);
            let mapping = || Mapping::Hash {
                hash: hash.clone(),
                length: length.unwrap_or(usize::MAX),
            };
            (is_jdbc_text(root, &choice.codec).then(mapping), masked())
        }
        &ColumnMapper::Truncate { length } => {
            let possible = usize::try_from(column_length).map_or(true, |column| column > length);
            if !possible {
                return (None, Vec::new());
            }
            (
                truncate(&choice.codec, choice, length),
                vec![("truncateLength", length.to_string())],
            )
        }
        ColumnMapper::PropagateSource => (None, propagated(column)),
    }
}

fn masked() -> Vec<(&'static str, String)> {
    vec![("masked", "true".to_owned())]
}

fn propagated(column: &Described<'_>) -> Vec<(&'static str, String)> {
    let measured = column.measured;
    vec![
        (
            "__debezium.source.column.type",
            column.type_name.to_uppercase(),
        ),
        (
            "__debezium.source.column.length",
            length::length(measured).to_string(),
        ),
        (
            "__debezium.source.column.scale",
            length::scale(measured).to_string(),
        ),
        ("__debezium.source.column.name", column.name.to_owned()),
    ]
}

/// Whether JDBC calls it text: the character types and enumerations.
fn is_jdbc_text(root: Root, codec: &Codec) -> bool {
    let built_in = matches!(
        root.oid,
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR
    );
    built_in || (root.enumeration && *codec == Codec::Text)
}

fn truncate(codec: &Codec, choice: &Choice, length: usize) -> Option<Mapping> {
    let text = match codec {
        Codec::Bytea(_) | Codec::Opaque(_) if choice.schema.is_bytes() => {
            return Some(Mapping::TruncateBytes { length });
        }
        Codec::Text
        | Codec::SnapshotText
        | Codec::Bytea(_)
        | Codec::Opaque(_)
        | Codec::DecimalString { .. }
        | Codec::Money(Money::String { .. })
        | Codec::Date(DateForm::Iso)
        | Codec::Time(TimeForm::Iso)
        | Codec::Timestamp(TimestampForm::Iso)
        | Codec::TimeTz
        | Codec::TimestampTz { .. }
        | Codec::Interval(IntervalForm::String)
        | Codec::HstoreJson => true,
        _ => false,
    };
    text.then_some(Mapping::TruncateText { length })
}

impl Mapping {
    /// Maps the JSON that `out` holds from `start` on; `text` is the value it was made of.
    pub(crate) fn apply(&self, text: &[u8], start: usize, out: &mut Vec<u8>) {
        match self {
            Self::Constant(constant) => {
                out.truncate(start);
                out.extend_from_slice(constant);
            }
            Self::Hash { hash, length } => {
                let hex = hash.hex(&String::from_utf8_lossy(text));
                out.truncate(start);
                json::string(hex.get(..*length).unwrap_or(&hex).as_bytes(), out);
            }
            Self::TruncateText { length } => {
                let body = out.get(start + 1..).unwrap_or_default();
                if let Some(end) = json_units(body, *length) {
                    out.truncate(start + 1 + end);
                    out.push(b'"');
                }
            }
            Self::TruncateBytes { length } => truncate_base64(*length, start, out),
        }
    }

    /// Whether a null is mapped too.
    pub(crate) const fn maps_null(&self) -> bool {
        matches!(self, Self::Constant(_))
    }
}

/// Where the first `units` UTF-16 units of a JSON string's inside end; `None` when it ends first.
fn json_units(body: &[u8], units: usize) -> Option<usize> {
    let mut at = 0;
    for _ in 0..units {
        at += match body.get(at)? {
            b'"' => return None,
            b'\\' if body.get(at + 1) == Some(&b'u') => 6,
            b'\\' => 2,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 1,
        };
    }
    (body.get(at) != Some(&b'"')).then_some(at)
}

fn truncate_base64(length: usize, start: usize, out: &mut Vec<u8>) {
    use base64::Engine as _;

    let encoded = out
        .get(start + 1..out.len().saturating_sub(1))
        .unwrap_or_default();
    if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(encoded)
        && let Some(head) = bytes.get(..length)
    {
        out.truncate(start);
        json::base64(head, json::Alphabet::Standard, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_utf16_units_of_its_json() {
        let check = |json: &str, length, expected: &str| {
            let mut out = format!("x:{json}").into_bytes();
            Mapping::TruncateText { length }.apply(b"", 2, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("x:{expected}"));
        };
        check("\"Carl\"", 2, "\"Ca\"");
        check("\"Ca\"", 2, "\"Ca\"");
        check("\"\"", 2, "\"\"");
        check("\"Bé\\uD83D\\uDE00\"", 2, "\"Bé\"");
        check("\"☃\\n\\\"x\"", 2, "\"☃\\n\"");
        check("\"abc\"", 0, "\"\"");
    }

    #[test]
    fn bytes_are_cut_under_their_base64() {
        let mut out = b"\"AP8Q++/+\"".to_vec();
        Mapping::TruncateBytes { length: 2 }.apply(b"", 0, &mut out);
        assert_eq!(out, b"\"AP8=\"");
    }
}
