//! The worker's configuration: a Kafka Connect worker's properties file, then the environment.
//!
//! Text enters, a validated [`WorkerConfig`] leaves, or a [`UsageError`] that says what to change.
//! Nothing here opens a connection. This is the only place of the crate that reads the environment.
//!
//! [`UsageError`]: walcast_wire::usage::UsageError

pub mod env;
mod known;
pub mod properties;
pub mod providers;
mod worker;

pub use worker::{GivenProperties, GroupConfig, Listener, Properties, TopicConfig, WorkerConfig};

#[cfg(test)]
mod tests;
