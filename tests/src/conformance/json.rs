//! JSON as it was written: the order of fields, repeated fields and the exact text of each scalar.
//!
//! Enters: text. Leaves: a tree that writes back the same text, less the blanks between tokens.
//! It never interprets: `1.0` and `1` differ, and so do `"é"` and `"\u00e9"`.

/// How deep values may lie in each other.
const DEPTH_MAX: usize = 200;

/// A value with its exact text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Fields in order; a name is the text between its quotes.
    Object(Vec<(String, Node)>),
    /// Elements in order.
    Array(Vec<Node>),
    /// A string with its quotes, a number, `true`, `false`, `null`, `NaN` or an infinity.
    Scalar(String),
}

impl Node {
    /// The first field called `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let found = self.fields().iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    /// The text of the field `name`, if it is a scalar.
    pub(super) fn scalar(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Self::Scalar(text)) => Some(text),
            _ => None,
        }
    }

    /// The fields; none if this is no object.
    pub(super) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// Whether it is an object with (at least) all of `names`.
    pub(super) fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.get(name).is_some())
    }

    /// Writes it without blanks.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    separate(out, index);
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    separate(out, index);
                    out.push('"');
                    out.push_str(name);
                    out.push_str("\":");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

/// Reads `text`; `None` if it is not JSON.
pub(super) fn parse(text: &str) -> Option<Node> {
    let mut parser = Parser { rest: text };
    let node = parser.value(0)?;
    parser.blanks();
    parser.rest.is_empty().then_some(node)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blanks();
        if self.eat('{') {
            self.object(depth)
        } else if self.eat('[') {
            self.array(depth)
        } else {
            let text = if self.rest.starts_with('"') {
                self.string()?
            } else {
                self.word()?
            };
            Some(Node::Scalar(text.to_owned()))
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        let mut fields = Vec::new();
        if self.eat_after_blanks('}') {
            return Some(Node::Object(fields));
        }
        loop {
            self.blanks();
            let quoted = self.string()?;
            let name = quoted.get(1..quoted.len() - 1)?.to_owned();
            if !self.eat_after_blanks(':') {
                return None;
            }
            fields.push((name, self.value(depth + 1)?));
            if self.eat_after_blanks('}') {
                return Some(Node::Object(fields));
            }
            if !self.eat(',') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Node> {
        let mut elements = Vec::new();
        if self.eat_after_blanks(']') {
            return Some(Node::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.eat_after_blanks(']') {
                return Some(Node::Array(elements));
            }
            if !self.eat(',') {
                return None;
            }
        }
    }

    /// A string with its quotes. What follows a backslash is not looked at.
    fn string(&mut self) -> Option<&'a str> {
        let mut characters = self.rest.char_indices();
        characters.next().filter(|(_, first)| *first == '"')?;
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => drop(characters.next()?),
                '"' => return Some(self.take(at + 1)),
                _ => {}
            }
        }
        None
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self.rest.find([',', ']', '}', ':', ' ', '\t', '\n', '\r']);
        let word = self.rest.get(..end.unwrap_or(self.rest.len()))?;
        let known = ["true", "false", "null", "NaN", "Infinity", "-Infinity"];
        if known.contains(&word) || is_number(word) {
            return Some(self.take(word.len()));
        }
        None
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn eat_after_blanks(&mut self, character: char) -> bool {
        self.blanks();
        self.eat(character)
    }
}

/// `-?digits(.digits)?([eE][+-]?digits)?`
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_written_compactly_comes_back_unchanged() {
        for text in [
            r#"{"b":1.0,"a":[1,-2.5E-7,"x\"\\\u00e9é"],"b":null,"e":{},"l":[]}"#,
            r#""text""#,
            "NaN",
            "-Infinity",
            "true",
            "1.0E300",
        ] {
            assert_eq!(parse(text).map(|node| node.text()).as_deref(), Some(text));
        }
        let spaced = parse("{ \"a\" : [ 1 , 2 ] }\n").map(|node| node.text());
        assert_eq!(spaced.as_deref(), Some(r#"{"a":[1,2]}"#));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "[1,]",
            "[1 2]",
            "1 2",
            "1.",
            ".5",
            "Struct{a=1}",
            "\"open",
            "\"\\",
            "{a:1}",
            "nul",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }
}
