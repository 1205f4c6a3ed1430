//! Changes in, Debezium's records out.
//!
//! Each relation is compiled once into a plan; a row is then a walk over that plan into buffers
//! that are used again. It never keeps a row and never asks a server.

mod envelope;
mod error;
mod message;
mod row;
mod source;

use std::collections::HashMap;
use std::sync::Arc;

pub use error::{EncodeError, PlanError};

use crate::catalog::{Table, Types};
use crate::config::EncoderConfig;
use crate::context::ChangeContext;
use crate::pgoutput::{Datum, Delete, Insert, LogicalMessage, Message, OldTuple, Truncate, Update};
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
    source: SourceHead,
    headers: Headers,
    bare_headers: Headers,
    message: message::MessagePlan,
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
    pub fn new(config: EncoderConfig) -> Self {
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
            plans: HashMap::new(),
            work: Work::default(),
            config,
        }
    }

    /// Compiles the plan of a relation, in place of an earlier one of the same OID.
    pub fn install(&mut self, table: &Table, types: &Types) -> Result<(), PlanError> {
        let plan = plan::compile(table, types, &self.config)?;
        self.plans.insert(table.oid, Arc::new(plan));
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
            Message::Message(message) => Ok(self.message(message, context, sink)),
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
        );
        Ok(Outcome { records: 1 })
    }

    fn message(
        &mut self,
        message: &LogicalMessage<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Outcome {
        if !self.config.message_prefixes.passes(message.prefix) {
            return Outcome::NONE;
        }
        let (key, value) = (&mut self.work.key, &mut self.work.value);
        self.message.key(message, key);
        self.message.value(message, &self.source, context, value);
        let (topic, headers) = (&self.message.topic, &self.bare_headers);
        sink.record(Record {
            topic,
            key: Some(key),
            value: Some(value),
            headers,
        });
        Outcome { records: 1 }
    }

    fn plan(&self, relation: u32) -> Result<Arc<RelationPlan>, EncodeError> {
        self.plans
            .get(&relation)
            .cloned()
            .ok_or(EncodeError::UnknownRelation { oid: relation })
    }

    fn insert(
        &mut self,
        insert: &Insert<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let plan = self.plan(insert.relation)?;
        if self.config.skipped.create || insert.new.is_empty() {
            return Ok(Outcome::NONE);
        }
        self.work
            .new_row(&plan, insert.new.datums(), None, Origin::Stream)?;
        self.headers.clear_key_change();
        self.work.new_key_to_record(&plan);
        self.emit(
            &plan,
            Op::Create,
            Parts {
                before: false,
                after: true,
            },
            context,
            sink,
        );
        Ok(Outcome { records: 1 })
    }

    fn update(
        &mut self,
        update: &Update<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let plan = self.plan(update.relation)?;
        let old = match update.old {
            OldTuple::Absent => None,
            OldTuple::Key(tuple) | OldTuple::Full(tuple) => Some(tuple),
        };
        if update.new.is_empty() {
            return Ok(Outcome::NONE);
        }
        self.work
            .new_row(&plan, update.new.datums(), old, Origin::Stream)?;
        let Some(old) = old else {
            return Ok(self.plain_update(
                &plan,
                Parts {
                    before: false,
                    after: true,
                },
                context,
                sink,
            ));
        };
        self.work.old_row(&plan, old)?;
        if self.config.skip_messages_without_change && self.work.before == self.work.after {
            return Ok(Outcome::NONE);
        }
        if self.work.old_key == self.work.new_key {
            return Ok(self.plain_update(
                &plan,
                Parts {
                    before: true,
                    after: true,
                },
                context,
                sink,
            ));
        }
        Ok(self.key_change(&plan, context, sink))
    }

    fn plain_update(
        &mut self,
        plan: &RelationPlan,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Outcome {
        if self.config.skipped.update {
            return Outcome::NONE;
        }
        self.headers.clear_key_change();
        self.work.new_key_to_record(plan);
        self.emit(plan, Op::Update, parts, context, sink);
        Outcome { records: 1 }
    }

    /// A change of the key: the old row is deleted, the new one created, each telling the other's
    /// key in a header.
    fn key_change(
        &mut self,
        plan: &RelationPlan,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Outcome {
        let mut records = 0;
        if !self.config.skipped.delete {
            self.headers
                .set_key_change("__debezium.newkey", &self.work.new_key);
            self.work.old_key_to_record(plan);
            let parts = Parts {
                before: true,
                after: false,
            };
            records += self.emit_delete(plan, parts, context, sink);
        }
        if !self.config.skipped.create {
            self.headers
                .set_key_change("__debezium.oldkey", &self.work.old_key);
            self.work.new_key_to_record(plan);
            self.emit(
                plan,
                Op::Create,
                Parts {
                    before: false,
                    after: true,
                },
                context,
                sink,
            );
            records += 1;
        }
        Outcome { records }
    }

    fn delete(
        &mut self,
        delete: &Delete<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let plan = self.plan(delete.relation)?;
        let old = match delete.old {
            OldTuple::Key(tuple) | OldTuple::Full(tuple) if !tuple.is_empty() => tuple,
            _ => return Ok(Outcome::NONE),
        };
        if self.config.skipped.delete {
            return Ok(Outcome::NONE);
        }
        self.work.old_row(&plan, old)?;
        self.headers.clear_key_change();
        self.work.old_key_to_record(&plan);
        let parts = Parts {
            before: true,
            after: false,
        };
        Ok(Outcome {
            records: self.emit_delete(&plan, parts, context, sink),
        })
    }

    fn emit_delete(
        &mut self,
        plan: &RelationPlan,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> u32 {
        self.emit(plan, Op::Delete, parts, context, sink);
        if !self.config.tombstones_on_delete {
            return 1;
        }
        let key = plan.has_key().then_some(&*self.work.key);
        sink.record(Record {
            topic: &plan.topic,
            key,
            value: None,
            headers: &self.headers,
        });
        2
    }

    fn truncate(
        &mut self,
        truncate: &Truncate<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let mut outcome = Outcome::NONE;
        if self.config.skipped.truncate {
            return Ok(outcome);
        }
        self.headers.clear_key_change();
        for relation in truncate.relations() {
            // One command may empty tables that are not captured, too.
            let Some(plan) = self.plans.get(&relation).cloned() else {
                continue;
            };
            let value = &mut self.work.value;
            envelope::write(
                &plan,
                &self.source,
                Op::Truncate,
                (None, None),
                context,
                value,
            );
            let value = Some(&*self.work.value);
            sink.record(Record {
                topic: &plan.topic,
                key: None,
                value,
                headers: &self.headers,
            });
            outcome.records += 1;
        }
        Ok(outcome)
    }

    /// Hands over a record of the rows and the key that are in the buffers.
    fn emit(
        &mut self,
        plan: &RelationPlan,
        op: Op,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) {
        let work = &mut self.work;
        let before = parts.before.then_some(&*work.before);
        let after = parts.after.then_some(&*work.after);
        envelope::write(
            plan,
            &self.source,
            op,
            (before, after),
            context,
            &mut work.value,
        );
        let key = plan.has_key().then_some(&*work.key);
        let value = Some(&*work.value);
        sink.record(Record {
            topic: &plan.topic,
            key,
            value,
            headers: &self.headers,
        });
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
