//! Connectors move from Debezium on the real Kafka Connect to Walcast and back.
//!
//! Both workers have one properties file: the same group, topics, port. One of them runs at a time.

mod ledger;
mod moving;
mod parties;
mod snapshots;
mod writer;

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;

/// How long a topic must stay silent before it is taken to hold nothing more.
const QUIET: Duration = Duration::from_millis(1500);

/// Says a count on standard error.
fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
