//! pgvector's types.

use super::{Unfit, float};
use crate::json;

/// Appends a `vector` or `halfvec`, `[1,2.5]`.
pub(super) fn dense(text: &[u8], double: bool, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let body = text
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"));
    let body = body.ok_or(Unfit::Malformed)?;
    out.push(b'[');
    for (index, element) in body.split(|&byte| byte == b',').enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if double {
            float::double(element, out)?;
        } else {
            float::single(element, out)?;
        }
    }
    out.push(b']');
    Ok(())
}

/// Appends a `sparsevec`, `{1:0.5,3:2}/5`; JsonConverter writes a map with integer keys as a
/// list of pairs.
pub(super) fn sparse(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let text = std::str::from_utf8(text).map_err(|_| Unfit::Malformed)?;
    let (elements, dimensions) = text.split_once('/').ok_or(Unfit::Malformed)?;
    let elements = elements
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let elements = elements.ok_or(Unfit::Malformed)?;
    let number = |text: &str| text.trim().parse::<u16>().map_err(|_| Unfit::Malformed);
    out.extend_from_slice(b"{\"dimensions\":");
    json::int(number(dimensions)?, out);
    out.extend_from_slice(b",\"vector\":[");
    for (index, pair) in elements
        .split(',')
        .filter(|pair| !pair.is_empty())
        .enumerate()
    {
        let (place, value) = pair.split_once(':').ok_or(Unfit::Malformed)?;
        if index > 0 {
            out.push(b',');
        }
        out.push(b'[');
        json::int(number(place)?, out);
        out.push(b',');
        float::double(value.as_bytes(), out)?;
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_and_sparse() {
        let mut out = Vec::new();
        dense(b"[1,2.5]", true, &mut out).expect("a vector");
        sparse(b"{1:0.5,3:2}/5", &mut out).expect("a vector");
        let expected = r#"[1.0,2.5]{"dimensions":5,"vector":[[1,0.5],[3,2.0]]}"#;
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(dense(b"1,2", true, &mut out), Err(Unfit::Malformed));
        assert_eq!(sparse(b"{1}/5", &mut out), Err(Unfit::Malformed));
    }
}
