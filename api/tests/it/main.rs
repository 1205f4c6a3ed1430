//! The API over real HTTP on a real PostgreSQL, Redis and ClickHouse.
//!
//! `WALCAST_TEST_POSTGRES_URL` (an administrator's URL), `WALCAST_TEST_REDIS_URL` and
//! `WALCAST_TEST_CLICKHOUSE_URL` name servers to use; for those not set the lab starts one.
//! Every test has a database, a server and tokens of its own. Nothing is ever skipped.

mod app;
mod client;
mod servers;

mod analytics;
mod assignments;
mod auth;
mod bad_input;
mod batches;
mod docs;
mod events;
mod experiments;
mod helpers_down;
mod idempotency;
mod outbox;
mod startup;
mod users;
