//! What the coordinator tells of a member's assignment: Kafka's `ConsumerProtocolAssignment`.
//!
//! `version: i16`, then an array of `topic: string, partitions: [i32]`, then user data; big endian.
//! Later versions only add fields at the end (KIP-429), which are not needed here.

/// The partitions of `topic` in an assignment; `None` when the bytes are no assignment.
pub(super) fn partitions(bytes: &[u8], topic: &str) -> Option<Vec<i32>> {
    let mut rest = Bytes(bytes);
    let _version = rest.i16()?;
    let mut ours = Vec::new();
    for _ in 0..rest.i32()? {
        let length = usize::try_from(rest.i16()?).ok()?;
        let is_ours = rest.take(length)? == topic.as_bytes();
        for _ in 0..rest.i32()? {
            let partition = rest.i32()?;
            if is_ours {
                ours.push(partition);
            }
        }
    }
    Some(ours)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: &[i32]) -> Vec<u8> {
        let mut bytes = i16::try_from(name.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(name.as_bytes());
        bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
        bytes.extend(partitions.iter().flat_map(|p| p.to_be_bytes()));
        bytes
    }

    #[test]
    fn only_the_topics_own_partitions_count() {
        let mut bytes = vec![0, 3, 0, 0, 0, 2];
        bytes.extend(topic("other", &[9]));
        bytes.extend(topic("offsets", &[0, 7]));
        bytes.extend([0xff; 4]);
        assert_eq!(partitions(&bytes, "offsets"), Some(vec![0, 7]));
        assert_eq!(partitions(&bytes, "none"), Some(vec![]));
    }

    #[test]
    fn what_is_short_is_no_assignment() {
        let mut bytes = vec![0, 3, 0, 0, 0, 1];
        bytes.extend(topic("offsets", &[0, 7]));
        for length in 0..bytes.len() {
            assert_eq!(partitions(&bytes[..length], "offsets"), None, "{length}");
        }
    }
}
