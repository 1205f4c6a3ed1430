//! Debezium's transforms.
//!
//! | class | here |
//! |---|---|
//! | `io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent` | [`decode_message`] |
//! | `io.debezium.transforms.ContentBasedRouter` | [`scripting`] |
//! | `io.debezium.transforms.EnforceRecordSize` | [`record_size`] |
//! | `io.debezium.transforms.ExtractChangedRecordState` | [`changed`] |
//! | `io.debezium.transforms.ExtractNewRecordState` | [`unwrap`] |
//! | `io.debezium.transforms.Filter` | [`scripting`] |
//! | `io.debezium.transforms.HeaderToValue` | [`header_to_value`] |
//! | `io.debezium.transforms.TimezoneConverter` | [`timezone`] |
//! | `io.debezium.transforms.partitions.PartitionRouting` | [`partition`] |

mod changed;
mod decode_message;
mod drop_fields;
mod header_to_value;
mod java_hash;
mod json_schema;
mod nested;
mod partition;
mod record_size;
mod reference;
#[cfg(test)]
mod sample;
mod script;
mod scripting;
mod shared;
mod support;
mod timezone;
mod unwrap;
mod zone;

use super::{Options, Transform};

/// The transform of a class, by the class's name without its package; `None` if it is not here.
pub(super) fn build(name: &str, options: &mut Options) -> Option<Box<dyn Transform>> {
    Some(match name {
        "ContentBasedRouter" => Box::new(scripting::ContentBasedRouter::build(options)),
        "DecodeLogicalDecodingMessageContent" => {
            Box::new(decode_message::DecodeMessage::build(options))
        }
        "EnforceRecordSize" => Box::new(record_size::EnforceRecordSize::build(options)),
        "ExtractChangedRecordState" => Box::new(changed::ExtractChangedRecordState::build(options)),
        "ExtractNewRecordState" => Box::new(unwrap::ExtractNewRecordState::build(options)),
        "Filter" => Box::new(scripting::Filter::build(options)),
        "HeaderToValue" => Box::new(header_to_value::HeaderToValue::build(options)),
        "PartitionRouting" => Box::new(partition::PartitionRouting::build(options)),
        "TimezoneConverter" => Box::new(timezone::TimezoneConverter::build(options)),
        _ => return None,
    })
}
