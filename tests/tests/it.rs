//! Integration tests on real components, as one program.

mod engine;
mod group;
mod takeover;
