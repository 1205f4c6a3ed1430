//! What stands for a value that is not there: null in a column that allows none, and a large
//! value that an update did not touch.

use super::choose::Root;
use super::oid;
use crate::catalog::{TypeKind, Types};
use crate::config::EncoderConfig;
use crate::json;
use crate::modes::{BinaryMode, TimePrecisionMode};
use crate::value::{ByteForm, Codec, Money, Origin, Scratch, Shape};

/// JSON of a null in a NOT NULL column without a default: the zero of its type.
pub(super) fn zero(codec: &Codec) -> Vec<u8> {
    let text = match codec {
        &Codec::Money(Money::String { digits }) => {
            let fixed = Codec::DecimalString {
                scale: Some(digits),
            };
            return zero(&fixed);
        }
        Codec::SnapshotText => return b"\"\"".to_vec(),
        Codec::StructuredTimestampTz { .. } => return zoneless(codec),
        Codec::TimestampTz { .. } => return b"\"1970-01-01T00:00:00Z\"".to_vec(),
        Codec::Geometric(Shape::Path) => return path(),
        Codec::Geometric(shape) => match shape {
            Shape::Line => "{0,1,0}",
            Shape::Lseg | Shape::Path => "[(0,0),(1,0)]",
            Shape::Box => "(0,0),(1,1)",
            Shape::Polygon => "((0,0),(1,0),(0,1))",
            Shape::Circle => "<(0,0),0>",
            Shape::Point => "(0,0)",
        },
        Codec::Bool => "f",
        Codec::Bytea(_) => "\\x",
        Codec::Text | Codec::Opaque(_) | Codec::Bits | Codec::HstoreJson | Codec::HstoreMap => "",
        Codec::Date(_) => "1970-01-01",
        Codec::Time(_) | Codec::ArrayTime(_) | Codec::Interval(_) => "00:00:00",
        Codec::TimeTz | Codec::StructuredTimeTz { .. } => "00:00:00+00",
        Codec::Timestamp(_) => "1970-01-01 00:00:00",
        Codec::Ewkb { .. } => "010700000000000000",
        Codec::Array(_) => "{}",
        Codec::Vector { .. } => return b"[]".to_vec(),
        Codec::OldVector => "0",
        Codec::Null | Codec::SparseVector => return b"null".to_vec(),
        _ => "0",
    };
    rendered(codec, text).unwrap_or_else(|| b"null".to_vec())
}

/// Debezium's stand-in for a structured `timestamptz` has an offset but no zone.
fn zoneless(codec: &Codec) -> Vec<u8> {
    let epoch = rendered(codec, "1970-01-01 00:00:00+00").unwrap_or_default();
    String::from_utf8_lossy(&epoch)
        .replace("\"zoneId\":\"Z\"", "\"zoneId\":null")
        .into_bytes()
}

/// Debezium's stand-in for a path does not say whether it is closed.
fn path() -> Vec<u8> {
    let segment = rendered(&Codec::Geometric(Shape::Lseg), "[(0,0),(1,0)]").unwrap_or_default();
    String::from_utf8_lossy(&segment)
        .replace("lseg", "path")
        .into_bytes()
}

fn rendered(codec: &Codec, text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    codec
        .write(
            text.as_bytes(),
            Origin::Stream,
            &mut Scratch::default(),
            &mut out,
        )
        .ok()?;
    Some(out)
}

/// JSON of an untouched large value; `None` where Debezium has no form for it and writes null.
pub(super) fn toast(
    codec: &Codec,
    root: Root,
    types: &Types,
    config: &EncoderConfig,
) -> Option<Vec<u8>> {
    let placeholder = &config.unavailable_value_placeholder;
    match codec {
        Codec::Text | Codec::DecimalString { .. } => Some(string(placeholder)),
        Codec::Bytea(form) | Codec::Opaque(form) => match (config.binary, form) {
            (BinaryMode::Bytes, _) => Some(base64(placeholder)),
            (_, ByteForm::Hex) => Some(string(placeholder)),
            _ => None,
        },
        Codec::HstoreJson if root.domain => Some(string(placeholder)),
        Codec::HstoreJson => Some(string(&pair(placeholder))),
        Codec::HstoreMap if !root.domain => Some(pair(placeholder)),
        Codec::Array(_) if !root.domain => match types.get(root.oid).map(|info| &info.kind) {
            Some(&TypeKind::Array { element }) => array(element, placeholder, config),
            _ => None,
        },
        _ => None,
    }
}

fn array(element: u32, placeholder: &[u8], config: &EncoderConfig) -> Option<Vec<u8>> {
    let one = |json: Vec<u8>| [b"[".as_slice(), &json, b"]"].concat();
    let text_dates = matches!(
        config.time_precision,
        TimePrecisionMode::Isostring | TimePrecisionMode::Structured
    );
    match element {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON | oid::JSONB => {
            Some(one(string(placeholder)))
        }
        oid::BYTEA => (config.binary == BinaryMode::Bytes).then(|| one(base64(placeholder))),
        oid::DATE if text_dates => None,
        oid::INT4 | oid::INT8 | oid::DATE => {
            let signed = placeholder
                .iter()
                .map(|byte| byte.cast_signed().to_string());
            Some(one(signed.collect::<Vec<_>>().join(",").into_bytes()))
        }
        oid::UUID => Some(one(string(name_uuid(placeholder).as_bytes()))),
        _ => None,
    }
}

fn string(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    json::string(text, &mut out);
    out
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    json::base64(bytes, json::Alphabet::Standard, &mut out);
    out
}

fn pair(text: &[u8]) -> Vec<u8> {
    let text = string(text);
    [b"{".as_slice(), &text, b":", &text, b"}"].concat()
}

/// Java's `UUID.nameUUIDFromBytes`: version 3 without a name space.
fn name_uuid(name: &[u8]) -> String {
    use md5::Digest as _;

    let hash: [u8; 16] = md5::Md5::digest(name).into();
    let number = u128::from_be_bytes(hash);
    let version = number & !(0xF << 76) | 0x3 << 76;
    let variant = version & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{variant:032x}");
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uuid_of_the_default_placeholder_is_debeziums() {
        let uuid = name_uuid(b"__debezium_unavailable_value");
        assert_eq!(uuid, "b68a35a7-17ad-35b3-af2a-ae46edb4545a");
    }

    #[test]
    fn zeros_are_the_types_own() {
        use crate::value::{DateForm, IntervalForm};
        let check = |codec: Codec, json: &str| {
            assert_eq!(String::from_utf8_lossy(&zero(&codec)), json, "{codec:?}");
        };
        check(Codec::Int, "0");
        check(Codec::Bool, "false");
        check(Codec::Bit, "false");
        check(Codec::Float64, "0.0");
        check(Codec::Text, "\"\"");
        check(Codec::Bits, "\"\"");
        check(Codec::Decimal { scale: 2 }, "\"AA==\"");
        check(Codec::VariableDecimal, "{\"scale\":0,\"value\":\"AA==\"}");
        check(Codec::DecimalString { scale: Some(2) }, "\"0.00\"");
        check(Codec::Money(Money::String { digits: 1 }), "\"0.0\"");
        check(Codec::Date(DateForm::Iso), "\"1970-01-01Z\"");
        check(Codec::TimeTz, "\"00:00:00Z\"");
        check(Codec::Interval(IntervalForm::String), "\"P0Y0M0DT0H0M0S\"");
        check(Codec::HstoreJson, "\"{}\"");
        check(
            Codec::Geometric(Shape::Line),
            "{\"a\":0.0,\"b\":1.0,\"c\":0.0}",
        );
    }
}
