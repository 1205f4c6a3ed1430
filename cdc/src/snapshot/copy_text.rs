//! COPY's text format: one row per line, tabs between fields, `\N` for null.
//!
//! Source: <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format".

use std::ops::Range;

use walcast_wire::pgoutput::Datum;

/// A row split into fields; reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    text: Vec<u8>,
    fields: Vec<Option<Range<usize>>>,
}

impl Row {
    /// Splits `line` (without its newline), undoing the escapes.
    pub(crate) fn parse(&mut self, line: &[u8]) {
        self.text.clear();
        self.fields.clear();
        for field in line.split(|byte| *byte == b'\t') {
            if field == b"\\N" {
                self.fields.push(None);
                continue;
            }
            let start = self.text.len();
            self.unescape(field);
            self.fields.push(Some(start..self.text.len()));
        }
    }

    fn unescape(&mut self, field: &[u8]) {
        let mut rest = field;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
            let (plain, escape) = rest.split_at(at);
            self.text.extend_from_slice(plain);
            let Some((&letter, after)) = escape.get(1..).and_then(<[u8]>::split_first) else {
                // A lone backslash at the end cannot come from COPY TO; it stands for itself.
                self.text.push(b'\\');
                return;
            };
            self.text.push(match letter {
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                other => other,
            });
            rest = after;
        }
        self.text.extend_from_slice(rest);
    }

    /// The fields, in column order.
    pub(crate) fn data(&self) -> impl Iterator<Item = Datum<'_>> + Clone {
        self.fields.iter().map(|field| match field {
            None => Datum::Null,
            Some(range) => Datum::Text(&self.text[range.clone()]),
        })
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[Option<&str>]) {
        let mut row = Row::default();
        row.parse(line.as_bytes());
        let got: Vec<Option<String>> = row
            .data()
            .map(|datum| match datum {
                Datum::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
                _ => None,
            })
            .collect();
        let expected: Vec<Option<String>> = expected.iter().map(|f| f.map(str::to_owned)).collect();
        assert_eq!(got, expected, "{line:?}");
        assert_eq!(row.len(), expected.len());
    }

    #[test]
    fn rows_are_split_and_unescaped() {
        check("1\tAnn\t\\N\t", &[Some("1"), Some("Ann"), None, Some("")]);
        check("a\\tb\\nc\\\\d", &[Some("a\tb\nc\\d")]);
        check("\\\\N", &[Some("\\N")]);
        check("\\b\\f\\r\\v", &[Some("\u{8}\u{c}\r\u{b}")]);
        check("", &[Some("")]);
        check("x\\", &[Some("x\\")]);
    }
}
