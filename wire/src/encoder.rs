//! Changes in, Debezium's records out.
//!
//! Each relation is compiled once into a plan; a row is then a walk over that plan into buffers
//! that are used again. It never keeps a row and never asks a server.

mod change;
mod envelope;
mod error;
mod frame;
mod heartbeat;
mod message;
mod notification;
mod row;
mod source;
mod transaction;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use error::{EncodeError, PlanError};
pub use notification::Notification;

use crate::catalog::{Table, Types};
use crate::config::EncoderConfig;
use crate::context::ChangeContext;
use crate::pgoutput::{Datum, Message};
use crate::pipeline::Pipeline;
use crate::pipeline::Schemas;
use crate::plan::{self, RelationPlan};
use crate::record::{Headers, Record, RecordSink};
use crate::value::{Origin, Scratch};
use envelope::{Op, Parts};
use source::SourceHead;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Records handed to the sink: 0 (skipped, or a table that is not captured), 1, 2 (with a
    /// tombstone) or 3 (a key change); more for a `TRUNCATE` of several tables.
    pub records: u32,
}

impl Outcome {
    const NONE: Self = Self { records: 0 };
}

/// Turns changes into records.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    plans: HashMap<u32, Arc<RelationPlan>>,
    /// The plan that was used last: changes of one relation come in runs.
    latest: Option<(u32, Arc<RelationPlan>)>,
    source: SourceHead,
    headers: Headers,
    bare_headers: Headers,
    message: message::MessagePlan,
    pipeline: Option<Pipeline>,
    heartbeat: frame::Frame,
    notification: Option<frame::Frame>,
    transactions: Option<transaction::Transactions>,
    /// Labels that were not known when they came first.
    unknown_labels: HashSet<(u32, Vec<u8>)>,
    work: Work,
}

/// Buffers that are used again for each row.
#[derive(Debug, Default)]
struct Work {
    scratch: Scratch,
    /// The rows' JSON, without a null's.
    before: Vec<u8>,
    after: Vec<u8>,
    /// Key payloads, without schema.
    old_key: Vec<u8>,
    new_key: Vec<u8>,
    key_parts: Vec<u8>,
    key_spans: Vec<std::ops::Range<usize>>,
    /// A record's key and value.
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Encoder {
    /// An encoder that knows no relation yet.
    ///
    /// A pipeline's configuration must have passed its check; else every record is refused.
    pub fn new(config: EncoderConfig) -> Self {
        let pipeline = config.pipeline.as_deref().map(Pipeline::new);
        let config = config.for_encoding();
        let headers = if config.extended_headers {
            context_headers(&config)
        } else {
            Vec::new()
        };
        Self {
            source: SourceHead::new(&config),
            headers: Headers::new(headers),
            bare_headers: Headers::default(),
            message: message::MessagePlan::new(&config),
            pipeline,
            heartbeat: heartbeat::frame(&config),
            notification: notification::frame(&config),
            transactions: transaction::Transactions::new(&config),
            plans: HashMap::new(),
            latest: None,
            unknown_labels: HashSet::new(),
            work: Work::default(),
            config,
        }
    }

    /// Compiles the plan of a relation, in place of an earlier one of the same OID.
    pub fn install(&mut self, table: &Table, types: &Types) -> Result<(), PlanError> {
        let plan = plan::compile(table, types, &self.config)?;
        self.plans.insert(table.oid, Arc::new(plan));
        self.latest = None;
        Ok(())
    }

    /// Whether a plan for the relation is installed.
    pub fn knows(&self, relation: u32) -> bool {
        self.plans.contains_key(&relation)
    }

    /// Whether the lists let the table through.
    pub fn captured(&self, schema: &str, table: &str) -> bool {
        self.config.filters.captures(schema, table)
    }

    /// The topic of a relation whose plan is installed.
    pub fn topic(&self, relation: u32) -> Option<&Arc<str>> {
        self.plans.get(&relation).map(|plan| &plan.topic)
    }

    /// Encodes an `Insert`, `Update`, `Delete`, `Truncate` or `Message`.
    ///
    /// A row change of a relation without a plan is [`EncodeError::UnknownRelation`]: install a
    /// plan for captured relations and do not hand over changes of others.
    pub fn change(
        &mut self,
        message: &Message<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        match message {
            Message::Insert(insert) => self.insert(insert, context, sink),
            Message::Update(update) => self.update(update, context, sink),
            Message::Delete(delete) => self.delete(delete, context, sink),
            Message::Truncate(truncate) => self.truncate(truncate, context, sink),
            Message::Message(message) => self.message(message, context, sink),
            _ => Err(EncodeError::NotAChange),
        }
    }

    /// Encodes a row that was read by a query: `row` in the relation's column order.
    pub fn snapshot_row<'d>(
        &mut self,
        relation: u32,
        row: impl Iterator<Item = Datum<'d>> + Clone,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let plan = self.plan(relation)?;
        self.work.new_row(&plan, row, None, Origin::Snapshot)?;
        self.headers.clear_key_change();
        self.work.new_key_to_record(&plan);
        self.emit(
            &plan,
            Op::Read,
            Parts {
                before: false,
                after: true,
            },
            context,
            sink,
        )?;
        Ok(Outcome { records: 1 })
    }

    fn plan(&mut self, relation: u32) -> Result<Arc<RelationPlan>, EncodeError> {
        if let Some((oid, plan)) = &self.latest
            && *oid == relation
        {
            return Ok(Arc::clone(plan));
        }
        let plan = self.plans.get(&relation);
        let plan = plan.ok_or(EncodeError::UnknownRelation { oid: relation })?;
        self.latest = Some((relation, Arc::clone(plan)));
        Ok(Arc::clone(plan))
    }
}

/// Hands a record over, through the pipeline where there is one.
fn send(
    pipeline: &mut Option<Pipeline>,
    record: Record<'_>,
    schemas: &Schemas,
    sink: &mut impl RecordSink,
) -> Result<(), EncodeError> {
    match pipeline {
        Some(pipeline) => pipeline.send(record, schemas, sink),
        None => {
            sink.record(record);
            Ok(())
        }
    }
}

/// The headers that every record of a connector has.
fn context_headers(config: &EncoderConfig) -> Vec<(String, Vec<u8>)> {
    let header = |name: &str, value: &str| {
        (
            format!("__debezium.context.{name}"),
            value.as_bytes().to_vec(),
        )
    };
    vec![
        header("connectorLogicalName", &config.logical_name),
        header("taskId", &config.task_id),
        header("connectorName", &config.connector_name),
        header("runId", &config.run_id),
    ]
}

#[cfg(test)]
mod tests;
