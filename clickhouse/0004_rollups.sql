-- Roll-ups that results are read from, kept up to date by views on `events` and `assignments`.
-- Read them with the -Merge combinators (uniqMerge(users), countMerge(events), ...) and GROUP BY.

-- What happened, by experiment, variant, event type and day.
CREATE TABLE IF NOT EXISTS events_daily
(
    experiment_id Int64,
    variant_id    Int64,
    variant_key   LowCardinality(String),
    event_type    LowCardinality(String),
    day           Date,
    users         AggregateFunction(uniq, String),
    events        AggregateFunction(count),
    value         AggregateFunction(sum, Float64),
    score         AggregateFunction(sum, Float64)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (experiment_id, variant_id, variant_key, event_type, day)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS events_daily_from_events TO events_daily AS
SELECT
    experiment_id, variant_id, variant_key, event_type,
    toDate(occurred_at) AS day,
    uniqState(user_id) AS users,
    countState() AS events,
    sumState(JSONExtractFloat(properties, 'value')) AS value,
    sumState(JSONExtractFloat(properties, 'score')) AS score
FROM events
GROUP BY experiment_id, variant_id, variant_key, event_type, day;

-- What each user did, by experiment and variant: the unit of every test statistic.
CREATE TABLE IF NOT EXISTS user_totals
(
    experiment_id  Int64,
    user_id        String,
    variant_id     Int64,
    variant_key    LowCardinality(String),
    first_exposure AggregateFunction(minIf, DateTime64(6, 'UTC'), UInt8),
    exposures      AggregateFunction(countIf, UInt8),
    clicks         AggregateFunction(countIf, UInt8),
    conversions    AggregateFunction(countIf, UInt8),
    events         AggregateFunction(count),
    value          AggregateFunction(sum, Float64),
    revenue        AggregateFunction(sumIf, Float64, UInt8)
)
ENGINE = AggregatingMergeTree
ORDER BY (experiment_id, user_id, variant_id, variant_key)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS user_totals_from_events TO user_totals AS
SELECT
    experiment_id, user_id, variant_id, variant_key,
    minIfState(occurred_at, event_type = 'exposure') AS first_exposure,
    countIfState(event_type = 'exposure') AS exposures,
    countIfState(event_type = 'click') AS clicks,
    countIfState(event_type = 'conversion') AS conversions,
    countState() AS events,
    sumState(JSONExtractFloat(properties, 'value')) AS value,
    sumIfState(JSONExtractFloat(properties, 'value'), event_type = 'conversion') AS revenue
FROM events
GROUP BY experiment_id, user_id, variant_id, variant_key;

-- Who was assigned, by experiment, variant and day: the sample ratio is read from it.
CREATE TABLE IF NOT EXISTS assignments_daily
(
    experiment_id Int64,
    variant_id    Int64,
    variant_key   LowCardinality(String),
    day           Date,
    users         AggregateFunction(uniq, String),
    assignments   AggregateFunction(count)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (experiment_id, variant_id, variant_key, day)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS assignments_daily_from_assignments TO assignments_daily AS
SELECT
    experiment_id, variant_id, variant_key,
    toDate(assigned_at) AS day,
    uniqState(user_id) AS users,
    countState() AS assignments
FROM assignments
GROUP BY experiment_id, variant_id, variant_key, day;
