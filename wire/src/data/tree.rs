//! JSON text as a tree, with numbers as they are written.
//!
//! Enters JSON, leaves borrowed nodes; Jackson's limits hold: one value, nothing after it, nesting
//! of at most a thousand levels.

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// The number's text.
    Number(&'a str),
    String(String),
    Array(Vec<Self>),
    /// Members in order; a name that comes again stands in the first one's place.
    Object(Vec<(String, Self)>),
}

/// Text that is not JSON: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {expected}")]
pub(crate) struct NotJson {
    at: usize,
    expected: &'static str,
}

/// Levels of nesting that are read: Jackson's `StreamReadConstraints`.
const DEPTH_MAX: usize = 1000;

/// Reads the JSON value that a text begins with; what follows does not matter, as to Jackson.
pub(crate) fn parse_first(text: &str) -> Result<Json<'_>, NotJson> {
    Reader { text, at: 0 }.value(0)
}

/// Reads a text that is one JSON value.
pub(crate) fn parse(text: &str) -> Result<Json<'_>, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.fault("the end")),
    }
}

impl<'a> Json<'a> {
    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self, expected: &'static str) -> NotJson {
        NotJson {
            at: self.at,
            expected,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, NotJson> {
        if depth > DEPTH_MAX {
            return Err(self.fault("at most 1000 levels"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, NotJson> {
        if !self.rest().starts_with(word) {
            return Err(self.fault("true, false or null"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, NotJson> {
        self.at += 1;
        let mut members: Vec<(String, Json<'a>)> = Vec::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.fault("a colon"));
            }
            let value = self.value(depth + 1)?;
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, place)) => *place = value,
                None => members.push((name, value)),
            }
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.fault("a comma or a brace"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, NotJson> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Ok(Json::Array(elements));
            }
            if !self.take(b',') {
                return Err(self.fault("a comma or a bracket"));
            }
        }
    }

    fn number(&mut self) -> Result<Json<'a>, NotJson> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Json::Number(
            self.text.get(start..self.at).unwrap_or_default(),
        ))
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault("a digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, NotJson> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("a string"));
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let special = |c: char| c == '"' || c == '\\' || c < ' ';
            let Some(length) = rest.find(special) else {
                return Err(self.fault("a closing quote"));
            };
            out.push_str(rest.get(..length).unwrap_or_default());
            self.at += length;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => self.escape(&mut out)?,
                _ => return Err(self.fault("control characters in escaped form")),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), NotJson> {
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        out.push(match escaped {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'u') => self.unicode()?,
            _ => return Err(self.fault("an escape")),
        });
        Ok(())
    }

    /// The character after `\u`; half of a pair alone becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, NotJson> {
        let unit = self.hex()?;
        if !(0xD800..0xDC00).contains(&unit) || !self.rest().starts_with("\\u") {
            return Ok(char::from_u32(unit.into()).unwrap_or('\u{FFFD}'));
        }
        let before = self.at;
        self.at += 2;
        let low = self.hex()?;
        match char::decode_utf16([unit, low]).next() {
            Some(Ok(character)) => Ok(character),
            _ => {
                self.at = before;
                Ok('\u{FFFD}')
            }
        }
    }

    fn hex(&mut self) -> Result<u16, NotJson> {
        let digits = self.rest().get(..4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| self.fault("four hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_is_written() {
        let text = r#" {"a":[1,-2.50e+3,"x\u00e9\ud83d\ude00\n",true,null],"a b":{},"a":0} "#;
        let Ok(Json::Object(members)) = parse(text) else {
            panic!("an object");
        };
        assert_eq!(members.len(), 2);
        assert_eq!(members[0], ("a".to_owned(), Json::Number("0")));
        let text = r#"[1,-2.50e+3,"x\u00e9\ud83d\ude00\n",true,null,[]]"#;
        let expected = Json::Array(vec![
            Json::Number("1"),
            Json::Number("-2.50e+3"),
            Json::String("xé😀\n".to_owned()),
            Json::Bool(true),
            Json::Null,
            Json::Array(Vec::new()),
        ]);
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(1002);
        for text in [
            "",
            "{",
            "[1,]",
            "01",
            "1.",
            "\"a",
            "\"\u{1}\"",
            "tru",
            "{a:1}",
            "1 2",
            &deep,
            "\"\\u12G4\"",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
