//! The judge of the records: runs cases that a real Debezium was recorded with, and compares.
//!
//! Enters: case folders (`tests/conformance/cases`, format in `tests/conformance/README.md`) and the
//! address of anything that speaks Kafka Connect's REST interface. Leaves: passed or failed per
//! case, with the fields that differ. It knows nothing of the engine behind the interface.
//!
//! ```text
//! case ──► run (rest, sql, kafka) ──► outcome ──► verdict (normalise, compare) ──► report
//! ```

pub mod case;
mod case_options;
pub mod check;
mod compare;
mod expectations;
mod json;
mod kafka;
mod names;
mod normalise;
pub mod options;
mod patterns;
mod plain;
mod poll;
mod python;
mod record;
mod report;
mod rest;
mod run;
mod sql;
mod steps;
pub mod suite;
mod target;
