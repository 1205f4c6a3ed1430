//! Arrays, from PostgreSQL's literal `{1,NULL,"a b"}` to JSON lists.
//!
//! Debezium reads arrays through pgjdbc, whose elements are not always what a plain column of the
//! type gives: times lose their microseconds, dates come from Java's old calendar, and an inner
//! array of a multi-dimensional one is no value (numbers become null). Two-dimensional text is
//! printed by Debezium as Java object ids, which mean nothing; here it is the inner literal.

use super::{Codec, Origin, Scratch, Unfit};

/// How an array is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArrayCodec {
    /// How its elements are.
    pub(crate) element: Codec,
    /// Whether a null element is allowed; otherwise the whole array becomes null.
    pub(crate) nullable: bool,
    /// What stands between elements: `,`, for `box` it is `;`.
    pub(crate) delimiter: u8,
}

impl ArrayCodec {
    /// Appends an array; on an error `out` may hold a part of it.
    pub(super) fn write(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let mut rest = body(text)?;
        let mut element = std::mem::take(&mut scratch.element);
        let mut written = Ok(());
        out.push(b'[');
        let first = out.len();
        while written.is_ok() && !rest.is_empty() {
            if out.len() > first {
                out.push(b',');
            }
            written = next(&mut rest, self.delimiter, &mut element)
                .and_then(|kind| self.element(kind, &element, scratch, out));
        }
        out.push(b']');
        scratch.element = element;
        written
    }

    fn element(
        &self,
        kind: Kind,
        text: &[u8],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let start = out.len();
        let written = match kind {
            Kind::Null => Err(Unfit::AsNull),
            Kind::Inner if !self.element.is_text() => Err(Unfit::AsNull),
            Kind::Inner | Kind::Value => self.element.write(text, Origin::Snapshot, scratch, out),
        };
        match written {
            Err(Unfit::AsNull) if self.nullable && kind != Kind::Value => {
                out.truncate(start);
                out.extend_from_slice(b"null");
                Ok(())
            }
            other => other,
        }
    }
}

/// The inside of the outer braces, after dimensions like `[0:1]=`.
fn body(text: &[u8]) -> Result<&[u8], Unfit> {
    let braces = match text.first() {
        Some(b'[') => text
            .iter()
            .position(|&byte| byte == b'=')
            .and_then(|at| text.get(at + 1..)),
        _ => Some(text),
    };
    let inside = braces.and_then(|text| text.strip_prefix(b"{")?.strip_suffix(b"}"));
    inside.ok_or(Unfit::Malformed)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Value,
    /// An inner array, as its literal.
    Inner,
}

/// Takes the next element and the delimiter after it off `rest`; its text goes into `element`.
fn next(rest: &mut &[u8], delimiter: u8, element: &mut Vec<u8>) -> Result<Kind, Unfit> {
    element.clear();
    let (kind, length) = match rest.first() {
        Some(b'"') => (Kind::Value, quoted(rest, element)?),
        Some(b'{') => (Kind::Inner, inner(rest, element)?),
        _ => {
            let length = rest
                .iter()
                .position(|&byte| byte == delimiter)
                .unwrap_or(rest.len());
            bare(rest.get(..length).unwrap_or_default(), element);
            let null = element.eq_ignore_ascii_case(b"NULL");
            (if null { Kind::Null } else { Kind::Value }, length)
        }
    };
    match rest.get(length..) {
        Some([]) => *rest = &[],
        // A delimiter promises another element.
        Some([byte, after @ ..]) if *byte == delimiter && !after.is_empty() => *rest = after,
        _ => return Err(Unfit::Malformed),
    }
    Ok(kind)
}

/// Unescapes a quoted element; gives the length it took with its quotes.
fn quoted(text: &[u8], element: &mut Vec<u8>) -> Result<usize, Unfit> {
    let mut bytes = text.iter().enumerate().skip(1);
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' => element.push(*bytes.next().ok_or(Unfit::Malformed)?.1),
            other => element.push(other),
        }
    }
    Err(Unfit::Malformed)
}

fn bare(text: &[u8], element: &mut Vec<u8>) {
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => element.extend(bytes.next()),
            other => element.push(other),
        }
    }
}

/// Copies an inner array's literal; gives its length.
fn inner(text: &[u8], element: &mut Vec<u8>) -> Result<usize, Unfit> {
    let (mut depth, mut in_quotes) = (0_usize, false);
    let mut bytes = text.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        element.push(byte);
        match byte {
            b'\\' => element.push(*bytes.next().ok_or(Unfit::Malformed)?.1),
            b'"' => in_quotes = !in_quotes,
            b'{' if !in_quotes => depth += 1,
            b'}' if !in_quotes => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            _ => {}
        }
    }
    Err(Unfit::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ByteForm, DateForm, TimeForm};
    use super::*;

    fn written(element: Codec, nullable: bool, text: &str) -> Result<String, Unfit> {
        let mut out = Vec::new();
        let codec = ArrayCodec {
            element,
            nullable,
            delimiter: b',',
        };
        codec.write(text.as_bytes(), &mut Scratch::default(), &mut out)?;
        Ok(String::from_utf8(out).expect("JSON is UTF-8"))
    }

    #[track_caller]
    fn check(element: Codec, text: &str, json: &str) {
        assert_eq!(written(element, true, text).as_deref(), Ok(json), "{text}");
    }

    #[test]
    fn literals_become_lists() {
        check(Codec::Int, "{1,NULL,3}", "[1,null,3]");
        check(Codec::Int, "{}", "[]");
        check(Codec::Int, "[0:1]={1,2}", "[1,2]");
        check(
            Codec::Text,
            r#"{a,"b c",NULL,"q\"","","NULL"}"#,
            r#"["a","b c",null,"q\"","","NULL"]"#,
        );
        check(Codec::Text, r#"{"{\"a\": 1}",x}"#, r#"["{\"a\": 1}","x"]"#);
        check(Codec::Bool, "{t,f,NULL}", "[true,false,null]");
        check(Codec::Float32, "{1.5,NaN}", "[1.5,\"NaN\"]");
        check(Codec::Float64, "{1e+300,-0}", "[1.0E300,-0.0]");
        check(
            Codec::Decimal { scale: 2 },
            "{1.10,NULL}",
            "[\"bg==\",null]",
        );
        check(
            Codec::Bytea(ByteForm::Base64),
            r#"{"\\x00ff",NULL}"#,
            "[\"AP8=\",null]",
        );
        check(
            Codec::Date(DateForm::Days),
            "{2024-01-01,1969-12-31}",
            "[19723,-1]",
        );
    }

    #[test]
    fn inner_arrays_are_no_values() {
        check(Codec::Int, "{{1,2},{3,4}}", "[null,null]");
        check(Codec::Int, "{{{1},{2}}}", "[null]");
        check(
            Codec::Text,
            r#"{{a,"b}"},{c,d}}"#,
            r#"["{a,\"b}\"}","{c,d}"]"#,
        );
    }

    #[test]
    fn times_in_arrays_keep_milliseconds() {
        let times = |text| written(Codec::ArrayTime(TimeForm::Micros), true, text);
        assert_eq!(times("{12:34:56.789012}").as_deref(), Ok("[45296789000]"));
    }

    #[test]
    fn a_null_that_is_not_allowed_makes_the_array_null() {
        assert_eq!(
            written(Codec::Text, false, "{sad,NULL}"),
            Err(Unfit::AsNull)
        );
        assert_eq!(
            written(Codec::Text, false, "{sad}").as_deref(),
            Ok("[\"sad\"]")
        );
        let nan = written(Codec::VariableDecimal, true, "{NaN}");
        assert_eq!(nan, Err(Unfit::AsNull), "pgjdbc refuses the array");
    }

    #[test]
    fn damaged_literals_are_refused() {
        for text in [
            "", "{", "}", "1,2", "{1,}", "{\"a}", "{\"a\"b}", "{{1}", "[0:1]", "{\"a\\",
        ] {
            assert_eq!(
                written(Codec::Text, true, text),
                Err(Unfit::Malformed),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[{},\"\\\\a]{0,20}") {
            let _ = written(Codec::Text, true, &text);
        }

        #[test]
        fn quoting_is_undone(values in proptest::collection::vec("\\PC{0,10}", 0..6)) {
            let quote = |v: &String| format!("\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\""));
            let literal = format!("{{{}}}", values.iter().map(quote).collect::<Vec<_>>().join(","));
            let json = written(Codec::Text, true, &literal).expect("a list");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).expect("JSON"), values);
        }
    }
}
