//! JSON as Python's `json.dumps` writes it: `, ` and `: ` between tokens, ASCII only.
//!
//! The digests of the large cases are hashes of such text, so it has to be the same to the byte.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// `json.dumps(value)`.
pub(super) fn dumps(value: &Value) -> String {
    let mut out = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut out, Python));
    debug_assert!(written.is_ok(), "a Vec takes everything");
    String::from_utf8_lossy(&out).into_owned()
}

/// `json.dumps(value, sort_keys=True)`.
pub(super) fn dumps_sorted(value: &Value) -> String {
    dumps(&sorted(value))
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)));
            Value::Object(fields.collect())
        }
        scalar => scalar.clone(),
    }
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if (' '..='~').contains(&character) {
                write!(out, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{dumps, dumps_sorted};

    #[test]
    fn text_is_what_python_writes() {
        // python3 -c 'import json; print(json.dumps({"b": [1, "é😀\x7f\x01\n\"/"], "a": None}))'
        let value = json!({"b": [1, "é😀\u{7f}\u{1}\n\"/"], "a": null});
        let text = r#"{"b": [1, "\u00e9\ud83d\ude00\u007f\u0001\n\"/"], "a": null}"#;
        assert_eq!(dumps(&value), text);
        assert!(dumps_sorted(&value).starts_with(r#"{"a": null, "b": ["#));
    }
}
