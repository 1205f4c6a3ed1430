//! Records as Kafka Connect's data model sees them: schemas, values, records.
//!
//! Only what is transformed or converted takes this form; a record that goes out as it was encoded
//! never does. Model: Connect's `Schema`, `Struct` and `SourceRecord`.

pub(crate) mod decimal;
pub(crate) mod read;
mod record;
mod schema;
pub(crate) mod tree;
mod value;

pub use record::{DataRecord, Header};
pub use schema::{DATE, DECIMAL, Field, Kind, Schema, TIME, TIMESTAMP};
pub use value::{Struct, Value};
