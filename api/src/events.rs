//! What users did: events of assigned users, one by one or up to 1,000 at a time.
//!
//! In come events, with ids of the caller's own where a retry must not double them. Out go rows, and
//! with each new row its outbox row, in one statement and so in one transaction. An event that is
//! there already writes nothing: 200 if it is the same, 409 if not.

mod batch;
mod body;
pub(crate) mod handlers;
mod record;
mod store;

pub(crate) use store::RECORD;
