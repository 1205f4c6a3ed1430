-- Events of experiments, one row each, filled from the landing table.
--
-- `properties` is JSON text inside the payload's JSON. The sink has checked payloads before they
-- land, and no function here throws on bad input: a view that throws would stop the stream.
CREATE TABLE IF NOT EXISTS events
(
    id            String,
    experiment_id Int64,
    user_id       String,
    variant_id    Int64,
    variant_key   LowCardinality(String),
    event_type    LowCardinality(String),
    properties    String                COMMENT 'JSON text',
    session_id    String                COMMENT 'empty: none was given',
    occurred_at   DateTime64(6, 'UTC'),
    commit_ts     DateTime64(6, 'UTC')  COMMENT 'commit time in PostgreSQL',
    landed_at     DateTime64(6, 'UTC'),
    page          String            MATERIALIZED JSONExtractString(properties, 'page'),
    value         Nullable(Float64) MATERIALIZED JSONExtract(properties, 'value', 'Nullable(Float64)'),
    score         Nullable(Float64) MATERIALIZED JSONExtract(properties, 'score', 'Nullable(Float64)'),
    currency      String            MATERIALIZED JSONExtractString(properties, 'currency'),
    duration      Nullable(Float64) MATERIALIZED JSONExtract(properties, 'duration', 'Nullable(Float64)'),
    is_exposure   UInt8             MATERIALIZED event_type = 'exposure',
    is_click      UInt8             MATERIALIZED event_type = 'click',
    is_conversion UInt8             MATERIALIZED event_type = 'conversion'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (experiment_id, user_id, occurred_at, id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_from_outbox TO events AS
SELECT
    JSONExtractString(payload, 'id') AS id,
    JSONExtractInt(payload, 'experiment_id') AS experiment_id,
    JSONExtractString(payload, 'user_id') AS user_id,
    JSONExtractInt(payload, 'variant_id') AS variant_id,
    JSONExtractString(payload, 'variant_key') AS variant_key,
    JSONExtractString(payload, 'event_type') AS event_type,
    JSONExtractString(payload, 'properties') AS properties,
    JSONExtractString(payload, 'session_id') AS session_id,
    parseDateTime64BestEffortOrZero(JSONExtractString(payload, 'occurred_at'), 6, 'UTC') AS occurred_at,
    source_ts AS commit_ts,
    landed_at
FROM outbox_events
WHERE aggregate_type = 'event' AND outbox_events.event_type = 'EVENT_CREATED';
