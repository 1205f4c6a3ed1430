//! The plugins a connector can name, their properties, and checking a configuration against them.
//!
//! The catalogue is Kafka Connect's and Debezium's own: names, defaults, documentation and order as
//! Kafka Connect 4.1.0 with Debezium 3.7.0.Final lists them (Apache-2.0), so that user interfaces
//! show the same forms. What Walcast itself does not support is refused by the engine, by name.

pub(crate) mod catalog;
mod chain;
mod checks;
mod java_regex;
pub(crate) mod validate;

/// The only connector there is.
pub(crate) const CONNECTOR_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// The class of its task, which Connect keeps with the task's configuration.
pub(crate) const TASK_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnectorTask";
