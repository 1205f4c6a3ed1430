//! The engine: one running connector, from a replication slot to Kafka.
//!
//! Data's path is the module path: [`config`] is read once; `postgres` opens sessions and reads
//! facts; `snapshot`, `incremental`, `catchup` and `stream` turn rows and changes into `batch`es with the pure codec
//! (`walcast-wire`); `publish` makes them and their checkpoint durable; `progress` holds the chain
//! `confirmed ≤ checkpoint ≤ acked ≤ published ≤ received`; `task` runs it all, again after a fault; `guard`
//! watches beside it how much WAL the slot holds back.
//!
//! Beside that path, `signal` brings requests to a stream, `tables` adds a table to it, and `notify`
//! tells what the connector does.
//!
//! It knows nothing of REST, of other connectors, or of who owns one.

mod batch;
mod catchup;
pub mod check;
mod checkpoint;
mod cli;
pub mod clock;
pub mod config;
pub mod error;
mod guard;
mod incremental;
mod lanes;
mod metrics;
mod notify;
mod postgres;
mod progress;
mod publish;
pub mod settings;
mod signal;
#[cfg(test)]
mod sim;
mod snapshot;
mod stream;
mod tables;
mod task;
mod validate;

pub use cli::{CdcArgs, run};
pub use config::{ConfigProblem, ConnectorConfig, RestartPolicy};
pub use publish::properties::apply as apply_kafka_properties;
pub use publish::used::TopicsUsed;
pub use settings::{Ownership, WorkerSettings};
pub use signal::Signal;
pub use snapshot::metrics::{SnapshotPhase, SnapshotStatus};
pub use tables::{ConfigChange, Publication, TableAdded, TableRequest};
pub use task::{Output, Reason, Refused, Task, TaskEvent, TaskHandle, TaskState};
pub use validate::validate;
