//! The project's own commands: up, demo, test, bench, conformance.
fn main() {}
