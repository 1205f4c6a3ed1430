//! The experimentation API: users, experiments, assignments, events, analytics.
//!
//! In come HTTP requests with Bearer tokens. Out go rows in PostgreSQL, each new assignment or
//! event in one transaction with its `outbox_events` row, and answers read from PostgreSQL, Redis
//! (a cache of stored assignments, never needed) and ClickHouse (analytics only).
//! It never talks to Kafka: change data capture carries the outbox there.

pub mod bucketing;
pub mod config;
pub mod migrate;
pub mod openapi;
pub mod serve;
pub mod token;

mod analytics;
mod assignments;
mod auth;
mod breaker;
mod cache;
mod events;
mod experiments;
mod extract;
mod health;
mod idempotency;
mod ids;
mod limits;
mod metrics;
mod middleware;
mod outbox;
mod page;
mod postgres;
mod problem;
mod properties;
mod router;
mod state;
mod users;

pub use config::ApiArgs;
pub use serve::run;
