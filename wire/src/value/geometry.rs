//! Geometric types, as Debezium's geometry structs with well-known binary in them.

use super::{Scratch, Unfit, bytes, float};
use crate::json::{self, Alphabet};

/// PostgreSQL's geometric types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `(x,y)`
    Point,
    /// `{a,b,c}`
    Line,
    /// `[(x,y),(x,y)]`
    Lseg,
    /// `(x,y),(x,y)`
    Box,
    /// `[(x,y),…]` open, `((x,y),…)` closed
    Path,
    /// `((x,y),…)`
    Polygon,
    /// `<(x,y),r>`
    Circle,
}

const LINE_STRING: u32 = 2;
const POLYGON: u32 = 3;

/// Appends a geometric value.
pub(super) fn shape(
    text: &[u8],
    shape: Shape,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    match shape {
        Shape::Point => {
            let [x, y] = exactly(text)?;
            point(x, y, scratch, out);
        }
        Shape::Line => {
            let [a, b, c] = exactly(text)?;
            for (name, value) in [("{\"a\":", a), (",\"b\":", b), (",\"c\":", c)] {
                out.extend_from_slice(name.as_bytes());
                float::write_f64(value, out);
            }
            out.push(b'}');
        }
        Shape::Circle => {
            let [x, y, radius] = exactly(text)?;
            out.extend_from_slice(b"{\"center\":");
            point(x, y, scratch, out);
            out.extend_from_slice(b",\"radius\":");
            float::write_f64(radius, out);
            out.push(b'}');
        }
        Shape::Lseg => {
            let [x1, y1, x2, y2] = exactly(text)?;
            wkb(LINE_STRING, [(x1, y1), (x2, y2)].into_iter(), scratch);
            geometry("\"type\":\"lseg\"", scratch, out);
        }
        Shape::Box => {
            let [x1, y1, x2, y2] = exactly(text)?;
            let ring = [(x1, y1), (x1, y2), (x2, y2), (x2, y1), (x1, y1)];
            wkb(POLYGON, ring.into_iter(), scratch);
            geometry("\"type\":\"box\"", scratch, out);
        }
        Shape::Path => path(text, scratch, out)?,
        Shape::Polygon => polygon(text, scratch, out)?,
    }
    Ok(())
}

fn path(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let open = text.first() == Some(&b'[');
    wkb(LINE_STRING, points(text)?, scratch);
    let extensions = if open {
        "\"type\":\"path\",\"closed\":\"false\""
    } else {
        "\"type\":\"path\",\"closed\":\"true\""
    };
    geometry(extensions, scratch, out);
    Ok(())
}

fn polygon(text: &[u8], scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let ring = points(text)?;
    let (first, last) = (ring.clone().next(), ring.clone().last());
    let closing = if first == last { None } else { first };
    wkb(POLYGON, ring.chain(closing), scratch);
    geometry("\"type\":\"polygon\"", scratch, out);
    Ok(())
}

/// The numbers in a value's text, whatever stands between them.
fn numbers(text: &[u8]) -> Result<impl Iterator<Item = f64> + Clone, Unfit> {
    let text = std::str::from_utf8(text).map_err(|_| Unfit::Malformed)?;
    let between = |c: char| matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ' ');
    let words = text.split(between).filter(|word| !word.is_empty());
    if words.clone().any(|word| word.parse::<f64>().is_err()) {
        return Err(Unfit::Malformed);
    }
    Ok(words.filter_map(|word| word.parse().ok()))
}

fn exactly<const N: usize>(text: &[u8]) -> Result<[f64; N], Unfit> {
    let mut values = [0.0; N];
    let mut numbers = numbers(text)?;
    for value in &mut values {
        *value = numbers.next().ok_or(Unfit::Malformed)?;
    }
    if numbers.next().is_some() {
        Err(Unfit::Malformed)
    } else {
        Ok(values)
    }
}

fn points(text: &[u8]) -> Result<impl Iterator<Item = (f64, f64)> + Clone, Unfit> {
    let xs = numbers(text)?.step_by(2);
    let ys = numbers(text)?.skip(1).step_by(2);
    if xs.clone().count() == 0 || xs.clone().count() != ys.clone().count() {
        return Err(Unfit::Malformed);
    }
    Ok(xs.zip(ys))
}

/// Writes little-endian well-known binary into `scratch.bytes`; a polygon has one ring.
fn wkb(kind: u32, points: impl Iterator<Item = (f64, f64)> + Clone, scratch: &mut Scratch) {
    let bytes = &mut scratch.bytes;
    bytes.clear();
    bytes.push(1);
    bytes.extend_from_slice(&kind.to_le_bytes());
    if kind == POLYGON {
        bytes.extend_from_slice(&1_u32.to_le_bytes());
    }
    let count = u32::try_from(points.clone().count()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&count.to_le_bytes());
    for (x, y) in points {
        bytes.extend_from_slice(&x.to_le_bytes());
        bytes.extend_from_slice(&y.to_le_bytes());
    }
}

fn point(x: f64, y: f64, scratch: &mut Scratch, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"x\":");
    float::write_f64(x, out);
    out.extend_from_slice(b",\"y\":");
    float::write_f64(y, out);
    scratch.bytes.clear();
    scratch.bytes.extend_from_slice(&[1, 1, 0, 0, 0]);
    scratch.bytes.extend_from_slice(&x.to_le_bytes());
    scratch.bytes.extend_from_slice(&y.to_le_bytes());
    out.extend_from_slice(b",\"wkb\":");
    json::base64(&scratch.bytes, Alphabet::Standard, out);
    out.extend_from_slice(b",\"srid\":null}");
}

/// Appends the struct around what [`wkb`] wrote.
fn geometry(extensions: &str, scratch: &Scratch, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"wkb\":");
    json::base64(&scratch.bytes, Alphabet::Standard, out);
    out.extend_from_slice(b",\"srid\":null,\"extensions\":{");
    out.extend_from_slice(extensions.as_bytes());
    out.extend_from_slice(b"}}");
}

/// Appends PostGIS's hexadecimal extended well-known binary, its SRID also by itself.
pub(super) fn ewkb(
    text: &[u8],
    extensions: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Unfit> {
    const HAS_SRID: u32 = 0x2000_0000;
    bytes::unhex(text, &mut scratch.bytes)?;
    let (order, rest) = scratch.bytes.split_first().ok_or(Unfit::Malformed)?;
    let (kind, rest) = rest.split_first_chunk::<4>().ok_or(Unfit::Malformed)?;
    let number = |bytes: [u8; 4]| match order {
        0 => u32::from_be_bytes(bytes),
        _ => u32::from_le_bytes(bytes),
    };
    let word = rest.first_chunk::<4>().ok_or(Unfit::Malformed)?;
    let srid = (number(*kind) & HAS_SRID != 0).then(|| number(*word));
    out.extend_from_slice(b"{\"wkb\":");
    json::base64(&scratch.bytes, Alphabet::Standard, out);
    out.extend_from_slice(b",\"srid\":");
    match srid {
        Some(srid) => json::int(srid.cast_signed(), out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(if extensions {
        b",\"extensions\":null}"
    } else {
        b"}"
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: Shape, json: &str) {
        let mut out = Vec::new();
        shape(text.as_bytes(), kind, &mut Scratch::default(), &mut out).expect(text);
        assert_eq!(String::from_utf8_lossy(&out), json, "{text}");
    }

    #[test]
    fn points_lines_and_circles_name_their_numbers() {
        check(
            "(1.5,-2.25)",
            Shape::Point,
            r#"{"x":1.5,"y":-2.25,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAALA","srid":null}"#,
        );
        check("{0,-1,0.5}", Shape::Line, r#"{"a":0.0,"b":-1.0,"c":0.5}"#);
        check(
            "<(1,2),3>",
            Shape::Circle,
            r#"{"center":{"x":1.0,"y":2.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null},"radius":3.0}"#,
        );
    }

    #[test]
    fn other_shapes_are_well_known_binary() {
        check(
            "[(0,0),(1,1)]",
            Shape::Lseg,
            r#"{"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null,"extensions":{"type":"lseg"}}"#,
        );
        check(
            "(1,1),(0,0)",
            Shape::Box,
            r#"{"wkb":"AQMAAAABAAAABQAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/","srid":null,"extensions":{"type":"box"}}"#,
        );
        check(
            "[(0,0),(1,1),(2,0)]",
            Shape::Path,
            r#"{"wkb":"AQIAAAADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAAAAQAAAAAAAAAAA","srid":null,"extensions":{"type":"path","closed":"false"}}"#,
        );
        check(
            "((0,0),(1,1),(2,0))",
            Shape::Polygon,
            r#"{"wkb":"AQMAAAABAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/AAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","srid":null,"extensions":{"type":"polygon"}}"#,
        );
        check(
            "((0,0))",
            Shape::Polygon,
            r#"{"wkb":"AQMAAAABAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAA=","srid":null,"extensions":{"type":"polygon"}}"#,
        );
    }

    #[test]
    fn extended_binary_gives_its_srid() {
        let mut out = Vec::new();
        let point = b"0101000020E6100000000000000000F03F0000000000000040";
        ewkb(point, true, &mut Scratch::default(), &mut out).expect("EWKB");
        assert!(out.ends_with(br#","srid":4326,"extensions":null}"#));
        for bad in [&b""[..], b"01", b"0101000020E610", b"zz"] {
            let read = ewkb(bad, false, &mut Scratch::default(), &mut Vec::new());
            assert_eq!(read, Err(Unfit::Malformed));
        }
    }

    #[test]
    fn text_without_the_right_numbers_is_refused() {
        for (text, kind) in [
            ("(1)", Shape::Point),
            ("(1,x)", Shape::Point),
            ("()", Shape::Path),
        ] {
            let read = shape(
                text.as_bytes(),
                kind,
                &mut Scratch::default(),
                &mut Vec::new(),
            );
            assert_eq!(read, Err(Unfit::Malformed));
        }
    }
}
