//! `hstore`: `"a"=>"1", "b"=>NULL` to a JSON object, in a string or as a map.
//!
//! Keys come in the order of the Java `HashMap` that Debezium reads them into.

use super::{Scratch, Unfit};
use crate::java::{bucket_count, hash_spread};
use crate::json;

/// A key and value, as ranges of the unescaped text.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    hash: u32,
    key: std::ops::Range<usize>,
    value: Option<std::ops::Range<usize>>,
}

/// Appends an hstore as a map.
pub(super) fn map(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    read(text, scratch)?;
    object(&scratch.pairs, &scratch.text, json::string, out);
    Ok(())
}

/// Appends an hstore as JSON text in a string.
pub(super) fn json(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    read(text, scratch)?;
    let mut inner = std::mem::take(&mut scratch.bytes);
    inner.clear();
    // The string around it escapes what lies outside the basic plane.
    object(
        &scratch.pairs,
        &scratch.text,
        json::string_unicode,
        &mut inner,
    );
    json::string(&inner, out);
    scratch.bytes = inner;
    Ok(())
}

fn object(pairs: &[Pair], text: &[u8], string: impl Fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, pair) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(text.get(pair.key.clone()).unwrap_or_default(), out);
        out.push(b':');
        match &pair.value {
            Some(value) => string(text.get(value.clone()).unwrap_or_default(), out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

/// Reads the pairs into `scratch.pairs`, their text into `scratch.text`, in the map's order.
fn read(text: &[u8], scratch: &mut Scratch) -> Result<(), Unfit> {
    let (pairs, store) = (&mut scratch.pairs, &mut scratch.text);
    pairs.clear();
    store.clear();
    let mut rest = text;
    while !rest.is_empty() {
        let key = quoted(&mut rest, store)?;
        rest = rest.strip_prefix(b"=>").ok_or(Unfit::Malformed)?;
        let value = match rest.strip_prefix(b"NULL") {
            Some(after) => {
                rest = after;
                None
            }
            None => Some(quoted(&mut rest, store)?),
        };
        let name = std::str::from_utf8(store.get(key.clone()).unwrap_or_default());
        let hash = hash_spread(name.map_err(|_| Unfit::Malformed)?);
        pairs.push(Pair { hash, key, value });
        rest = match rest {
            [] => rest,
            _ => rest.strip_prefix(b", ").ok_or(Unfit::Malformed)?,
        };
    }
    let buckets = bucket_count(pairs.len());
    pairs.sort_unstable_by_key(|pair| (pair.hash & (buckets - 1), pair.key.start));
    Ok(())
}

fn quoted(rest: &mut &[u8], store: &mut Vec<u8>) -> Result<std::ops::Range<usize>, Unfit> {
    let start = store.len();
    let mut bytes = rest.strip_prefix(b"\"").ok_or(Unfit::Malformed)?;
    loop {
        bytes = match bytes {
            [b'"', after @ ..] => {
                *rest = after;
                return Ok(start..store.len());
            }
            [b'\\', escaped, after @ ..] | [escaped, after @ ..] => {
                store.push(*escaped);
                after
            }
            [] => return Err(Unfit::Malformed),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, object: &str) {
        let (mut scratch, mut out) = (Scratch::default(), Vec::new());
        map(text.as_bytes(), &mut scratch, &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), object);
        out.clear();
        json(text.as_bytes(), &mut scratch, &mut out).expect(text);
        let mut expected = Vec::new();
        let inner: serde_json::Value = serde_json::from_str(object).expect("JSON");
        json::string(inner.to_string().as_bytes(), &mut expected);
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&expected)
        );
    }

    #[test]
    fn pairs_become_an_object_in_hash_order() {
        check("", "{}");
        check(r#""k"=>"v""#, r#"{"k":"v"}"#);
        check(
            r#""a"=>"1", "b"=>NULL, "c d"=>"x\"y""#,
            r#"{"a":"1","b":null,"c d":"x\"y"}"#,
        );
        check(
            r#""é"=>"😀", "aa"=>"{\"j\":1}""#,
            r#"{"aa":"{\"j\":1}","é":"\uD83D\uDE00"}"#,
        );
        check(
            r#""a"=>"1", "q"=>"2", "b"=>"3""#,
            r#"{"a":"1","q":"2","b":"3"}"#,
        );
    }

    #[test]
    fn damaged_text_is_refused() {
        for text in [
            "a",
            "\"a\"",
            "\"a\"=>",
            "\"a\"=>\"",
            "\"a\"=>\"1\",",
            "\"a\"=>\"1\" \"b\"=>NULL",
        ] {
            let read = map(text.as_bytes(), &mut Scratch::default(), &mut Vec::new());
            assert_eq!(read, Err(Unfit::Malformed), "{text}");
        }
    }
}
