//! Debezium's transforms.
//!
//! | class | here |
//! |---|---|
//! | `io.debezium.transforms.ExtractNewRecordState` | [`unwrap`] |

mod drop_fields;
mod reference;
#[cfg(test)]
mod sample;
mod shared;
mod support;
mod unwrap;

use super::{Options, Transform};

/// The transform of a class, by the class's name without its package; `None` if it is not here.
pub(super) fn build(name: &str, options: &mut Options) -> Option<Box<dyn Transform>> {
    Some(match name {
        "ExtractNewRecordState" => Box::new(unwrap::ExtractNewRecordState::build(options)),
        _ => return None,
    })
}
