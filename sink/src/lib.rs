//! The sink: Kafka to ClickHouse, exactly once.
//!
//! Enters: Debezium envelopes of an outbox table, from the partitions that a consumer group gives
//! this process. Leaves: one row each in the landing table, in batches that ClickHouse can tell
//! apart, and dead letters for what no table could take. Never: a batch that lands twice or is
//! skipped, whoever dies in between, and however often.
//!
//! How that is kept, in the order in which a batch passes through:
//!
//! 1. `group` owns the membership: partitions come and go there, and nowhere else.
//! 2. `worker` owns one partition: collect a batch, commit its range as *pending*, insert it,
//!    commit past it. A successor that finds a pending range sends it again, identically.
//! 3. `landing` makes the insert one block under the range's token, so that ClickHouse drops the
//!    copy, in the landing table and behind every view; `check` proves at start that it can.

mod backoff;
mod batch;
mod check;
mod clock;
pub mod config;
mod dead_letter;
mod envelope;
mod error_code;
mod group;
pub mod hook;
mod http;
mod kafka;
mod landing;
mod metrics;
pub mod migrate;
mod offsets;
mod payload;
mod queue;
mod range;
mod row;
mod rows;
mod run;
pub mod status;
mod timestamp;
mod worker;

pub use config::{Config, SinkArgs};
pub use run::{run, serve};
