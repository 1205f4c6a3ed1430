//! The worker's configuration: a Kafka Connect worker's properties file, then the environment.
//!
//! Text enters, a validated [`WorkerConfig`] leaves, or a [`UsageError`] that says what to change.
//! Nothing here opens a connection. This is the only place of the crate that reads the environment.
//!
//! [`UsageError`]: walcast_wire::usage::UsageError

pub mod answers;
mod basic_auth;
pub mod env;
mod jaas;
mod known;
pub mod listeners;
pub mod properties;
pub mod providers;
mod reader;
mod rest;
mod secret;
pub mod tls;
mod worker;

pub use basic_auth::User;
pub use rest::RestConfig;
pub use secret::Secret;
pub use worker::{GivenProperties, GroupConfig, Properties, TopicConfig, WorkerConfig};

#[cfg(test)]
mod tests;
