//! The worker's state: what the config and status topics say.
//!
//! Codecs are pure; the stores keep in memory what was read from the topics and are the only thing
//! the REST API reads.

pub(crate) mod config_record;
pub(crate) mod configs;
pub(crate) mod offsets;
pub(crate) mod status_record;
pub(crate) mod status_writer;
pub(crate) mod statuses;
