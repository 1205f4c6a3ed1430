-- Assignments of users to variants, one row each, filled from the landing table.
CREATE TABLE IF NOT EXISTS assignments
(
    id            String,
    experiment_id Int64,
    user_id       String,
    variant_id    Int64,
    variant_key   LowCardinality(String),
    assigned_at   DateTime64(6, 'UTC'),
    commit_ts     DateTime64(6, 'UTC')  COMMENT 'commit time in PostgreSQL',
    landed_at     DateTime64(6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(assigned_at)
ORDER BY (experiment_id, user_id, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS assignments_from_outbox TO assignments AS
SELECT
    -- PostgreSQL's id is an int64 and printed as a number.
    trim(BOTH '"' FROM JSONExtractRaw(payload, 'id')) AS id,
    JSONExtractInt(payload, 'experiment_id') AS experiment_id,
    JSONExtractString(payload, 'user_id') AS user_id,
    JSONExtractInt(payload, 'variant_id') AS variant_id,
    JSONExtractString(payload, 'variant_key') AS variant_key,
    parseDateTime64BestEffortOrZero(JSONExtractString(payload, 'assigned_at'), 6, 'UTC') AS assigned_at,
    source_ts AS commit_ts,
    landed_at
FROM outbox_events
WHERE aggregate_type = 'assignment' AND event_type = 'ASSIGNMENT_CREATED';
