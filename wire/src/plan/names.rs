//! Names as Debezium adjusts them: of topics, schemas and fields.

use crate::modes::NameAdjustment;

/// A topic name with `_` in place of what Kafka does not allow, at most 249 characters long.
pub(crate) fn topic(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    // Java counts UTF-16 units, so a character outside the basic plane becomes two.
    let units = name
        .chars()
        .flat_map(|c| std::iter::repeat_n(c, c.len_utf16()));
    let clean = units
        .map(|c| if allowed(c) { c } else { '_' })
        .take(249)
        .collect::<String>();
    match clean.as_str() {
        "." => "_".to_owned(),
        ".." => "__".to_owned(),
        _ => clean,
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
            assert_eq!(topic(name), expected);
        }
        assert_eq!(topic(&"x".repeat(300)).len(), 249);
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
