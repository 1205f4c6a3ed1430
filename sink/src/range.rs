//! The offsets of one batch, as the insert's token and as the offset commit's metadata.
//!
//! Enters and leaves: text. Pure. A range names the first and the last record of a batch, both
//! included; offsets between them that are no records (transaction markers, aborted records) are
//! not an error, because every reader of committed records sees the same ones.

use std::fmt;

use serde::{Deserialize, Serialize};

/// First and last offset of a batch's records, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Range {
    /// The deduplication token of this range's insert: `topic:partition:first-last`.
    pub(crate) fn token(&self, topic: &str, partition: i32) -> String {
        format!("{topic}:{partition}:{self}")
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// What the metadata of an offset commit says; the version comes first so that an older sink can
/// tell that it must not go on from a newer one's commit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<[i64; 2]>,
}

const VERSION: u32 = 1;

/// The metadata of a commit: `{"v":1,"pending":[first,last]}`, or `{"v":1}` with nothing pending.
pub(crate) fn encode_metadata(pending: Option<Range>) -> String {
    match pending {
        Some(Range { first, last }) => format!(r#"{{"v":{VERSION},"pending":[{first},{last}]}}"#),
        None => format!(r#"{{"v":{VERSION}}}"#),
    }
}

/// Reads what [`encode_metadata`] wrote. Empty metadata is an ordinary commit, as an operator's
/// `kafka-consumer-groups --reset-offsets` makes it.
pub(crate) fn decode_metadata(text: &str) -> Result<Option<Range>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let metadata: Metadata =
        serde_json::from_str(text).map_err(|error| format!("cannot be read: {error}"))?;
    if metadata.v != VERSION {
        return Err(format!(
            "is of version {}, this sink knows version {VERSION}",
            metadata.v
        ));
    }
    match metadata.pending {
        None => Ok(None),
        Some([first, last]) if 0 <= first && first <= last => Ok(Some(Range { first, last })),
        Some([first, last]) => Err(format!("has a pending range {first}-{last} that is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_topic_partition_and_both_ends() {
        let range = Range {
            first: 7,
            last: 1_000_000_007,
        };
        assert_eq!(
            range.token("experiments_events", 3),
            "experiments_events:3:7-1000000007"
        );
    }

    #[test]
    fn metadata_is_written_as_documented_and_read_back() {
        let pending = Some(Range {
            first: 0,
            last: i64::MAX,
        });
        assert_eq!(
            encode_metadata(pending),
            r#"{"v":1,"pending":[0,9223372036854775807]}"#
        );
        assert_eq!(decode_metadata(&encode_metadata(pending)), Ok(pending));
        assert_eq!(decode_metadata(&encode_metadata(None)), Ok(None));
        assert_eq!(decode_metadata(""), Ok(None));
    }

    #[test]
    fn metadata_that_is_not_ours_is_refused() {
        for (text, says) in [
            ("connect-worker-1", "cannot be read"),
            (r#"{"v":2}"#, "version 2"),
            (r#"{"pending":[1,2]}"#, "cannot be read"),
            (r#"{"v":1,"pending":[2,1]}"#, "2-1"),
            (r#"{"v":1,"pending":[-1,1]}"#, "-1-1"),
            (r#"{"v":1,"pending":[1,2],"rows":3}"#, "cannot be read"),
        ] {
            let error = decode_metadata(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
