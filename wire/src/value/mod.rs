//! PostgreSQL values in text form to the JSON that Debezium's record has for them.
//!
//! Enters a value's text as a server writes it under the session settings `DateStyle=ISO`,
//! `IntervalStyle=postgres`, `TimeZone=UTC`, `bytea_output=hex` and `extra_float_digits=3`;
//! leaves JSON at the end of the caller's buffer. A [`Codec`] is chosen once for each column.
//! Nothing here knows of nulls, defaults or schemas, and nothing allocates but for buffers that
//! are used again.

mod array;
mod bytes;
mod calendar;
mod decimal;
mod float;
mod geometry;
mod hstore;
mod interval;
mod structured;
mod temporal;
mod vector;

pub(crate) use array::ArrayCodec;
pub(crate) use bytes::{ByteForm, write as write_bytes};
pub(crate) use calendar::{civil_from_days, days_from_civil};
pub(crate) use decimal::{Money, unscaled_bytes};
pub(crate) use float::{write_f32, write_f64};
pub(crate) use geometry::Shape;
pub(crate) use interval::IntervalForm;
pub(crate) use temporal::{DateForm, TimeForm, TimestampForm};

use crate::json;

/// Why a value has no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Debezium cannot represent it and writes null.
    AsNull,
    /// It is not what the type's text looks like.
    Malformed,
}

/// Which way a value came; Debezium reads a few of them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A query of a snapshot.
    Snapshot,
    /// The replication stream.
    Stream,
}

/// Buffers that values are worked on in.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    limbs: Vec<u32>,
    bytes: Vec<u8>,
    text: Vec<u8>,
    element: Vec<u8>,
    pairs: Vec<hstore::Pair>,
}

/// How a column's values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Always null: Debezium has a schema for it but no value fits.
    Null,
    /// `t` or `f`.
    Bool,
    /// An integer's digits.
    Int,
    /// A float4.
    Float32,
    /// A float8.
    Float64,
    /// Text as it is.
    Text,
    /// Text that Debezium reads in snapshots but not in the stream: `name`.
    SnapshotText,
    /// `bytea`.
    Bytea(ByteForm),
    /// A type Debezium does not know: its text as bytes.
    Opaque(ByteForm),
    /// One bit as a boolean.
    Bit,
    /// A bit string as little-endian bytes.
    Bits,
    /// `numeric(p, scale)`, precise.
    Decimal {
        /// Decimals.
        scale: usize,
    },
    /// `numeric`, precise.
    VariableDecimal,
    /// `numeric` as a double.
    DecimalDouble,
    /// `numeric` as text.
    DecimalString {
        /// Decimals, when the column fixes them.
        scale: Option<usize>,
    },
    /// `money`.
    Money(Money),
    /// `date`.
    Date(DateForm),
    /// `time`.
    Time(TimeForm),
    /// `time` in an array, which pgjdbc reads to milliseconds of one day.
    ArrayTime(TimeForm),
    /// `timetz` as text.
    TimeTz,
    /// `timetz` as a struct.
    StructuredTimeTz {
        /// The column's precision.
        precision: i32,
    },
    /// `timestamp`.
    Timestamp(TimestampForm),
    /// `timestamptz` as text.
    TimestampTz {
        /// Digits of the fraction.
        digits: u32,
    },
    /// `timestamptz` as a struct.
    StructuredTimestampTz {
        /// The column's precision.
        precision: i32,
    },
    /// `interval`.
    Interval(IntervalForm),
    /// `hstore` as a JSON object in a string.
    HstoreJson,
    /// `hstore` as a map.
    HstoreMap,
    /// A geometric type.
    Geometric(Shape),
    /// PostGIS geometry or geography.
    Ewkb {
        /// Whether the struct has the field `extensions` (null): geometry's has.
        extensions: bool,
    },
    /// pgvector's `vector` (doubles) and `halfvec` (floats).
    Vector {
        /// Whether elements are doubles.
        double: bool,
    },
    /// pgvector's `sparsevec`.
    SparseVector,
    /// `int2vector`, `oidvector`: an empty list, as Debezium fails to read their text.
    OldVector,
    /// An array.
    Array(Box<ArrayCodec>),
}

impl Codec {
    /// Appends a value; on an error `out` may hold a part of it.
    pub(crate) fn write(
        &self,
        text: &[u8],
        origin: Origin,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        match self {
            Self::Null => return Err(Unfit::AsNull),
            Self::Bool => boolean(text, out)?,
            Self::Int => integer(text, out)?,
            Self::Float32 => float::single(text, out)?,
            Self::Float64 => float::double(text, out)?,
            Self::Text => json::string(text, out),
            Self::SnapshotText if origin == Origin::Stream => return Err(Unfit::AsNull),
            Self::SnapshotText => json::string(text, out),
            Self::Bytea(form) => bytes::bytea(text, *form, scratch, out)?,
            Self::Opaque(form) => bytes::write(text, *form, out),
            Self::Bit => bytes::bit(text, out)?,
            Self::Bits => bytes::bits(text, scratch, out)?,
            Self::Decimal { scale } => decimal::precise(text, *scale, scratch, out)?,
            Self::VariableDecimal => decimal::variable(text, scratch, out)?,
            Self::DecimalDouble => decimal::double(text, out)?,
            Self::DecimalString { scale } => decimal::string(text, *scale, out)?,
            Self::Money(form) => decimal::money(text, *form, scratch, out)?,
            Self::HstoreJson => hstore::json(text, scratch, out)?,
            Self::HstoreMap => hstore::map(text, scratch, out)?,
            Self::Geometric(shape) => geometry::shape(text, *shape, scratch, out)?,
            Self::Ewkb { extensions } => geometry::ewkb(text, *extensions, scratch, out)?,
            Self::Vector { double } => vector::dense(text, *double, out)?,
            Self::SparseVector => vector::sparse(text, out)?,
            Self::OldVector if text.is_empty() => return Err(Unfit::AsNull),
            Self::OldVector => out.extend_from_slice(b"[]"),
            Self::Array(codec) => codec.write(text, scratch, out)?,
            temporal => temporal.write_temporal(text, origin, out)?,
        }
        Ok(())
    }

    fn write_temporal(&self, text: &[u8], origin: Origin, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match *self {
            Self::Date(form) => temporal::date(text, form, origin, out),
            Self::Time(form) => temporal::time(text, form, out),
            Self::ArrayTime(form) => temporal::array_time(text, form, out),
            Self::TimeTz => temporal::time_tz(text, out),
            Self::StructuredTimeTz { precision } => structured::time_tz(text, precision, out),
            Self::Timestamp(form) => temporal::timestamp(text, form, out),
            Self::TimestampTz { digits } => temporal::timestamp_tz(text, digits, out),
            Self::StructuredTimestampTz { precision } => {
                structured::timestamp_tz(text, precision, out)
            }
            Self::Interval(form) => interval::interval(text, form, out),
            _ => Err(Unfit::Malformed),
        }
    }

    /// Whether the schema is optional even where the column is not: so are those of geometric
    /// types but points.
    pub(crate) const fn is_always_optional(&self) -> bool {
        matches!(self, Self::Geometric(shape) if !matches!(shape, Shape::Point))
    }

    /// Whether Debezium converts to text by `toString`, so that anything has some form.
    pub(crate) const fn is_text(&self) -> bool {
        matches!(self, Self::Text)
    }
}

fn boolean(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    match text {
        b"t" | b"true" => json::bool(true, out),
        b"f" | b"false" => json::bool(false, out),
        _ => return Err(Unfit::Malformed),
    }
    Ok(())
}

fn integer(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Unfit::Malformed);
    }
    // JSON knows no leading zeros, and no server writes them; nor numbers of more than 64 bits.
    let bad_zero = digits.starts_with(b"0") && text != b"0";
    let fits = digits.len() < 19
        || std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok());
    if bad_zero || !fits {
        return Err(Unfit::Malformed);
    }
    out.extend_from_slice(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_what_json_and_64_bits_hold() {
        let check = |text: &str, expected: Option<&str>| {
            let mut out = Vec::new();
            let written = integer(text.as_bytes(), &mut out);
            let written = written
                .is_ok()
                .then(|| String::from_utf8_lossy(&out).into_owned());
            assert_eq!(written.as_deref(), expected, "{text}");
        };
        for text in [
            "0",
            "7",
            "-7",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            check(text, Some(text));
        }
        for text in ["", "-", "08", "-0", "1.0", "+1", "9223372036854775808"] {
            check(text, None);
        }
    }
}
