//! What integration tests share: the `walcast` binary as a worker, and readers of what it wrote.
//!
//! Everything here talks to real components of a [`walcast_lab::Lab`]; nothing is mocked.

pub mod binary;
pub mod by_hand;
pub mod conformance;
pub mod proxy;
pub mod rest;
pub mod topic;
pub mod worker;

use std::time::Duration;

/// How long a test waits for something that should happen soon.
pub const SOON: Duration = Duration::from_secs(60);
