//! Large cases keep a hash of their normalised records instead of these.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::fields::short;
use super::groups::{Groups, signature};

/// Characters of the first and last record that are kept for the reader.
const SHOWN: usize = 1200;

/// Number, SHA-256, first and last of the records of each topic. Each record is hashed as its
/// signature and a line feed.
pub(in super::super) fn digests(groups: &Groups) -> Value {
    let mut topics = Map::new();
    for (topic, records) in groups {
        let mut hash = Sha256::new();
        for record in records {
            hash.update(signature(record, false));
            hash.update("\n");
        }
        let hash: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        let shown =
            |record: Option<&_>| record.map(|record| short(&signature(record, false), SHOWN));
        let digest = json!({
            "count": records.len(),
            "sha256": hash,
            "first": shown(records.first()),
            "last": shown(records.last()),
        });
        topics.insert(topic.clone(), digest);
    }
    topics.into()
}
