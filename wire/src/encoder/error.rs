//! What can go wrong when a relation is compiled or a change encoded.

/// A relation that cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A key names a column that the relation does not have.
    #[error("{table} has no column {column}, which its key names")]
    UnknownKeyColumn {
        /// `schema.table`.
        table: String,
        /// The missing column.
        column: String,
    },
    /// A schema that was rendered for the relation cannot be read back.
    #[error("the schemas of {table} cannot be used by transforms: {reason}")]
    Schema {
        /// `schema.table`.
        table: String,
        /// Why.
        reason: String,
    },
    /// `message.key.columns` names a column twice.
    #[error(
        "message.key.columns names column {column} of {table} more than once; \
         name it in one expression only"
    )]
    RepeatedKeyColumn {
        /// `schema.table`.
        table: String,
        /// The column.
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
    /// A value is not in the text form of its column's type.
    #[error(
        "a value of {table}, column {column}, is not in the text form of the column's type; \
         does the session have DateStyle=ISO, IntervalStyle=postgres, TimeZone=UTC, \
         bytea_output=hex and extra_float_digits=3?"
    )]
    Value {
        /// `schema.table`.
        table: String,
        /// The column, as its field is named.
        column: String,
    },
    /// A value is none of the labels that the plan knows: the enumeration has grown since.
    ///
    /// Nothing was emitted. Read the type again, insert it into the types, install the relation
    /// again and hand over the change again; a label that is still unknown then passes.
    #[error("enumeration {oid} has a new label; read it from pg_enum and install {table} again")]
    StaleEnum {
        /// OID of the enumeration.
        oid: u32,
        /// `schema.table`.
        table: String,
    },
    /// A transform or converter refused a record, or could not work on it.
    #[error("{0}")]
    Transform(String),
    /// The message is no change (`Begin`, `Commit`, `Relation`, …).
    #[error("only inserts, updates, deletes, truncates and messages can be encoded")]
    NotAChange,
}
