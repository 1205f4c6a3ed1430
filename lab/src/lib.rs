//! Starts the real components without Docker: PostgreSQL, Kafka, ClickHouse, Redis, Debezium.
//!
//! Enters: which components are wanted. Leaves: a [`Lab`] of running ones, each on ports of its
//! own on loopback, in a folder of its own, with its log there. Each is found on the machine or
//! brought through its ordinary package client into a cache that all checkouts share.
//!
//! ```no_run
//! let lab = walcast_lab::Lab::builder("example").postgres(18).kafka().start()?;
//! lab.postgres().query("postgres", "SELECT 1")?;
//! lab.kafka().kill9()?;
//! lab.kafka().restart()?;
//! # anyhow::Ok(())
//! ```
//!
//! Nothing that a lab starts outlives it: dropping it stops all, and the kernel kills what is left
//! when the process dies, however it dies. No component is ever reachable from another machine.

mod bring;
mod clickhouse;
mod config;
mod debezium;
mod dir;
pub mod http;
mod java;
mod kafka;
mod lab;
mod lock;
mod ports;
mod postgres;
mod redis;
mod service;
mod spawn;
pub mod system;
mod tree;
mod versions;
mod wait;

pub use self::bring::need::{Need, ensure};
pub use self::bring::{cached, run};
pub use self::clickhouse::ClickHouse;
pub use self::config::{cache_dir, cargo, on_path, target_dir, workspace_dir};
pub use self::debezium::Debezium;
pub use self::kafka::{Detour, Kafka};
pub use self::lab::{Builder, Lab};
pub use self::ports::Port;
pub use self::postgres::{Postgres, Rows};
pub use self::redis::Redis;
pub use self::service::{Identity, Ready, Service, Spec};
pub use self::spawn::spawn;
pub use self::wait::wait_for;
