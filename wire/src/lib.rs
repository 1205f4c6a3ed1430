//! Pure codec: pgoutput messages in, Debezium records out.
//!
//! Everything here is a function of its arguments: no sockets, no clock, no environment, no
//! threads. The shell (the engine) brings bytes, catalog facts and times, and takes records away.
//!
//! [`pgoutput`] decodes, [`catalog`] holds what the shell read about tables and types,
//! [`encoder`] turns changes into [`record`]s as [`config`] says.
#![warn(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::as_conversions
)]

pub mod catalog;
pub mod config;
pub mod connect_offset;
pub mod context;
pub mod converter;
pub mod data;
pub mod encoder;
pub mod filter;
pub mod java;
mod json;
pub mod lsn;
pub mod mapper;
pub mod modes;
pub mod pattern;
pub mod pgoutput;
pub mod pipeline;
mod plan;
pub mod position;
pub mod record;
pub mod route;
mod schema;
pub mod transform;
pub mod usage;
mod value;
