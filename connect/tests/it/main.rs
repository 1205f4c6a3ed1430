//! The worker on a real Kafka, with an engine that does as the test says.
//!
//! `WALCAST_TEST_KAFKA` names the brokers; without it a broker is started. Every test has topics of
//! its own and deletes them.

mod behaviour;
mod engine;
mod failures;
mod group;
mod listeners;
mod live;
mod offsets;
mod rest;
mod state;
mod validation;
mod world;
