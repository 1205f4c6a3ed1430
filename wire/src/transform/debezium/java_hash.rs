//! Hashes of values as Java and Debezium's MurmurHash3 compute them.

use crate::data::{DATE, DECIMAL, Schema, TIME, TIMESTAMP, Value};

/// Milliseconds of a day, which Connect's `Date` counts.
const DAY_MS: i64 = 86_400_000;

/// `Object.hashCode` of what Connect holds for the value. A struct's is made of its values alone:
/// in Java it differs from run to run.
pub(super) fn java_hash(schema: &Schema, value: &Value) -> i32 {
    match (value, schema.logical()) {
        (Value::Int32(days), DATE) => long_hash(i64::from(*days) * DAY_MS),
        (Value::Int32(millis), TIME) => long_hash((*millis).into()),
        (Value::Int64(millis), TIMESTAMP) => long_hash(*millis),
        (Value::Bytes(unscaled), DECIMAL) => {
            let scale = schema
                .parameter("scale")
                .and_then(|scale| scale.parse().ok());
            let scale: i32 = scale.unwrap_or_default();
            integer_hash(unscaled).wrapping_mul(31).wrapping_add(scale)
        }
        (value, _) => plain_hash(schema, value),
    }
}

fn plain_hash(schema: &Schema, value: &Value) -> i32 {
    use crate::data::Kind;
    match value {
        Value::Null => 0,
        Value::Boolean(true) => 1231,
        Value::Boolean(false) => 1237,
        Value::Int8(number) => (*number).into(),
        Value::Int16(number) => (*number).into(),
        Value::Int32(number) => *number,
        Value::Int64(number) => long_hash(*number),
        Value::Float32(number) if number.is_nan() => 0x7fc0_0000,
        Value::Float32(number) => number.to_bits().cast_signed(),
        Value::Float64(number) if number.is_nan() => 0x7ff8_0000,
        Value::Float64(number) => long_hash(number.to_bits().cast_signed()),
        Value::String(text) => folded(0, text.encode_utf16().map(i32::from)),
        Value::Bytes(bytes) => folded(1, bytes.iter().rev().map(|byte| byte.cast_signed().into())),
        Value::Array(items) => match &schema.kind {
            Kind::Array(item) => folded(1, items.iter().map(|value| java_hash(item, value))),
            _ => 0,
        },
        Value::Map(entries) => match &schema.kind {
            Kind::Map(key, item) => {
                let hash =
                    |(name, value): &(Value, Value)| java_hash(key, name) ^ java_hash(item, value);
                entries.iter().map(hash).fold(0, i32::wrapping_add)
            }
            _ => 0,
        },
        Value::Struct(inner) => {
            let hash = |(field, value): (&crate::data::Field, _)| java_hash(&field.schema, value);
            folded(1, inner.iter().map(hash))
        }
    }
}

fn folded(start: i32, parts: impl Iterator<Item = i32>) -> i32 {
    parts.fold(start, |hash, part| hash.wrapping_mul(31).wrapping_add(part))
}

fn long_hash(number: i64) -> i32 {
    let bits = number.cast_unsigned();
    low(bits ^ (bits >> 32)).cast_signed()
}

/// `BigInteger.hashCode` of a big-endian two's complement.
fn integer_hash(bytes: &[u8]) -> i32 {
    let negative = bytes.first().is_some_and(|byte| byte.cast_signed() < 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(carry.into());
        }
        if carry {
            magnitude.insert(0, 1);
        }
    }
    let words = magnitude.rchunks(4).rev().map(|chunk| {
        let word = |word: u32, byte: &u8| (word << 8) | u32::from(*byte);
        chunk.iter().fold(0, word).cast_signed()
    });
    let hash = folded(0, words);
    if negative { hash.wrapping_neg() } else { hash }
}

/// Debezium's MurmurHash3 of what Connect holds for the value: of a text's UTF-8, of the Java hash
/// of anything else.
pub(super) fn murmur_hash(schema: &Schema, value: &Value) -> i32 {
    match value {
        Value::String(text) => murmur(text.as_bytes()),
        _ => murmur(&java_hash(schema, value).to_le_bytes()),
    }
}

/// The state of the hash: `MurmurHash3_x64_64` as Infinispan has it, whose constants change.
struct State {
    h1: u64,
    h2: u64,
    c1: u64,
    c2: u64,
}

impl State {
    fn mix(&mut self, k1: u64, k2: u64) {
        let k1 = k1
            .wrapping_mul(self.c1)
            .rotate_left(23)
            .wrapping_mul(self.c2);
        self.h1 = (self.h1 ^ k1).wrapping_add(self.h2);
        self.h2 = self.h2.rotate_left(41);
        let k2 = k2
            .wrapping_mul(self.c2)
            .rotate_left(23)
            .wrapping_mul(self.c1);
        self.h2 = (self.h2 ^ k2).wrapping_add(self.h1);
        self.h1 = self.h1.wrapping_mul(3).wrapping_add(0x52dc_e729);
        self.h2 = self.h2.wrapping_mul(3).wrapping_add(0x3849_5ab5);
        self.c1 = self.c1.wrapping_mul(5).wrapping_add(0x7b7d_159c);
        self.c2 = self.c2.wrapping_mul(5).wrapping_add(0x6bce_6396);
    }
}

fn murmur(key: &[u8]) -> i32 {
    const SEED: u64 = 9001;
    let mut state = State {
        h1: 0x9368_e53c_2f6a_f274 ^ SEED,
        h2: 0x586d_cd20_8f7c_d3fd ^ SEED,
        c1: 0x87c3_7b91_1142_53d5,
        c2: 0x4cf5_ad43_2745_937f,
    };
    let mut blocks = key.chunks_exact(16);
    for block in &mut blocks {
        let (first, second) = block.split_at(8);
        state.mix(word(first), word(second));
    }
    let rest = blocks.remainder();
    if !rest.is_empty() {
        let (first, second) = rest.split_at(rest.len().min(8));
        state.mix(tail(first), tail(second));
    }
    state.h2 ^= u64::try_from(key.len()).unwrap_or_default();
    state.h1 = state.h1.wrapping_add(state.h2);
    state.h2 = state.h2.wrapping_add(state.h1);
    let hash = finished(state.h1).wrapping_add(finished(state.h2));
    low(hash >> 32).cast_signed()
}

/// Eight bytes, the lowest first.
fn word(bytes: &[u8]) -> u64 {
    let add = |word: u64, byte: &u8| (word << 8) | u64::from(*byte);
    bytes.iter().rev().fold(0, add)
}

/// The last bytes, each with its sign, as Java widens them.
fn tail(bytes: &[u8]) -> u64 {
    let widened = bytes.iter().map(|byte| i64::from(byte.cast_signed()));
    let mut shift = 0_u32;
    let mut word = 0;
    for byte in widened {
        word ^= byte.cast_unsigned() << shift;
        shift += 8;
    }
    word
}

fn finished(mut k: u64) -> u64 {
    k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

fn low(bits: u64) -> u32 {
    u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;

    #[test]
    fn hashes_are_javas() {
        let decimal = |bytes: &[u8], scale: &str| {
            let mut schema = Schema::new(Kind::Bytes).named(DECIMAL);
            schema.parameters.push(("scale".into(), scale.into()));
            (schema, Value::Bytes(bytes.to_vec()))
        };
        let plain = |kind, value| (Schema::new(kind), value);
        let item = std::sync::Arc::new(Schema::new(Kind::Int32).optional());
        let list = Value::Array(vec![Value::Int32(1), Value::Null]);
        let table = [
            (plain(Kind::String, "orange".into()), -1_008_851_410),
            (plain(Kind::Boolean, Value::Boolean(true)), 1231),
            (plain(Kind::Int16, Value::Int16(-3)), -3),
            (plain(Kind::Int64, Value::Int64(-1)), 0),
            (plain(Kind::Int64, Value::Int64(1 << 32)), 1),
            (plain(Kind::Float64, Value::Float64(1.0)), 1_072_693_248),
            (plain(Kind::Float32, Value::Float32(1.0)), 1_065_353_216),
            (plain(Kind::Bytes, Value::Bytes(vec![1, 255])), 31 * 30 + 1),
            (plain(Kind::Array(item), list), (31 + 1) * 31),
            (decimal(&[0x01, 0x4a], "2"), 330 * 31 + 2),
            (decimal(&[0xff], "0"), -31),
            (decimal(&[1, 0, 0, 0, 2], "0"), (31 + 2) * 31),
            (
                (Schema::new(Kind::Int32).named(DATE), Value::Int32(1)),
                86_400_000,
            ),
        ];
        for ((schema, value), expected) in table {
            assert_eq!(java_hash(&schema, &value), expected, "{value:?}");
        }
    }
}
