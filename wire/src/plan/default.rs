//! Column defaults, as far as Debezium reads them.
//!
//! Enters the text of `pg_get_expr`, leaves the value's text for the column's codec. Debezium
//! evaluates nothing: it takes the first literal between quotes or the bare text, and for a
//! function call a stand-in. Types it has no reader for have no default, and neither has what
//! does not parse.

use super::choose::Root;
use super::oid;
use crate::catalog::Types;
use crate::value::{Codec, IntervalForm, Origin, Scratch, TimestampForm};

/// The default as JSON, or nothing when Debezium shows none.
pub(super) fn json(expression: &str, root: Root, codec: &Codec, types: &Types) -> Option<Vec<u8>> {
    let text = text(expression, root, codec, types)?;
    match (root.oid, &*text) {
        (oid::TIMESTAMP, b"infinity" | b"-infinity") => infinite(codec, &text),
        (oid::TIMESTAMPTZ, b"infinity" | b"-infinity") => None,
        _ => {
            let mut json = Vec::new();
            codec
                .write(&text, Origin::Stream, &mut Scratch::default(), &mut json)
                .ok()?;
            Some(json)
        }
    }
}

/// An infinite timestamp is Java's last or first one here; microseconds overflow as they do
/// there, and milliseconds and nanoseconds of it are refused.
fn infinite(codec: &Codec, text: &[u8]) -> Option<Vec<u8>> {
    let json = match (codec, text) {
        (Codec::Timestamp(TimestampForm::Micros), b"infinity") => "-9223372036853775810",
        (Codec::Timestamp(TimestampForm::Micros), _) => "-9223372036854775808",
        (Codec::Timestamp(TimestampForm::Iso), b"infinity") => {
            "\"+999999999-12-31T23:59:59.999999999Z\""
        }
        (Codec::Timestamp(TimestampForm::Iso), _) => "\"-999999999-01-01T00:00:00Z\"",
        _ => return None,
    };
    Some(json.into())
}

/// The default's text.
fn text(expression: &str, root: Root, codec: &Codec, types: &Types) -> Option<Vec<u8>> {
    // Debezium looks its reader up by the declared type, so a domain has none; and Connect takes
    // no struct for a default.
    if root.domain || is_struct(codec) {
        return None;
    }
    if root.enumeration {
        let name = types.get(root.oid).map(|info| info.name.as_str())?;
        return enumeration(expression, name).map(String::into_bytes);
    }
    let expression = if is_trimmed(root.oid) {
        expression.trim()
    } else {
        expression
    };
    if has_typed_null(root.oid) && expression.starts_with("NULL::") {
        return None;
    }
    let value = extract(expression, placeholder(root.oid)?)?;
    normal(value, root.oid)
}

fn is_struct(codec: &Codec) -> bool {
    matches!(
        codec,
        Codec::VariableDecimal
            | Codec::Date(crate::value::DateForm::Structured)
            | Codec::Time(crate::value::TimeForm::Structured { .. })
            | Codec::Timestamp(TimestampForm::Structured { .. })
            | Codec::Interval(IntervalForm::Structured { .. })
            | Codec::StructuredTimeTz { .. }
            | Codec::StructuredTimestampTz { .. }
    )
}

/// What stands for a function's result, for the types Debezium has a reader for.
fn placeholder(oid: u32) -> Option<&'static str> {
    Some(match oid {
        oid::BIT => "00",
        oid::VARBIT => "0",
        oid::BOOL => "false",
        oid::BPCHAR | oid::VARCHAR | oid::TEXT | oid::XML => "",
        oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8 => "0.0",
        oid::INT2 | oid::INT4 | oid::INT8 => "0",
        oid::JSON | oid::JSONB => "{}",
        oid::UUID => "00000000-0000-0000-0000-000000000000",
        oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ => "1970-01-01",
        oid::TIME => "00:00",
        oid::INTERVAL => "epoch",
        _ => return None,
    })
}

fn is_trimmed(oid: u32) -> bool {
    !matches!(
        oid,
        oid::BPCHAR | oid::VARCHAR | oid::TEXT | oid::XML | oid::JSON | oid::JSONB
    )
}

fn has_typed_null(oid: u32) -> bool {
    matches!(
        oid,
        oid::BOOL | oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8 | oid::INT2 | oid::INT4 | oid::INT8
    )
}

fn extract(expression: &str, placeholder: &str) -> Option<String> {
    const CLOCKS: [&str; 5] = [
        "current_timestamp",
        "current_time",
        "current_date",
        "localtime",
        "localtimestamp",
    ];
    if is_call(expression)
        || CLOCKS
            .iter()
            .any(|name| expression.eq_ignore_ascii_case(name))
    {
        return Some(placeholder.to_owned());
    }
    if expression.contains('\'') {
        return literal(expression);
    }
    (!expression.starts_with("NULL::")).then(|| expression.to_owned())
}

/// Whether it starts with `name(…)`, perhaps in parentheses.
fn is_call(expression: &str) -> bool {
    let text = expression.strip_prefix('(').unwrap_or(expression);
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let rest = text.trim_start_matches(name);
    let line = rest.lines().next().unwrap_or("");
    rest.len() < text.len()
        && line
            .strip_prefix('(')
            .is_some_and(|inside| inside.contains(')'))
}

/// The first text between quotes, with doubled quotes undone.
fn literal(expression: &str) -> Option<String> {
    let (_, mut rest) = expression.split_once('\'')?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some(value),
        }
    }
}

/// `'ok'::mood` when the cast is to the column's own type; quotes inside stay doubled.
fn enumeration(expression: &str, type_name: &str) -> Option<String> {
    let (value, cast) = expression.rsplit_once("::")?;
    let bare = |name: &str| name.trim_matches('"').to_owned();
    let last = cast.rsplit_once('.').map_or(cast, |(_, name)| name);
    let matches = bare(cast) == type_name || bare(last) == type_name;
    let inside = value.strip_prefix('\'')?.strip_suffix('\'')?;
    matches.then(|| inside.to_owned())
}

/// The value in the form in which rows carry it; nothing when Java would not parse it.
fn normal(value: String, oid: u32) -> Option<Vec<u8>> {
    let integer = |range: std::ops::RangeInclusive<i64>| {
        let parsed = value
            .parse::<i64>()
            .ok()
            .filter(|number| range.contains(number));
        parsed.map(|number| number.to_string().into_bytes())
    };
    match oid {
        oid::INT2 => integer(i64::from(i16::MIN)..=i64::from(i16::MAX)),
        oid::INT4 => integer(i64::from(i32::MIN)..=i64::from(i32::MAX)),
        oid::INT8 => integer(i64::MIN..=i64::MAX),
        oid::BOOL => Some(
            if value.eq_ignore_ascii_case("true") {
                b"t"
            } else {
                b"f"
            }
            .to_vec(),
        ),
        oid::INTERVAL if value == "epoch" => Some(b"00:00:00".to_vec()),
        _ => Some(value.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(oid: u32, codec: Codec, expression: &str, expected: Option<&str>) {
        let root = Root::plain(oid, -1);
        let read = text(expression, root, &codec, &Types::new());
        assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{expression}");
    }

    #[test]
    fn literals_and_bare_values() {
        check(oid::INT2, Codec::Int, "7", Some("7"));
        check(oid::INT4, Codec::Int, "'-42'::integer", Some("-42"));
        check(
            oid::INT8,
            Codec::Int,
            "'9007199254740993'::bigint",
            Some("9007199254740993"),
        );
        check(oid::INT4, Codec::Int, "(1 + 2)", None);
        check(oid::INT2, Codec::Int, "40000", None);
        check(oid::INT4, Codec::Int, "NULL::integer", None);
        check(oid::BOOL, Codec::Bool, "true", Some("t"));
        check(
            oid::TEXT,
            Codec::Text,
            r#"'it''s "x" \ y'::text"#,
            Some(r#"it's "x" \ y"#),
        );
        check(oid::TEXT, Codec::Text, "NULL::text", None);
        check(oid::TEXT, Codec::Text, "('x'::text || a)", Some("x"));
        check(
            oid::BIT,
            Codec::Bits,
            "'10101010'::\"bit\"",
            Some("10101010"),
        );
        check(
            oid::NUMERIC,
            Codec::Decimal { scale: 2 },
            "3.1",
            Some("3.1"),
        );
        check(oid::NUMERIC, Codec::VariableDecimal, "12.340", None);
    }

    #[test]
    fn calls_have_stand_ins() {
        check(
            oid::INT4,
            Codec::Int,
            "nextval('ints_sr_seq'::regclass)",
            Some("0"),
        );
        check(
            oid::TIMESTAMPTZ,
            Codec::TimestampTz { digits: 6 },
            "now()",
            Some("1970-01-01"),
        );
        check(
            oid::TIMESTAMPTZ,
            Codec::TimestampTz { digits: 6 },
            "CURRENT_TIMESTAMP",
            Some("1970-01-01"),
        );
        check(oid::TEXT, Codec::Text, "lower('A'::text)", Some(""));
        check(
            oid::UUID,
            Codec::Text,
            "gen_random_uuid()",
            Some("00000000-0000-0000-0000-000000000000"),
        );
        check(
            oid::INTERVAL,
            Codec::Interval(IntervalForm::Numeric),
            "make_interval()",
            Some("00:00:00"),
        );
    }

    #[test]
    fn infinite_timestamps_are_javas_ends_of_time() {
        let check = |oid, codec: Codec, expected: Option<&str>| {
            let read = json("'infinity'::x", Root::plain(oid, -1), &codec, &Types::new());
            assert_eq!(read.as_deref(), expected.map(str::as_bytes), "{codec:?}");
        };
        let timestamp = Codec::Timestamp;
        let (micros, millis) = (TimestampForm::Micros, TimestampForm::Millis);
        check(
            oid::TIMESTAMP,
            timestamp(micros),
            Some("-9223372036853775810"),
        );
        check(oid::TIMESTAMP, timestamp(millis), None);
        let iso = "\"+999999999-12-31T23:59:59.999999999Z\"";
        check(oid::TIMESTAMP, timestamp(TimestampForm::Iso), Some(iso));
        check(oid::TIMESTAMPTZ, Codec::TimestampTz { digits: 6 }, None);
    }

    #[test]
    fn other_types_have_none() {
        for oid in [
            oid::INET,
            oid::BYTEA,
            oid::NAME,
            oid::MONEY,
            oid::TIMETZ,
            oid::POINT,
            oid::OID,
        ] {
            check(oid, Codec::Text, "'x'", None);
        }
    }

    #[test]
    fn enumerations_must_name_their_type() {
        assert_eq!(
            enumeration("'ok'::public.mood", "mood").as_deref(),
            Some("ok")
        );
        assert_eq!(
            enumeration("'A b'::\"My Enum\"", "My Enum").as_deref(),
            Some("A b")
        );
        assert_eq!(enumeration("'ok'::other", "mood"), None);
        assert_eq!(enumeration("lower('x')", "mood"), None);
    }
}
