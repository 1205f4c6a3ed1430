-- The landing table: one row for each outbox row that reached Kafka, appended and never changed.
--
-- Its order is Kafka's, so that "has anything at or past this offset landed?" is answered from the
-- primary index. The deduplication window is what makes a batch that is sent twice land once; the
-- sink refuses to start against a table, here or behind a view, that has none.
CREATE TABLE IF NOT EXISTS outbox_events
(
    id              UInt64                  COMMENT 'outbox_events.id in PostgreSQL',
    aggregate_type  LowCardinality(String)  COMMENT 'event, assignment, ...',
    aggregate_id    String,
    event_type      LowCardinality(String)  COMMENT 'EVENT_CREATED, ASSIGNMENT_CREATED, ...',
    payload         String                  COMMENT 'JSON text',
    created_at      DateTime64(6, 'UTC'),
    op              LowCardinality(String)  COMMENT 'c: created, r: read by a snapshot',
    lsn             UInt64,
    tx_id           UInt64,
    source_ts       DateTime64(6, 'UTC')    COMMENT 'commit time in PostgreSQL',
    kafka_topic     LowCardinality(String),
    kafka_partition UInt32,
    kafka_offset    UInt64,
    landed_at       DateTime64(6, 'UTC')    DEFAULT now64(6)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(created_at)
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000;
