//! `provide.transaction.metadata`: `BEGIN` and `END` records, and each change's place in between.
//!
//! The shell says when a transaction begins and ends; what is counted in between is what was
//! emitted. It never knows whether a transaction is sent again: the shell restores its counts.

use super::frame::Frame;
use super::{EncodeError, Encoder, Outcome, send};
use crate::config::EncoderConfig;
use crate::context::{ChangeContext, SnapshotMarker};
use crate::java::{bucket_count, hash_spread};
use crate::json;
use crate::record::{Record, RecordSink};

const KEY_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey","version":1}"#;
const VALUE_SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"status"},{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":true,"field":"event_count"},{"type":"array","items":{"type":"struct","fields":[{"type":"string","optional":false,"field":"data_collection"},{"type":"int64","optional":false,"field":"event_count"}],"optional":true,"name":"event.collection","version":1},"optional":true,"field":"data_collections"},{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.TransactionMetadataValue","version":1}"#;
/// Schemas of key and value.
pub(super) const SCHEMAS: (&str, &str) = (KEY_SCHEMA, VALUE_SCHEMA);

/// What messages are counted under. Debezium prints a Java object's identity here.
const MESSAGES: &str = "LOGICAL_DECODING_MESSAGE";

/// A change's place in its transaction: the envelope's `transaction` block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    total: u64,
    data_collection: u64,
}

/// The records' fixed parts, and what was counted of the transaction at hand.
#[derive(Debug)]
pub(super) struct Transactions {
    frame: Frame,
    /// Transaction id, while one is at hand.
    xid: Option<u32>,
    total: u64,
    /// Events of each `schema.table`, in the order of their first ones.
    tables: Vec<(String, u64)>,
    /// The most tables there were in one transaction: Java's map never shrinks, and its size
    /// decides the order.
    tables_max: usize,
}

impl Transactions {
    /// Nothing when no metadata is asked for.
    pub(super) fn new(config: &EncoderConfig) -> Option<Self> {
        let topic = config.transaction_topic.as_deref()?;
        Some(Self {
            frame: Frame::new(config, topic, SCHEMAS),
            xid: None,
            total: 0,
            tables: Vec::new(),
            tables_max: 0,
        })
    }

    fn reset(&mut self, xid: Option<u32>) {
        self.xid = xid;
        self.total = 0;
        self.tables.clear();
    }

    /// Counts a logical message. Debezium takes each for a collection of its own.
    pub(super) fn message(&mut self, context: &ChangeContext<'_>) -> Option<Order> {
        let order = self.event(MESSAGES, context)?;
        Some(Order {
            data_collection: 1,
            ..order
        })
    }

    /// Counts a record of a table; nothing outside of a transaction and for rows read by a query.
    pub(super) fn event(&mut self, name: &str, context: &ChangeContext<'_>) -> Option<Order> {
        let inside = self.xid.is_some() && self.xid == context.txid;
        if !inside || context.snapshot != SnapshotMarker::False {
            return None;
        }
        self.total = self.total.saturating_add(1);
        let data_collection = self.add(name, 1);
        Some(Order {
            total: self.total,
            data_collection,
        })
    }

    fn add(&mut self, name: &str, events: u64) -> u64 {
        if let Some((_, count)) = self.tables.iter_mut().find(|(table, _)| table == name) {
            *count = count.saturating_add(events);
            return *count;
        }
        self.tables.push((name.to_owned(), events));
        self.tables_max = self.tables_max.max(self.tables.len());
        events
    }

    fn begin_value(&self, id: &[u8], context: &ChangeContext<'_>, out: &mut Vec<u8>) {
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"status\":\"BEGIN\",\"id\":");
            out.extend_from_slice(id);
            out.extend_from_slice(b",\"event_count\":null,\"data_collections\":null,\"ts_ms\":");
            json::int(context.source_ts_us.div_euclid(1_000), out);
            out.push(b'}');
        };
        self.frame.value(write, out);
    }

    fn end_value(&self, id: &[u8], context: &ChangeContext<'_>, out: &mut Vec<u8>) {
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"status\":\"END\",\"id\":");
            out.extend_from_slice(id);
            out.extend_from_slice(b",\"event_count\":");
            json::int(self.total, out);
            out.extend_from_slice(b",\"data_collections\":[");
            for (place, (table, events)) in self.in_java_order().into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"data_collection\":");
                json::string(table.as_bytes(), out);
                out.extend_from_slice(b",\"event_count\":");
                json::int(*events, out);
                out.push(b'}');
            }
            out.extend_from_slice(b"],\"ts_ms\":");
            json::int(context.source_ts_us.div_euclid(1_000), out);
            out.push(b'}');
        };
        self.frame.value(write, out);
    }

    fn in_java_order(&self) -> Vec<&(String, u64)> {
        let mut tables: Vec<_> = self.tables.iter().collect();
        let buckets = bucket_count(self.tables_max);
        tables.sort_by_key(|(table, _)| hash_spread(table) & (buckets - 1));
        tables
    }
}

impl Encoder {
    /// A transaction begins: emits `BEGIN`, unless metadata is not asked for or the transaction is
    /// the one whose counts were restored. `context` has the LSN of its first change.
    ///
    /// # Errors
    /// A transform or converter refuses the record.
    pub fn begin_transaction(
        &mut self,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let Some(transactions) = &mut self.transactions else {
            return Ok(Outcome::NONE);
        };
        if transactions.xid.is_some() && transactions.xid == context.txid {
            return Ok(Outcome::NONE);
        }
        transactions.reset(context.txid);
        let id = id(context);
        transactions.begin_value(&id, context, &mut self.work.value);
        self.transaction_record(&id, sink)
    }

    /// The transaction at hand ends: emits `END`. `context` has the LSN behind its commit.
    ///
    /// # Errors
    /// A transform or converter refuses the record.
    pub fn end_transaction(
        &mut self,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let Some(transactions) = &mut self.transactions else {
            return Ok(Outcome::NONE);
        };
        if transactions.xid.is_none() {
            return Ok(Outcome::NONE);
        }
        let id = id(context);
        transactions.end_value(&id, context, &mut self.work.value);
        transactions.reset(None);
        self.transaction_record(&id, sink)
    }

    fn transaction_record(
        &mut self,
        id: &[u8],
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let Some(Transactions { frame, .. }) = &self.transactions else {
            return Ok(Outcome::NONE);
        };
        let key = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"id\":");
            out.extend_from_slice(id);
            out.push(b'}');
        };
        frame.key(key, &mut self.work.key);
        let record = Record {
            topic: &frame.topic,
            partition: None,
            timestamp: None,
            key: Some(&self.work.key),
            value: Some(&self.work.value),
            headers: &self.bare_headers,
        };
        send(&mut self.pipeline, record, &frame.schemas, sink)?;
        Ok(Outcome { records: 1 })
    }

    /// Whether `BEGIN` and `END` are asked for.
    pub const fn has_transaction_metadata(&self) -> bool {
        self.transactions.is_some()
    }

    /// The transaction whose `BEGIN` was emitted and `END` was not: its id and events by table.
    pub fn open_transaction(&self) -> Option<(u32, &[(String, u64)])> {
        let transactions = self.transactions.as_ref()?;
        Some((transactions.xid?, &transactions.tables))
    }

    /// Goes on in a transaction of which an earlier run emitted `BEGIN` and so many events.
    pub fn restore_transaction(&mut self, xid: u32, tables: impl Iterator<Item = (String, u64)>) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        transactions.reset(Some(xid));
        for (table, events) in tables {
            transactions.total = transactions.total.saturating_add(events);
            transactions.add(&table, events);
        }
    }
}

/// `"<xid>:<lsn>"`.
fn id(context: &ChangeContext<'_>) -> Vec<u8> {
    let mut id = vec![b'"'];
    write_id(context, &mut id);
    id.push(b'"');
    id
}

fn write_id(context: &ChangeContext<'_>, out: &mut Vec<u8>) {
    if let Some(txid) = context.txid {
        json::int(txid, out);
        out.push(b':');
    }
    json::int(context.lsn.as_u64(), out);
}

/// Appends the envelope's `transaction` block or null.
pub(super) fn block(order: Option<Order>, context: &ChangeContext<'_>, out: &mut Vec<u8>) {
    let Some(order) = order else {
        out.extend_from_slice(b"null");
        return;
    };
    out.extend_from_slice(b"{\"id\":\"");
    write_id(context, out);
    out.extend_from_slice(b"\",\"total_order\":");
    json::int(order.total, out);
    out.extend_from_slice(b",\"data_collection_order\":");
    json::int(order.data_collection, out);
    out.push(b'}');
}
