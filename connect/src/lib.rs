//! The worker: Kafka Connect's REST API and internal topics over the engine.
