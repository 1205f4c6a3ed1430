//! Runs ClickHouse's own server listeners from its embeddable library.
fn main() {}
