//! The sink on a real Kafka and a real ClickHouse.
//!
//! `WALCAST_TEST_KAFKA` and `WALCAST_TEST_CLICKHOUSE_URL` name running ones; without them the lab
//! starts its own. Every test has a topic, a group and a database of its own.

mod child;
mod crashes;
mod guards;
mod landing;
mod migrations;
mod owners;
mod poison;
mod startup;
mod support;
mod views;
