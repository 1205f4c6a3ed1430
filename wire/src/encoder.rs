//! Changes in, Debezium's records out.
//!
//! Each relation is compiled once into a plan; a row is then a walk over that plan into buffers
//! that are used again. It never keeps a row and never asks a server.

use crate::catalog::{Table, Types};
use crate::config::EncoderConfig;
use crate::context::ChangeContext;
use crate::pgoutput::{Datum, Message};
use crate::record::RecordSink;

/// A relation that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A key names a column that the relation does not have.
    #[error("{table} has no column {column}, which its key names; check message.key.columns")]
    UnknownKeyColumn {
        /// `schema.table`.
        table: String,
        /// The missing column.
        column: String,
    },
}

/// A change that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// No plan is installed for the relation.
    #[error("relation {oid} is not known; install its plan when its Relation message comes")]
    UnknownRelation {
        /// OID of the relation.
        oid: u32,
    },
    /// The row has another number of columns than the relation.
    #[error("a row of {table} has {row} columns, its relation {plan}; the stream is out of step")]
    ColumnCount {
        /// `schema.table`.
        table: String,
        /// Columns of the row.
        row: usize,
        /// Columns of the relation.
        plan: usize,
    },
    /// The message is no change (`Begin`, `Commit`, `Relation`, …).
    #[error("not a change")]
    NotAChange,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Records handed to the sink: 0 (skipped, filtered), 1, 2 (with a tombstone) or 3 (a key
    /// change); more for a `TRUNCATE` of several tables.
    pub records: u32,
}

/// Turns changes into records.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
}

impl Encoder {
    /// An encoder that knows no relation yet.
    pub const fn new(config: EncoderConfig) -> Self {
        Self { config }
    }

    /// Compiles the plan of a relation, in place of an earlier one of the same OID.
    pub fn install(&mut self, table: &Table, types: &Types) -> Result<(), PlanError> {
        let _ = (table, types);
        Ok(())
    }

    /// Whether a plan for the relation is installed.
    pub fn knows(&self, relation: u32) -> bool {
        let _ = relation;
        false
    }

    /// Whether the lists let the table through.
    pub fn captured(&self, schema: &str, table: &str) -> bool {
        self.config.filters.captures(schema, table)
    }

    /// Encodes an `Insert`, `Update`, `Delete`, `Truncate` or `Message`.
    pub fn change(
        &mut self,
        message: &Message<'_>,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let _ = (message, context, sink);
        Err(EncodeError::NotAChange)
    }

    /// Encodes a row that was read by a query: `row` in the relation's column order.
    pub fn snapshot_row<'d>(
        &mut self,
        relation: u32,
        row: impl Iterator<Item = Datum<'d>> + Clone,
        context: &ChangeContext<'_>,
        sink: &mut impl RecordSink,
    ) -> Result<Outcome, EncodeError> {
        let _ = (row, context, sink);
        Err(EncodeError::UnknownRelation { oid: relation })
    }
}
