//! Incremental snapshots: tables read in chunks while the stream goes on.
//!
//! Enters requests and watermarks out of the stream, and chunks out of the worker beside it; leaves
//! rows that the stream emits when a chunk's window closes. One window is under way at a time. How
//! far a snapshot is goes into the offset of each batch, so a chunk is done when the batch with its
//! rows is durable, and not before.
//!
//! It knows neither the socket nor the batches: `stream::signals` joins the two.

pub(crate) mod collection;
pub(crate) mod identity;
mod java;
pub(crate) mod key;
mod metrics;
mod notices;
pub(crate) mod query;
mod state;
mod visibility;
pub(crate) mod watermark;
pub(crate) mod window;
pub(crate) mod worker;

pub(crate) use state::{Incremental, Settings};
