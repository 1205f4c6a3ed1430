//! Who is in which variant: decided once by hash or by the caller, stored, and then never changed.
//!
//! In come users and experiments. Out goes the stored assignment. A new one is one statement, so one
//! transaction: the row and its outbox row. A known one writes nothing.

mod body;
mod decide;
pub(crate) mod handlers;
mod store;

pub(crate) use store::{RECORD, variant_key};
