//! Column mappers: `column.mask.…`, `column.truncate.…`, `column.propagate.source.type` and
//! `datatype.propagate.source.type`.
//!
//! Enters a connector's properties, leaves rules; of those that match a column the first counts,
//! in Debezium's order. Keys are never mapped.

use crate::pattern::{PatternError, PatternList};

/// What is done to a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMapper {
    /// Every text value, null too, becomes so many asterisks.
    Mask {
        /// How many.
        length: usize,
    },
    /// Text becomes a salted hash in hexadecimal, cut to the column's length.
    Hash(Hash),
    /// Text and bytes are cut.
    Truncate {
        /// UTF-16 units or bytes that stay.
        length: usize,
    },
    /// The source's type goes into the schema's parameters.
    PropagateSource,
}

/// How a value is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash {
    /// The digest.
    pub algorithm: HashAlgorithm,
    /// Bytes put in front of the value.
    pub salt: Vec<u8>,
    /// `column.mask.hash.v2`: hashes the text itself, not Java's serialised form of it.
    pub plain: bool,
}

/// Java's names for digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// `MD5`
    Md5,
    /// `SHA-1`
    Sha1,
    /// `SHA-224`
    Sha224,
    /// `SHA-256`
    Sha256,
    /// `SHA-384`
    Sha384,
    /// `SHA-512`
    Sha512,
}

impl HashAlgorithm {
    fn from_java(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => Self::Md5,
            "SHA" | "SHA1" | "SHA-1" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            _ => return None,
        })
    }
}

/// A mapper and the columns it is for.
#[derive(Debug, Clone)]
struct Rule {
    names: PatternList,
    /// Whether the names are `schema.table.type` instead of `schema.table.column`.
    by_type: bool,
    mapper: ColumnMapper,
}

/// All mappers of a connector.
#[derive(Debug, Clone, Default)]
pub struct ColumnMappers {
    rules: Vec<Rule>,
}

impl ColumnMappers {
    /// From a connector's properties; those that are no column mappers are passed over.
    pub fn new<'p>(
        properties: impl Iterator<Item = (&'p str, &'p str)> + Clone,
    ) -> Result<Self, PatternError> {
        let mut rules = Vec::new();
        for kind in Kind::ORDER {
            for (name, value) in properties.clone() {
                let Some(mapper) = kind.mapper(name)? else {
                    continue;
                };
                let by_type = kind == Kind::PropagateByType;
                rules.push(Rule {
                    names: PatternList::new(value)?,
                    by_type,
                    mapper,
                });
            }
        }
        Ok(Self { rules })
    }

    /// Whether the property is one of these, so that none is taken for unknown.
    pub fn is_property(name: &str) -> bool {
        Kind::ORDER
            .iter()
            .any(|kind| !matches!(kind.mapper(name), Ok(None)))
    }

    /// What is done to `schema.table.column` of a type.
    pub(crate) fn of(&self, table: &str, column: &str, type_name: &str) -> Option<&ColumnMapper> {
        let matches = |rule: &&Rule| {
            let last = if rule.by_type { type_name } else { column };
            rule.names.matches(&format!("{table}.{last}"))
        };
        self.rules.iter().find(matches).map(|rule| &rule.mapper)
    }
}

/// Kinds of properties, in the order in which Debezium makes their rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Truncate,
    Mask,
    Propagate,
    PropagateByType,
    Hash,
    HashV2,
}

impl Kind {
    const ORDER: [Self; 6] = [
        Self::Truncate,
        Self::Mask,
        Self::Propagate,
        Self::PropagateByType,
        Self::Hash,
        Self::HashV2,
    ];

    /// The mapper a property names, if it is of this kind.
    fn mapper(self, name: &str) -> Result<Option<ColumnMapper>, PatternError> {
        let chars = |head| {
            let digits = name.strip_prefix(head)?.strip_suffix(".chars")?;
            digits.parse::<usize>().ok()
        };
        Ok(match self {
            Self::Truncate => {
                chars("column.truncate.to.").map(|length| ColumnMapper::Truncate { length })
            }
            Self::Mask => chars("column.mask.with.").map(|length| ColumnMapper::Mask { length }),
            Self::Propagate => {
                (name == "column.propagate.source.type").then_some(ColumnMapper::PropagateSource)
            }
            Self::PropagateByType => {
                (name == "datatype.propagate.source.type").then_some(ColumnMapper::PropagateSource)
            }
            Self::Hash => hash(name, "column.mask.hash.", false)?,
            Self::HashV2 => hash(name, "column.mask.hash.v2.", true)?,
        })
    }
}

fn hash(name: &str, head: &str, plain: bool) -> Result<Option<ColumnMapper>, PatternError> {
    let parts = name
        .strip_prefix(head)
        .and_then(|rest| rest.split_once(".with.salt."));
    let Some((algorithm, salt)) = parts.filter(|(algorithm, _)| !algorithm.contains('.')) else {
        return Ok(None);
    };
    let Some(algorithm) = HashAlgorithm::from_java(algorithm) else {
        let known = "write MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512 for the algorithm";
        return Err(PatternError::new(name, known));
    };
    Ok(Some(ColumnMapper::Hash(Hash {
        algorithm,
        salt: salt.as_bytes().to_vec(),
        plain,
    })))
}

impl Hash {
    /// The hash of a text, in hexadecimal.
    pub(crate) fn hex(&self, text: &str) -> String {
        let mut input = self.salt.clone();
        if self.plain {
            input.extend_from_slice(text.as_bytes());
        } else {
            java_serialised(text, &mut input);
        }
        digest(self.algorithm, &input)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn digest(algorithm: HashAlgorithm, input: &[u8]) -> Vec<u8> {
    use md5::Digest as _;
    use sha2::Digest as _;

    match algorithm {
        HashAlgorithm::Md5 => md5::Md5::digest(input).to_vec(),
        HashAlgorithm::Sha1 => sha1::Sha1::digest(input).to_vec(),
        HashAlgorithm::Sha224 => sha2::Sha224::digest(input).to_vec(),
        HashAlgorithm::Sha256 => sha2::Sha256::digest(input).to_vec(),
        HashAlgorithm::Sha384 => sha2::Sha384::digest(input).to_vec(),
        HashAlgorithm::Sha512 => sha2::Sha512::digest(input).to_vec(),
    }
}

/// Appends what Java's `ObjectOutputStream` writes for a string: a stream header, a tag, the
/// length and the text in modified UTF-8.
/// Format: <https://docs.oracle.com/en/java/javase/21/docs/specs/serialization/protocol.html>.
fn java_serialised(text: &str, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, low] = unit.to_be_bytes();
        match unit {
            0x0001..=0x007F => body.push(low),
            0x0000..=0x07FF => {
                body.extend_from_slice(&[0xC0 | high << 2 | low >> 6, 0x80 | low & 0x3F]);
            }
            _ => body.extend_from_slice(&[
                0xE0 | high >> 4,
                0x80 | (high & 0x0F) << 2 | low >> 6,
                0x80 | low & 0x3F,
            ]),
        }
    }
    out.extend_from_slice(&[0xAC, 0xED, 0x00, 0x05]);
    match u16::try_from(body.len()) {
        Ok(length) => {
            out.push(0x74);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x7C);
            let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    out.extend_from_slice(&body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_debeziums() {
        let check = |algorithm, salt: &str, plain, text: &str, expected: &str| {
            let hash = Hash {
                algorithm,
                salt: salt.as_bytes().to_vec(),
                plain,
            };
            assert!(hash.hex(text).starts_with(expected), "{text}");
        };
        use HashAlgorithm::{Md5, Sha256};
        let salt = "CzQMA0cB5K";
        let of_number = "377189d9d7c7e96e2be1135d7b2de30b4060912652dafde77a1caa0352244d75";
        check(Sha256, salt, false, "123-45-6789", of_number);
        let of_note = "312a0ae8352bab8e44dd7574de31dc623b45e09a10a89c38213042ff1914eae4";
        check(Sha256, salt, true, "long long note", of_note);
        check(Md5, "abc", false, "4111111111111111", "b5c3a3a75f9c3b89");
        check(Md5, "abc", false, "", "e604267489fef09e");
    }

    #[test]
    fn modified_utf8_splits_surrogates() {
        let mut out = Vec::new();
        java_serialised("é\0😀", &mut out);
        let body = [0xC3, 0xA9, 0xC0, 0x80, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80];
        assert_eq!(out, [&[0xAC, 0xED, 0, 5, 0x74, 0, 10][..], &body].concat());
    }

    #[test]
    fn rules_come_from_properties_in_debeziums_order() {
        let properties = [
            ("column.mask.with.3.chars", "public.p.name"),
            ("column.truncate.to.2.chars", "public\\.p\\..*"),
            ("column.mask.hash.v2.SHA-256.with.salt.a.b", "public.q.x"),
            ("datatype.propagate.source.type", ".*\\.int4"),
            ("database.user", "x"),
        ];
        let mappers = ColumnMappers::new(properties.into_iter()).expect("rules");
        let of = |table, column| mappers.of(table, column, "text");
        assert_eq!(
            of("public.p", "name"),
            Some(&ColumnMapper::Truncate { length: 2 })
        );
        assert!(
            matches!(of("public.q", "x"), Some(ColumnMapper::Hash(hash)) if hash.salt == b"a.b")
        );
        assert_eq!(
            mappers.of("a.b", "c", "int4"),
            Some(&ColumnMapper::PropagateSource)
        );
        assert_eq!(of("a.b", "c"), None);
        assert!(ColumnMappers::is_property(
            "column.mask.hash.MD5.with.salt.x"
        ));
        assert!(!ColumnMappers::is_property("column.include.list"));
        let unknown = [("column.mask.hash.CRC32.with.salt.x", "a")];
        assert!(ColumnMappers::new(unknown.into_iter()).is_err());
    }
}
