//! Keys as Debezium stores them in offsets: a Java-serialised `Object[]` in hexadecimal.
//!
//! Source: "Java Object Serialization Specification", section 6. Enters a key, leaves its text, and
//! back. Only the classes of [`Part`] are known; a stored key that holds another cannot be read.

mod class;

use std::collections::HashMap;

use class::{ARRAY_OF_OBJECTS, BOOLEAN, Class, DATE, INTEGER, LONG, SHORT, UUID};
use uuid::Uuid;

use super::key::{Key, Part};

const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];
const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const CLASS: u8 = 0x72;
const OBJECT: u8 = 0x73;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const BLOCK: u8 = 0x77;
const END_OF_BLOCK: u8 = 0x78;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// The first handle; each class, string and object takes the next.
const HANDLES: u32 = 0x7e_0000;
/// Values deeper or more than any key has: what is stored is damaged.
const PARTS_MAX: u32 = 1600;

/// The stored form; no key is Java's null.
pub(crate) fn write(key: Option<&[Part]>) -> String {
    let mut writer = Writer {
        out: MAGIC.to_vec(),
        classes: HashMap::new(),
        handles: HANDLES,
    };
    match key {
        None => writer.out.push(NULL),
        Some(key) => writer.array(key),
    }
    writer.out.iter().map(|b| format!("{b:02x}")).collect()
}

struct Writer {
    out: Vec<u8>,
    /// The handle of each class that was described.
    classes: HashMap<&'static str, u32>,
    handles: u32,
}

impl Writer {
    fn array(&mut self, key: &[Part]) {
        self.out.push(ARRAY);
        self.class(&ARRAY_OF_OBJECTS);
        self.handles += 1;
        let count = u32::try_from(key.len()).unwrap_or(0);
        self.out.extend(count.to_be_bytes());
        for part in key {
            match part {
                Part::Null => self.out.push(NULL),
                Part::Boolean(value) => self.object(&BOOLEAN, &[u8::from(*value)]),
                Part::Short(value) => self.object(&SHORT, &value.to_be_bytes()),
                Part::Integer(value) => self.object(&INTEGER, &value.to_be_bytes()),
                Part::Long(value) => self.object(&LONG, &value.to_be_bytes()),
                Part::Uuid(value) => {
                    let (most, least) = value.as_u64_pair();
                    let mut fields = least.to_be_bytes().to_vec();
                    fields.extend(most.to_be_bytes());
                    self.object(&UUID, &fields);
                }
                Part::Date(days) => {
                    // What `java.util.Date` writes beside its fields, of which it has none.
                    let mut block = vec![BLOCK, 8];
                    block.extend((i64::from(*days) * DAY_MS).to_be_bytes());
                    block.push(END_OF_BLOCK);
                    self.object(&DATE, &block);
                }
                Part::Text(text) => self.string(text),
            }
        }
    }

    fn object(&mut self, class: &'static Class, fields: &[u8]) {
        self.out.push(OBJECT);
        self.class(class);
        self.handles += 1;
        self.out.extend(fields);
    }

    fn string(&mut self, text: &str) {
        let bytes = modified_utf8(text);
        match u16::try_from(bytes.len()) {
            Ok(length) => {
                self.out.push(STRING);
                self.out.extend(length.to_be_bytes());
            }
            Err(_) => {
                // TC_LONGSTRING.
                self.out.push(0x7c);
                self.out.extend((bytes.len() as u64).to_be_bytes());
            }
        }
        self.handles += 1;
        self.out.extend(bytes);
    }

    fn class(&mut self, class: &'static Class) {
        if let Some(handle) = self.classes.get(class.name) {
            self.out.push(REFERENCE);
            self.out.extend(handle.to_be_bytes());
            return;
        }
        self.classes.insert(class.name, self.handles);
        self.handles += 1;
        self.out.push(CLASS);
        self.name(class.name);
        self.out.extend(class.uid.to_be_bytes());
        self.out.push(class.flags);
        let count = u16::try_from(class.fields.len()).unwrap_or(0);
        self.out.extend(count.to_be_bytes());
        for (letter, name) in class.fields {
            self.out.push(*letter);
            self.name(name);
        }
        self.out.push(END_OF_BLOCK);
        match class.superclass {
            Some(class) => self.class(class),
            None => self.out.push(NULL),
        }
    }

    fn name(&mut self, name: &str) {
        let length = u16::try_from(name.len()).unwrap_or(0);
        self.out.extend(length.to_be_bytes());
        self.out.extend(name.as_bytes());
    }
}

/// Java's form of UTF-8: UTF-16 units one by one, and no zero byte.
fn modified_utf8(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let low = |bits: u16| (0x80 | (bits & 0x3f)).to_be_bytes()[1];
        match unit {
            1..=0x7f => out.push(unit.to_be_bytes()[1]),
            0 | 0x80..=0x7ff => {
                out.push((0xc0 | (unit >> 6)).to_be_bytes()[1]);
                out.push(low(unit));
            }
            _ => {
                out.push((0xe0 | (unit >> 12)).to_be_bytes()[1]);
                out.push(low(unit >> 6));
                out.push(low(unit));
            }
        }
    }
    out
}

fn from_modified_utf8(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().map(|byte| u16::from(*byte));
    while let Some(first) = bytes.next() {
        let mut next = || bytes.next().map(|byte| byte & 0x3f);
        units.push(match first {
            0..=0x7f => first,
            0xc0..=0xdf => ((first & 0x1f) << 6) | next()?,
            _ => ((first & 0x0f) << 12) | (next()? << 6) | next()?,
        });
    }
    String::from_utf16(&units).ok()
}

/// Reads a stored key: `Some(None)` is Java's null, `None` a form that is not known here.
pub(crate) fn read(text: &str) -> Option<Option<Key>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(byte)
        .collect::<Option<_>>()?;
    let rest = bytes.strip_prefix(&MAGIC)?;
    let mut reader = Reader {
        rest,
        handles: Vec::new(),
    };
    match reader.byte()? {
        NULL => Some(None),
        ARRAY => reader.array().map(Some),
        _ => None,
    }
}

/// What a handle stands for.
#[derive(Clone)]
enum Handle {
    Class(String),
    Value(Part),
}

struct Reader<'a> {
    rest: &'a [u8],
    handles: Vec<Handle>,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    fn text(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.fixed()?);
        from_modified_utf8(self.take(length.into())?)
    }

    fn handle(&mut self) -> Option<Handle> {
        let number = u32::from_be_bytes(self.fixed()?).checked_sub(HANDLES)?;
        self.handles.get(usize::try_from(number).ok()?).cloned()
    }

    fn array(&mut self) -> Option<Key> {
        if self.class()? != ARRAY_OF_OBJECTS.name {
            return None;
        }
        self.handles.push(Handle::Value(Part::Null));
        let count = u32::from_be_bytes(self.fixed()?);
        if count > PARTS_MAX {
            return None;
        }
        (0..count).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> Option<Part> {
        let part = match self.byte()? {
            NULL => return Some(Part::Null),
            REFERENCE => match self.handle()? {
                Handle::Value(part) => return Some(part),
                Handle::Class(_) => return None,
            },
            STRING => Part::Text(self.text()?),
            OBJECT => self.object()?,
            _ => return None,
        };
        self.handles.push(Handle::Value(part.clone()));
        Some(part)
    }

    fn object(&mut self) -> Option<Part> {
        let class = self.class()?;
        Some(match &*class {
            "java.lang.Integer" => Part::Integer(i32::from_be_bytes(self.fixed()?)),
            "java.lang.Long" => Part::Long(i64::from_be_bytes(self.fixed()?)),
            "java.lang.Short" => Part::Short(i16::from_be_bytes(self.fixed()?)),
            "java.lang.Boolean" => Part::Boolean(self.byte()? != 0),
            "java.util.UUID" => {
                let least = u64::from_be_bytes(self.fixed()?);
                let most = u64::from_be_bytes(self.fixed()?);
                Part::Uuid(Uuid::from_u64_pair(most, least))
            }
            "java.sql.Date" => self.date()?,
            _ => return None,
        })
    }

    /// Midnight where the Java ran, as the day that begins nearest to it.
    fn date(&mut self) -> Option<Part> {
        if self.fixed()? != [BLOCK, 8] {
            return None;
        }
        let ms = i64::from_be_bytes(self.fixed()?);
        let days = ms.checked_add(DAY_MS / 2)?.div_euclid(DAY_MS);
        let end = self.byte()? == END_OF_BLOCK;
        Some(Part::Date(i32::try_from(days).ok().filter(|_| end)?))
    }

    /// A class description, or a reference to one: its name.
    fn class(&mut self) -> Option<String> {
        match self.byte()? {
            REFERENCE => match self.handle()? {
                Handle::Class(name) => Some(name),
                Handle::Value(_) => None,
            },
            CLASS => {
                let name = self.text()?;
                self.handles.push(Handle::Class(name.clone()));
                let _uid: [u8; 8] = self.fixed()?;
                let _flags = self.byte()?;
                let fields = u16::from_be_bytes(self.fixed()?);
                for _ in 0..fields {
                    // Fields of an object have a class beside their name: none of ours has such.
                    if matches!(self.byte()?, b'L' | b'[') {
                        return None;
                    }
                    self.text()?;
                }
                if self.byte()? != END_OF_BLOCK {
                    return None;
                }
                if self.rest.first() == Some(&NULL) {
                    self.byte()?;
                } else {
                    self.class()?;
                }
                Some(name)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `ObjectOutputStream` of Java 25 writes `new Object[]{1}`.
    const ONE: &str = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000001737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b020000787000000001";
    /// `{1000, 2000, 5L, (short) 3, true, "aé\0😀", two UUIDs, null}`.
    const ALL: &str = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000009737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b0200007870000003e87371007e0002000007d07372000e6a6176612e6c616e672e4c6f6e673b8be490cc8f23df0200014a000576616c75657871007e000300000000000000057372000f6a6176612e6c616e672e53686f7274684d37133460da5202000153000576616c75657871007e00030003737200116a6176612e6c616e672e426f6f6c65616ecd207280d59cfaee0200015a000576616c756578700174000b61c3a9c080eda0bdedb8807372000e6a6176612e7574696c2e55554944bc9903f7986d852f0200024a000c6c65617374536967426974734a000b6d6f73745369674269747378700123456789abcdef0123456789abcdef7371007e000d0123456789abcdee0123456789abcdef70";
    /// `{1, 1}`: the second is the first again.
    const TWICE: &str = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000002737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b02000078700000000171007e0004";
    /// `{java.sql.Date.valueOf("2024-02-29"), java.sql.Date.valueOf("1969-12-31")}` in UTC.
    const DATES: &str = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c0200007870000000027372000d6a6176612e73716c2e4461746514fa46683f3566970200007872000e6a6176612e7574696c2e44617465686a81014b597419030000787077080000018df2292800787371007e00027708fffffffffad9a40078";

    fn all() -> Key {
        let uuid = |text: &str| Part::Uuid(text.parse().unwrap());
        vec![
            Part::Integer(1000),
            Part::Integer(2000),
            Part::Long(5),
            Part::Short(3),
            Part::Boolean(true),
            Part::Text("aé\0😀".into()),
            uuid("01234567-89ab-cdef-0123-456789abcdef"),
            uuid("01234567-89ab-cdef-0123-456789abcdee"),
            Part::Null,
        ]
    }

    #[test]
    fn keys_are_written_as_java_writes_them() {
        assert_eq!(write(Some(&[Part::Integer(1)])), ONE);
        assert_eq!(write(Some(&all())), ALL);
        assert_eq!(write(None), "aced000570");
        assert_eq!(write(Some(&[Part::Date(19_782), Part::Date(-1)])), DATES);
    }

    #[test]
    fn what_java_wrote_is_read() {
        assert_eq!(read(ONE), Some(Some(vec![Part::Integer(1)])));
        assert_eq!(read(ALL), Some(Some(all())));
        assert_eq!(read(TWICE), Some(Some(vec![Part::Integer(1); 2])));
        assert_eq!(read("aced000570"), Some(None));
    }

    #[test]
    fn a_date_is_the_day_wherever_java_ran() {
        let dates = vec![Part::Date(19_782), Part::Date(-1)];
        assert_eq!(read(DATES), Some(Some(dates.clone())));
        // 05:00 UTC, midnight in New York; 15:00 UTC of the day before, midnight in Tokyo.
        for midnight in ["18df33bd080", "18df03ac580"] {
            let elsewhere = DATES.replace("18df2292800", midnight);
            assert_eq!(read(&elsewhere), Some(Some(dates.clone())), "{midnight}");
        }
    }

    #[test]
    fn what_is_cut_or_not_known_is_not_read() {
        for whole in [ALL, DATES] {
            for end in (0..whole.len()).step_by(2) {
                assert_eq!(read(&whole[..end]), None, "{end}");
            }
        }
        let decimal = ONE.replace("496e7465676572", "42696744656369");
        for wrong in ["", "x", "aced00057", "aced000573", &decimal] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
