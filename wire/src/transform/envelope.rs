//! Debezium's change envelope, as transforms look at it.

use std::sync::Arc;

use crate::converter;
use crate::data::{DataRecord, Schema, Struct, Value};

/// An envelope's `op`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Update,
    Delete,
    Read,
    Truncate,
    Message,
}

/// The envelope in a record's value: `SmtManager.isValidEnvelope`. `None` for what is no change.
pub(crate) fn of(record: &DataRecord) -> Option<&Struct> {
    let schema = record.value_schema.as_ref()?;
    let is_envelope = schema.is_envelope();
    record.value_struct().filter(|_| is_envelope)
}

/// An envelope's operation.
pub(crate) fn op(envelope: &Struct) -> Option<Op> {
    Some(match envelope.get("op")?.as_str()? {
        "c" => Op::Create,
        "u" => Op::Update,
        "d" => Op::Delete,
        "r" => Op::Read,
        "t" => Op::Truncate,
        "m" => Op::Message,
        _ => return None,
    })
}

/// What Java's `toString` shows of a value, for texts.
pub(crate) fn shown(schema: &Option<Arc<Schema>>, value: &Value) -> String {
    let mut text = Vec::new();
    converter::to_text(schema.as_deref(), value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
