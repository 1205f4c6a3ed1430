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
mod nested;
mod partition;
mod record_size;
mod reference;
#[cfg(test)]
mod sample;
mod script;
mod scripting;
mod shared;
pub(super) mod support;
mod timezone;
mod unwrap;
mod zone;

use super::{Options, Transform};

/// The transform of a class; `None` if it is not here.
pub(super) fn build(class: &str, options: &mut Options) -> Option<Box<dyn Transform>> {
    Some(match class.strip_prefix("io.debezium.")? {
        "transforms.ContentBasedRouter" => Box::new(scripting::ContentBasedRouter::build(options)),
        "connector.postgresql.transforms.DecodeLogicalDecodingMessageContent" => {
            Box::new(decode_message::DecodeMessage::build(options))
        }
        "transforms.EnforceRecordSize" => Box::new(record_size::EnforceRecordSize::build(options)),
        "transforms.ExtractChangedRecordState" => {
            Box::new(changed::ExtractChangedRecordState::build(options))
        }
        "transforms.ExtractNewRecordState" => {
            Box::new(unwrap::ExtractNewRecordState::build(options))
        }
        "transforms.Filter" => Box::new(scripting::Filter::build(options)),
        "transforms.HeaderToValue" => Box::new(header_to_value::HeaderToValue::build(options)),
        "transforms.partitions.PartitionRouting" => {
            Box::new(partition::PartitionRouting::build(options))
        }
        "transforms.TimezoneConverter" => Box::new(timezone::TimezoneConverter::build(options)),
        _ => return None,
    })
}
