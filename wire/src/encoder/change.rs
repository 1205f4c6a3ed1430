//! One change at a time: which records it makes, and in which order.

use super::envelope::{self, Op, Parts};
use super::transaction::Order;
use super::{EncodeError, Encoder, Outcome, send};
use crate::context::ChangeContext;
use crate::pgoutput::{Datum, Delete, Insert, LogicalMessage, OldTuple, Truncate, Tuple, Update};
use crate::plan::RelationPlan;
use crate::record::{Record, RecordSink};
use crate::value::Origin;

impl Encoder {
    /// Finds a value that no label of its enumeration is; one that was found before passes.
    fn check_labels(&mut self, plan: &RelationPlan, row: Tuple<'_>) -> Result<(), EncodeError> {
        for column in &plan.enums {
            let Some(Datum::Text(value)) = row.datums().nth(column.index) else {
                continue;
            };
            let known = column.labels.iter().any(|label| label.as_bytes() == value);
            if !known && self.unknown_labels.insert((column.oid, value.to_vec())) {
                return Err(EncodeError::StaleEnum {
                    oid: column.oid,
                    table: plan.table_id.clone(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn message(
        &mut self,
        message: &LogicalMessage<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        if !self.config.message_prefixes.passes(message.prefix) {
            return Ok(Outcome::NONE);
        }
        let (key, value) = (&mut self.work.key, &mut self.work.value);
        self.message.key(message, key);
        let transactions = self.transactions.as_mut();
        let order = transactions.and_then(|open| open.message(context));
        self.message
            .value(message, &mut self.source, context, order, value);
        let record = Record {
            topic: &self.message.topic,
            partition: None,
            timestamp: None,
            key: Some(key),
            value: Some(value),
            headers: &self.bare_headers,
        };
        send(&mut self.pipeline, record, &self.message.schemas, sink)?;
        Ok(Outcome { records: 1 })
    }

    pub(super) fn insert(
        &mut self,
        insert: &Insert<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let plan = self.plan(insert.relation)?;
        if self.config.skipped.create || insert.new.is_empty() {
            return Ok(Outcome::NONE);
        }
        self.check_labels(&plan, insert.new)?;
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
        )?;
        Ok(Outcome { records: 1 })
    }

    pub(super) fn update(
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
        self.check_labels(&plan, update.new)?;
        self.work
            .new_row(&plan, update.new.datums(), old, Origin::Stream)?;
        let Some(old) = old else {
            return self.plain_update(
                &plan,
                Parts {
                    before: false,
                    after: true,
                },
                context,
                sink,
            );
        };
        self.work.old_row(&plan, old)?;
        if self.config.skip_messages_without_change
            && self.work.before == self.work.after
            && !differ_in_null(&plan, old, update.new)
        {
            return Ok(Outcome::NONE);
        }
        let same_key = self.work.old_key == self.work.new_key;
        if same_key && !keys_differ_in_null(&plan, old, update.new) {
            return self.plain_update(
                &plan,
                Parts {
                    before: true,
                    after: true,
                },
                context,
                sink,
            );
        }
        self.key_change(&plan, context, sink)
    }

    fn plain_update(
        &mut self,
        plan: &RelationPlan,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        if self.config.skipped.update {
            return Ok(Outcome::NONE);
        }
        self.headers.clear_key_change();
        self.work.new_key_to_record(plan);
        self.emit(plan, Op::Update, parts, context, sink)?;
        Ok(Outcome { records: 1 })
    }

    /// A change of the key: the old row is deleted, the new one created, each telling the other's
    /// key in a header.
    fn key_change(
        &mut self,
        plan: &RelationPlan,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let mut records = 0;
        if !self.config.skipped.delete {
            self.headers
                .set_key_change("__debezium.newkey", &self.work.new_key);
            self.work.old_key_to_record(plan);
            let parts = Parts {
                before: true,
                after: false,
            };
            records += self.emit_delete(plan, parts, context, sink)?;
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
            )?;
            records += 1;
        }
        Ok(Outcome { records })
    }

    pub(super) fn delete(
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
            records: self.emit_delete(&plan, parts, context, sink)?,
        })
    }

    fn emit_delete(
        &mut self,
        plan: &RelationPlan,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<u32, EncodeError> {
        self.emit(plan, Op::Delete, parts, context, sink)?;
        if !self.config.tombstones_on_delete {
            return Ok(1);
        }
        let key = plan.has_key.then_some(&*self.work.key);
        let record = Record {
            topic: &plan.topic,
            partition: None,
            timestamp: None,
            key,
            value: None,
            headers: &self.headers,
        };
        send(&mut self.pipeline, record, &plan.schemas, sink)?;
        Ok(2)
    }

    pub(super) fn truncate(
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
            let order = self.order(&plan, context);
            let value = &mut self.work.value;
            envelope::write(
                &plan,
                &mut self.source,
                Op::Truncate,
                (None, None),
                context,
                order,
                value,
            );
            let record = Record {
                topic: &plan.topic,
                partition: None,
                timestamp: None,
                key: None,
                value: Some(&*self.work.value),
                headers: &self.headers,
            };
            send(&mut self.pipeline, record, &plan.schemas, sink)?;
            outcome.records += 1;
        }
        Ok(outcome)
    }

    /// The place in its transaction of a record that is about to be emitted.
    fn order(&mut self, plan: &RelationPlan, context: &ChangeContext<'_>) -> Option<Order> {
        self.transactions.as_mut()?.event(&plan.table_id, context)
    }

    /// Hands over a record of the rows and the key that are in the buffers.
    pub(super) fn emit(
        &mut self,
        plan: &RelationPlan,
        op: Op,
        parts: Parts,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<(), EncodeError> {
        let order = self.order(plan, context);
        let work = &mut self.work;
        let before = parts.before.then_some(&*work.before);
        let after = parts.after.then_some(&*work.after);
        envelope::write(
            plan,
            &mut self.source,
            op,
            (before, after),
            context,
            order,
            &mut work.value,
        );
        let record = Record {
            topic: &plan.topic,
            partition: None,
            timestamp: None,
            key: plan.has_key.then_some(&*work.key),
            value: Some(&*work.value),
            headers: &self.headers,
        };
        send(&mut self.pipeline, record, &plan.schemas, sink)
    }
}

/// Whether two rows that print alike differ: one has a null where the other has the default.
fn differ_in_null(plan: &RelationPlan, old: Tuple<'_>, new: Tuple<'_>) -> bool {
    let is_null = |datum: Datum<'_>| datum == Datum::Null;
    let columns = plan.columns.iter().zip(old.datums().zip(new.datums()));
    columns
        .filter(|(column, _)| column.as_ref().is_some_and(|column| column.prints_default))
        .any(|(_, (old, new))| is_null(old) != is_null(new))
}

/// The same for two keys; columns that may be null are in one by `message.key.columns` only, or by a
/// unique index.
fn keys_differ_in_null(plan: &RelationPlan, old: Tuple<'_>, new: Tuple<'_>) -> bool {
    let is_null = |row: Tuple<'_>, index| row.datums().nth(index) == Some(Datum::Null);
    let mut fields = plan.key.iter().filter(|field| field.column.prints_default);
    fields.any(|field| is_null(old, field.index) != is_null(new, field.index))
}
