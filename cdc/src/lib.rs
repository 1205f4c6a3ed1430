//! The engine: one running connector from a replication slot to Kafka.
