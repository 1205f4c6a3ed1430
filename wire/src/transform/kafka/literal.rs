//! Connect's `Values.parseString`: finds the type of a text by how it looks.
//!
//! Enters a text, leaves a schema and a value: `null`, `true`, numbers, ISO 8601 times, lists in
//! `[]` and maps in `{}`; everything else is text.

use crate::data::{DATE, DECIMAL, Kind, Schema, TIME, TIMESTAMP, Value};

use super::big::Big;
use super::cast_value::{narrow8, narrow16, narrow32};
use super::date_format::{DAY, DateFormat};
use super::literal_schema::{Merger, list, map};
use super::literal_tokens::Tokens;

/// A value and its schema; null has none.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Parsed {
    pub(super) schema: Option<Schema>,
    pub(super) value: Value,
}

/// The text inside a list or map is no value: all of the text is text.
#[derive(Debug, PartialEq)]
pub(super) struct NoValue;

impl Parsed {
    pub(super) const fn new(schema: Schema, value: Value) -> Self {
        Self {
            schema: Some(schema),
            value,
        }
    }

    fn text(text: &str) -> Self {
        Self::new(Schema::new(Kind::String), Value::from(text))
    }
}

/// Finds a text's type.
pub(super) fn parse(text: &str) -> Parsed {
    if text.is_empty() {
        return Parsed::text(text);
    }
    let mut tokens = Tokens::new(text);
    value(&mut tokens, false).unwrap_or_else(|NoValue| Parsed::text(text))
}

fn value(tokens: &mut Tokens, embedded: bool) -> Result<Parsed, NoValue> {
    let boolean = |truth| Parsed::new(Schema::new(Kind::Boolean), Value::Boolean(truth));
    if !tokens.has_next() {
        return Ok(Parsed::default());
    } else if embedded && tokens.accept("\"") {
        return Ok(quoted(tokens));
    } else if single(tokens, embedded, "null") {
        return Ok(Parsed::default());
    } else if single(tokens, embedded, "true") {
        return Ok(boolean(true));
    } else if single(tokens, embedded, "false") {
        return Ok(boolean(false));
    }
    let start = tokens.mark();
    if tokens.accept("[") {
        if let Ok(parsed) = elements(tokens) {
            return Ok(parsed);
        }
        tokens.rewind(start);
    } else if tokens.accept("{") {
        if let Ok(parsed) = entries(tokens) {
            return Ok(parsed);
        }
        tokens.rewind(start);
    }
    let token = tokens.next();
    if token.trim().is_empty() {
        return Ok(Parsed::text(&token));
    }
    scalar(tokens, embedded, token.trim())
}

/// A word that must be all of the text unless it is in a list or map.
fn single(tokens: &mut Tokens, embedded: bool, word: &str) -> bool {
    let start = tokens.mark();
    if tokens.accept(word) && (embedded || !tokens.has_next()) {
        return true;
    }
    tokens.rewind(start);
    false
}

fn scalar(tokens: &mut Tokens, embedded: bool, token: &str) -> Result<Parsed, NoValue> {
    let digit = token.starts_with(|first: char| first.is_ascii_digit());
    if digit && let Some(parsed) = spread_temporal(tokens, token) {
        return Ok(parsed);
    }
    if (digit || token.starts_with(['+', '-']))
        && let Some(parsed) = number(token)
    {
        return Ok(parsed);
    }
    if embedded {
        return Err(NoValue);
    }
    Ok(Parsed::text(&tokens.original()))
}

/// Times have colons, which part tokens.
fn spread_temporal(tokens: &mut Tokens, token: &str) -> Option<Parsed> {
    let start = tokens.mark();
    if let Some(more) = tokens.next_four()
        && let Some(parsed) = temporal(&format!("{token}{more}"))
    {
        return Some(parsed);
    }
    tokens.rewind(start);
    temporal(token)
}

fn temporal(token: &str) -> Option<Parsed> {
    let token = token.replace("\\:", ":");
    let (name, kind, pattern) = match token.encode_utf16().count() {
        10 => (DATE, Kind::Int32, "yyyy-MM-dd"),
        13 => (TIME, Kind::Int32, "HH:mm:ss.SSS'Z'"),
        24 => (TIMESTAMP, Kind::Int64, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"),
        _ => return None,
    };
    let millis = DateFormat::new(pattern).ok()?.parse(&token)?;
    let value = match name {
        DATE => Value::Int32(narrow32(millis.div_euclid(DAY))),
        TIME => Value::Int32(narrow32(millis)),
        _ => Value::Int64(millis),
    };
    Some(Parsed::new(
        Schema::new(kind).named(name).versioned(1),
        value,
    ))
}

fn number(token: &str) -> Option<Parsed> {
    let big = Big::parse(token)?;
    if let Some(exact) = big.exact().filter(|_| big.is_whole()) {
        let (kind, value) = if i64::from(narrow8(exact)) == exact {
            (Kind::Int8, Value::Int8(narrow8(exact)))
        } else if i64::from(narrow16(exact)) == exact {
            (Kind::Int16, Value::Int16(narrow16(exact)))
        } else if i64::from(narrow32(exact)) == exact {
            (Kind::Int32, Value::Int32(narrow32(exact)))
        } else {
            (Kind::Int64, Value::Int64(exact))
        };
        return Some(Parsed::new(Schema::new(kind), value));
    }
    let (single, double): (f32, f64) = (big.binary(), big.binary());
    let (schema, value) = if single.is_finite() && big.scale != 0 {
        (Schema::new(Kind::Float32), Value::Float32(single))
    } else if double.is_finite() && big.scale != 0 {
        (Schema::new(Kind::Float64), Value::Float64(double))
    } else {
        let mut schema = Schema::new(Kind::Bytes).named(DECIMAL).versioned(1);
        let scale = ("scale".to_owned(), big.scale.to_string());
        schema.parameters.push(scale);
        (schema, Value::Bytes(big.bytes()))
    };
    Some(Parsed::new(schema, value))
}

fn quoted(tokens: &mut Tokens) -> Parsed {
    let mut text = String::new();
    while tokens.has_next() && !tokens.accept("\"") {
        text.push_str(&tokens.next());
    }
    temporal(&text).unwrap_or_else(|| Parsed::text(&text))
}

fn elements(tokens: &mut Tokens) -> Result<Parsed, NoValue> {
    let mut merger = Merger::default();
    let mut parsed = Vec::new();
    while tokens.has_next() {
        if tokens.accept("]") {
            return list(merger, parsed);
        }
        if tokens.accept(",") {
            return Err(NoValue);
        }
        let element = value(tokens, true)?;
        merger.merge(&element);
        parsed.push(element);
        let here = tokens.mark();
        if tokens.accept("]") {
            tokens.rewind(here);
        } else if !tokens.accept(",") {
            return Err(NoValue);
        }
    }
    Err(NoValue)
}

fn entries(tokens: &mut Tokens) -> Result<Parsed, NoValue> {
    let (mut keys, mut values) = (Merger::default(), Merger::default());
    let mut parsed: Vec<(Parsed, Parsed)> = Vec::new();
    while tokens.has_next() {
        if tokens.accept("}") {
            return map(keys, values, parsed);
        }
        if tokens.accept(",") {
            return Err(NoValue);
        }
        let key = value(tokens, true)?;
        if key.value.is_null() || !tokens.accept(":") {
            return Err(NoValue);
        }
        let entry = value(tokens, true)?;
        tokens.accept(",");
        keys.merge(&key);
        values.merge(&entry);
        match parsed
            .iter_mut()
            .find(|(known, _)| known.value == key.value)
        {
            Some(known) => known.1 = entry,
            None => parsed.push((key, entry)),
        }
    }
    Err(NoValue)
}
