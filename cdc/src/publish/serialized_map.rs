//! A `java.util.HashMap<byte[], byte[]>` as Java serialises it: the content of a file that Kafka's
//! `FileOffsetBackingStore` keeps offsets in, and so Debezium Server by default.
//!
//! Bytes enter, pairs leave, and the other way round. The form is Java's Object Serialization Stream
//! Protocol 5, of which such a map uses this:
//!
//! ```text
//! AC ED 00 05                          magic, version
//! 73 72 .. "java.util.HashMap" ..      object (handle 1) of a class (handle 0), fields loadFactor, threshold
//! 77 08 <buckets> <size>               block data
//! 75 72 .. "[B" .. <length> <bytes>    first array (handle 3), with its class (handle 2)
//! 75 71 00 7E 00 02 <length> <bytes>   every other array (handles 4, 5, …); null is 70, one of them again 71
//! 78                                   end
//! ```

use std::fmt;

/// Keys and values in the order of the file; a value may be null.
pub(crate) type Pairs = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Magic and version, object, class `java.util.HashMap` with its serial version, flags and fields.
const HEAD: &[u8] = b"\xAC\xED\x00\x05sr\x00\x11java.util.HashMap\x05\x07\xDA\xC1\xC3\x16\x60\xD1\x03\x00\x02F\x00\x0AloadFactorI\x00\x09thresholdxp";

/// A load factor of 0.75.
const LOAD_FACTOR: [u8; 4] = [0x3F, 0x40, 0, 0];

/// An array, and the class of arrays of bytes.
const FIRST_ARRAY: &[u8] = b"ur\x00\x02[B\xAC\xF3\x17\xF8\x06\x08T\xE0\x02\x00\x00xp";

/// An array of the class that the first one has brought.
const NEXT_ARRAY: &[u8] = b"uq\x00\x7E\x00\x02";

const BLOCK: u8 = 0x77;
const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const END: u8 = 0x78;

/// The handle of the first array; `00 7E 00 00` is the first of all.
const FIRST_HANDLE: u32 = 0x007E_0003;

/// The bytes are no such map; says from where on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoMap {
    at: usize,
}

impl fmt::Display for NoMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no serialised HashMap of byte arrays from byte {} on",
            self.at
        )
    }
}

impl std::error::Error for NoMap {}

/// Reads a map.
///
/// # Errors
/// [`NoMap`] for anything else, and for one that is cut short.
pub(crate) fn read(bytes: &[u8]) -> Result<Pairs, NoMap> {
    let mut input = Input {
        bytes,
        at: 0,
        arrays: Vec::new(),
    };
    let pairs = input.map().ok_or(NoMap { at: input.at })?;
    if input.at == bytes.len() {
        return Ok(pairs);
    }
    Err(NoMap { at: input.at })
}

/// Writes a map as Java would write one with these pairs.
pub(crate) fn write(pairs: &Pairs) -> Vec<u8> {
    let size = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let mut buckets: u32 = 16;
    while u64::from(size) * 4 > u64::from(buckets) * 3 {
        buckets = buckets.saturating_mul(2);
    }
    // A map that never held anything has no table yet.
    let threshold = if size == 0 { 0 } else { buckets / 4 * 3 };
    let mut out = HEAD.to_vec();
    out.extend(LOAD_FACTOR);
    out.extend(threshold.to_be_bytes());
    out.extend([BLOCK, 8]);
    out.extend(buckets.to_be_bytes());
    out.extend(size.to_be_bytes());
    let mut class = FIRST_ARRAY;
    for array in pairs
        .iter()
        .flat_map(|(key, value)| [Some(key), value.as_ref()])
    {
        let Some(array) = array else {
            out.push(NULL);
            continue;
        };
        out.extend(class);
        class = NEXT_ARRAY;
        out.extend(u32::try_from(array.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(array);
    }
    out.push(END);
    out
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The arrays so far, which have handles from [`FIRST_HANDLE`] on.
    arrays: Vec<Vec<u8>>,
}

impl Input<'_> {
    fn map(&mut self) -> Option<Pairs> {
        self.expect(HEAD)?;
        let _load_factor_and_threshold = self.take(8)?;
        self.expect(&[BLOCK, 8])?;
        let _buckets = self.u32()?;
        let size = self.u32()?;
        let mut pairs = Pairs::new();
        for _ in 0..size {
            let key = self.array()??;
            pairs.push((key, self.array()?));
        }
        self.expect(&[END])?;
        Some(pairs)
    }

    /// An array or null; `None` when neither is there.
    #[expect(
        clippy::option_option,
        reason = "null is told from what cannot be read"
    )]
    fn array(&mut self) -> Option<Option<Vec<u8>>> {
        match *self.bytes.get(self.at)? {
            NULL => {
                self.at += 1;
                Some(None)
            }
            REFERENCE => {
                self.at += 1;
                let index = self.u32()?.checked_sub(FIRST_HANDLE)?;
                let array = self.arrays.get(usize::try_from(index).ok()?)?;
                Some(Some(array.clone()))
            }
            _ => {
                let first = self.arrays.is_empty();
                self.expect(if first { FIRST_ARRAY } else { NEXT_ARRAY })?;
                let length = usize::try_from(self.u32()?).ok()?;
                let array = self.take(length)?.to_vec();
                self.arrays.push(array.clone());
                Some(Some(array))
            }
        }
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn expect(&mut self, expected: &[u8]) -> Option<()> {
        let at = self.at;
        if self.take(expected.len())? == expected {
            return Some(());
        }
        self.at = at;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Java 17's `ObjectOutputStream`; keys `["kafkaN",{"server":"p"}]` for N from 0 to
    /// 5, values `{"lsn":N}`, and null for 4.
    const JAVA: &[u8] = include_bytes!("testdata/offsets-java17.dat");

    #[test]
    fn a_map_of_a_real_jvm_is_read_and_written_byte_for_byte() {
        let pairs = read(JAVA).unwrap();
        let mut shown: Vec<_> = pairs
            .iter()
            .map(|(key, value)| {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(key), value.as_deref().map(text))
            })
            .collect();
        shown.sort();
        let expected = (0..6).map(|n| {
            let value = (n != 4).then(|| format!("{{\"lsn\":{n}}}"));
            (format!("[\"kafka{n}\",{{\"server\":\"p\"}}]"), value)
        });
        assert_eq!(shown, expected.collect::<Vec<_>>());
        assert_eq!(write(&pairs), JAVA);
    }

    #[test]
    fn every_size_comes_back() {
        for size in [0, 1, 12, 13, 25, 1000] {
            let pairs: Pairs = (0..size)
                .map(|n: u32| {
                    (
                        n.to_be_bytes().to_vec(),
                        (!n.is_multiple_of(3)).then(|| vec![7; n as usize]),
                    )
                })
                .collect();
            assert_eq!(read(&write(&pairs)).unwrap(), pairs);
        }
    }

    #[test]
    fn one_array_may_be_there_twice() {
        let mut bytes = write(&vec![(b"k".to_vec(), None)]);
        let null = bytes.len() - 2;
        bytes.splice(null..=null, [REFERENCE, 0, 0x7E, 0, 3]);
        let twice = (b"k".to_vec(), Some(b"k".to_vec()));
        assert_eq!(read(&bytes).unwrap(), [twice]);
    }

    #[test]
    fn every_prefix_is_refused() {
        for end in 0..JAVA.len() {
            assert!(read(&JAVA[..end]).is_err(), "{end}");
        }
        assert!(read(&[JAVA, b"x"].concat()).is_err());
    }

    /// Lets a JVM read what is written here, where one is installed.
    #[test]
    fn a_real_jvm_reads_what_is_written() {
        let java = std::process::Command::new("java").arg("-version").output();
        if !java.is_ok_and(|java| java.status.success()) {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (source, file) = (dir.path().join("Show.java"), dir.path().join("offsets.dat"));
        std::fs::write(&source, SHOW).unwrap();
        let pairs: Pairs = vec![
            (b"one".to_vec(), Some(b"1".to_vec())),
            (b"two".to_vec(), None),
            (b"three".to_vec(), Some(b"3".to_vec())),
        ];
        std::fs::write(&file, write(&pairs)).unwrap();
        let shown = std::process::Command::new("java")
            .arg(&source)
            .arg(&file)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&shown.stdout);
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        let errors = String::from_utf8_lossy(&shown.stderr);
        assert_eq!(
            lines,
            ["java.util.HashMap", "one=1", "three=3", "two=null"],
            "{errors}"
        );
    }

    const SHOW: &str = r#"
        import java.io.*; import java.util.*;
        public class Show {
            static String text(byte[] b) { return b == null ? "null" : new String(b); }
            public static void main(String[] args) throws Exception {
                try (var in = new ObjectInputStream(new FileInputStream(args[0]))) {
                    var map = (Map<byte[], byte[]>) in.readObject();
                    System.out.println(map.getClass().getName());
                    map.forEach((k, v) -> System.out.println(text(k) + "=" + text(v)));
                    if (in.read() != -1) throw new IOException("more");
                }
            }
        }"#;
}
