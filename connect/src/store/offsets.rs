//! Connectors' offsets in the offsets topic, as REST reads and changes them (KIP-875).
//!
//! The engine owns the topic; this reads it whole and writes to it only for a stopped connector. Keys
//! are Connect's `["NAME",{PARTITION}]`, values the offset's JSON, a tombstone for none.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::kafka::{Clients, KafkaFault, Record, TopicWriter, scan};

/// One change: partition (`None` is JSON null) and its new offset, or none to forget it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OffsetChange {
    pub(crate) partition: Option<Map<String, Value>>,
    pub(crate) offset: Option<Map<String, Value>>,
}

impl OffsetChange {
    fn encode(&self, connector: &str) -> Record {
        let key = json!([connector, self.partition]).to_string();
        let value = self.offset.as_ref().map(|offset| json!(offset).to_string());
        Record {
            key: key.into_bytes(),
            value: value.map(String::into_bytes),
        }
    }
}

/// All offsets of a connector, as the topic has them now.
///
/// # Errors
/// A fault of Kafka.
pub(crate) async fn read(
    clients: &Clients,
    topic: &str,
    connector: &str,
) -> Result<Vec<OffsetChange>, KafkaFault> {
    let prefix = format!("[{},", Value::from(connector)).into_bytes();
    let records = scan(clients, topic, |key| key.starts_with(&prefix)).await?;
    let mut latest: IndexMap<Vec<u8>, Option<Vec<u8>>> = IndexMap::new();
    latest.extend(records.into_iter().map(|record| (record.key, record.value)));
    Ok(latest
        .into_iter()
        .filter_map(|(key, value)| decode(&key, value?.as_slice()))
        .collect())
}

/// Writes changes and returns when they are durable.
///
/// # Errors
/// A fault of Kafka.
pub(crate) async fn write(
    clients: &Clients,
    topic: &str,
    connector: &str,
    changes: &[OffsetChange],
) -> Result<(), KafkaFault> {
    let records: Vec<Record> = changes
        .iter()
        .map(|change| change.encode(connector))
        .collect();
    TopicWriter::new(clients, topic)?
        .write(&records)
        .await
        .map(|_| ())
}

fn decode(key: &[u8], value: &[u8]) -> Option<OffsetChange> {
    let key: Value = serde_json::from_slice(key).ok()?;
    let partition = match key.get(1)? {
        Value::Null => None,
        Value::Object(partition) => Some(partition.clone()),
        _ => return None,
    };
    let offset = serde_json::from_slice(value).ok()?;
    Some(OffsetChange {
        partition,
        offset: Some(offset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Option<Map<String, Value>> {
        value.as_object().cloned()
    }

    /// Both ways, with bytes that Kafka Connect 4.1 wrote.
    #[test]
    fn connects_own_bytes_both_ways() {
        for (key, value, partition) in [
            (
                r#"["cw-probe2",{"server":"other"}]"#,
                Some(r#"{"lsn":5}"#),
                object(json!({"server": "other"})),
            ),
            (r#"["cw-probe2",null]"#, Some(r#"{"x":1}"#), None),
            (
                r#"["cw-probe2",{"server":"cwprobe"}]"#,
                None,
                object(json!({"server": "cwprobe"})),
            ),
        ] {
            let offset = value.map(|v| serde_json::from_str(v).unwrap());
            let change = OffsetChange { partition, offset };
            let record = change.encode("cw-probe2");
            assert_eq!(record.key, key.as_bytes());
            assert_eq!(record.value.as_deref(), value.map(str::as_bytes));
            if let Some(value) = value {
                assert_eq!(decode(key.as_bytes(), value.as_bytes()), Some(change));
            }
        }
    }

    #[test]
    fn what_is_no_offset_is_left_out() {
        for (key, value) in [
            ("x", "{}"),
            (r#"["c"]"#, "{}"),
            (r#"["c",3]"#, "{}"),
            (r#"["c",null]"#, "3"),
        ] {
            assert_eq!(decode(key.as_bytes(), value.as_bytes()), None, "{key}");
        }
    }
}
