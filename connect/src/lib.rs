//! The worker: Kafka Connect's REST API and internal topics over the engine.
//!
//! Requests come in as Kafka Connect's REST API, a worker's configuration as its properties file or
//! the variables of its images. Connectors, target states and statuses leave as records of Connect's
//! topics, so that a Connect worker can take over and give back. The worker never reads a database
//! and never writes a change event: that is the engine's, behind [`engine::Engine`].
//!
//! ```text
//!  REST ── validate ──► herder (one owner, in order) ──► config topic ──► ConfigStore ──► runners ──► engine
//!    ▲                                                                                     │
//!    └───────────── StatusStore ◄── status topic ◄── status writer ◄───────────────────────┘
//! ```

mod cdc_engine;
pub mod config;
pub mod engine;
mod group;
mod herder;
mod java_map;
mod kafka;
pub mod logging;
mod plugins;
mod refusal;
mod rest;
mod run;
mod server;
mod store;
mod tls;
mod views;
pub mod worker;

pub use run::{ConnectArgs, run};
pub use server::run_server;
