//! What came of an experiment, read from ClickHouse; it is as fresh as the pipeline is fast.
//!
//! In come an experiment and its variants (from PostgreSQL) and rows that the sink landed in `events`
//! and `assignments`. Out go counts, journeys, funnels and revenue. Without ClickHouse these answer
//! 503, and nothing else does. It never writes.

mod breakdown;
mod clickhouse;
mod funnel;
pub(crate) mod handlers;
mod journey;
mod number;
mod results;
mod revenue;
mod sessions;
mod timeseries;
mod welch;

pub(crate) use clickhouse::Clickhouse;
