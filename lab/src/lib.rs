//! Starts the real components without Docker: PostgreSQL, Kafka, ClickHouse, Redis.
