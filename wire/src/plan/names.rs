//! Names as Debezium adjusts them: of topics, schemas and fields.

use super::oid;
use crate::catalog::{Column, Types};
use crate::modes::NameAdjustment;

/// A topic name with `_` in place of what Kafka does not allow, at most 249 characters long. The
/// `…Unicode…` strategies put `_uXXXX` there, and for `_` itself.
pub(crate) fn topic(name: &str, unicode: bool) -> String {
    let mut clean = String::with_capacity(name.len());
    // Java counts UTF-16 units, so a character outside the basic plane becomes two.
    for unit in name.encode_utf16() {
        let character = char::from_u32(u32::from(unit));
        let allowed = character.filter(|&c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || (c == '_' && !unicode)
        });
        match allowed {
            Some(c) => clean.push(c),
            None if unicode => clean.push_str(&escape(unit)),
            None => clean.push('_'),
        }
    }
    clean.truncate(249);
    let dots = !clean.is_empty() && clean.len() <= 2 && clean.bytes().all(|byte| byte == b'.');
    match (dots, unicode) {
        (false, _) => clean,
        (true, false) => clean.replace('.', "_"),
        (true, true) => clean.replace('.', "_u002e"),
    }
}

/// The name of a column's type as pgjdbc reports it: an integer fed by a sequence is a serial.
pub(crate) fn jdbc_type<'t>(column: &Column, types: &'t Types) -> &'t str {
    let default = column.default.as_deref();
    let serial = default.is_some_and(|default| default.contains("nextval("));
    match column.type_oid {
        oid::INT2 if serial => "smallserial",
        oid::INT4 if serial => "serial",
        oid::INT8 if serial => "bigserial",
        known => types.get(known).map_or("", |info| info.name.as_str()),
    }
}

/// What a name is of: dots separate the parts of a schema's name and are no part of a field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    Schema,
    Field,
}

/// A name under `schema.name.adjustment.mode` or `field.name.adjustment.mode`.
pub(crate) fn adjust(name: &str, of: NameOf, mode: NameAdjustment) -> String {
    if mode == NameAdjustment::None {
        return name.to_owned();
    }
    let unicode = mode == NameAdjustment::AvroUnicode;
    let mut adjusted = String::with_capacity(name.len());
    for (index, unit) in name.encode_utf16().enumerate() {
        let character = char::from_u32(u32::from(unit)).filter(char::is_ascii);
        let starts = character.is_some_and(|c| c.is_ascii_alphabetic() || (c == '_' && !unicode));
        let follows =
            character.is_some_and(|c| c.is_ascii_digit() || (c == '.' && of == NameOf::Schema));
        match character {
            Some(c) if starts || (follows && index > 0) => adjusted.push(c),
            _ if unicode => adjusted.push_str(&escape(unit)),
            // A leading digit stays behind the underscore, so that such names stay apart.
            Some(c) if c.is_ascii_digit() => adjusted.extend(['_', c]),
            _ => adjusted.push('_'),
        }
    }
    adjusted
}

/// `_u00e9`; three digits are not padded, as Debezium has it.
fn escape(unit: u16) -> String {
    let zeros = if unit <= 0xFF { "00" } else { "" };
    format!("_u{zeros}{unit:x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics() {
        for (name, expected) in [
            ("p.My Schema.Weird Table-1", "p.My_Schema.Weird_Table-1"),
            ("p.public.tä.ble", "p.public.t_.ble"),
            ("😀", "__"),
            (".", "_"),
            ("..", "__"),
        ] {
            assert_eq!(topic(name, false), expected);
        }
        assert_eq!(topic(&"x".repeat(300), false).len(), 249);
        for (name, expected) in [
            ("p.my_t é-1", "p.my_u005ft_u0020_u00e9-1"),
            ("..", "_u002e_u002e"),
        ] {
            assert_eq!(topic(name, true), expected);
        }
    }

    #[track_caller]
    fn check(name: &str, of: NameOf, mode: NameAdjustment, expected: &str) {
        assert_eq!(adjust(name, of, mode), expected, "{name}");
    }

    #[test]
    fn adjusted_names() {
        use NameAdjustment::{Avro, AvroUnicode, None};
        use NameOf::{Field, Schema};
        for (name, avro) in [
            ("Id-x", "Id_x"),
            ("a b", "a_b"),
            ("1st", "_1st"),
            ("ünï", "_n_"),
            ("$d", "_d"),
            ("a.b", "a_b"),
        ] {
            check(name, Field, Avro, avro);
            check(name, Field, None, name);
        }
        check("p.My-Schema.t.Value", Schema, Avro, "p.My_Schema.t.Value");
        check("a_b é", Field, AvroUnicode, "a_u005fb_u0020_u00e9");
        check("1a", Field, AvroUnicode, "_u0031a");
        check("ż", Field, AvroUnicode, "_u17c");
    }
}
