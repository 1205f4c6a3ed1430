-- The experimentation schema. Users, experiments and variants are audited; assignments and events
-- travel through outbox_events, which change data capture reads from the write-ahead log.

-- Names this installation. Caches outside the database put it in their keys, so that entries of a
-- database that was dropped and made again are never read.
CREATE TABLE installation (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE users (
    id          text PRIMARY KEY CHECK (char_length(id) BETWEEN 1 AND 128),
    attributes  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- `version` grows by one with every change and is what ETags and conditional writes compare.
CREATE TABLE experiments (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key                 text NOT NULL UNIQUE CHECK (key ~ '^[A-Za-z0-9_.-]{1,64}$' AND key !~ '^[0-9]+$'),
    name                text NOT NULL,
    description         text NOT NULL DEFAULT '',
    status              text NOT NULL DEFAULT 'draft'
                        CHECK (status IN ('draft', 'running', 'paused', 'completed')),
    salt                text NOT NULL CHECK (salt ~ '^[A-Za-z0-9_-]{1,64}$'),
    traffic_allocation  double precision NOT NULL DEFAULT 1
                        CHECK (traffic_allocation BETWEEN 0 AND 1),
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    completed_at        timestamptz
);

CREATE TABLE variants (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id  bigint NOT NULL REFERENCES experiments (id),
    key            text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 128),
    weight         double precision NOT NULL
                   CHECK (weight > 0 AND weight < 'Infinity'::double precision),
    is_control     boolean NOT NULL DEFAULT false,
    config         jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (experiment_id, key)
);
CREATE UNIQUE INDEX variants_one_control ON variants (experiment_id) WHERE is_control;

-- experiment_id and variant_id have no foreign keys on purpose: each would lock one hot row per
-- write. The statement that writes reads the running experiment itself, and experiments and
-- variants cannot be deleted once they have run.
CREATE TABLE assignments (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id  bigint NOT NULL,
    user_id        text NOT NULL REFERENCES users (id),
    variant_id     bigint NOT NULL,
    variant_key    text NOT NULL,
    assigned_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (experiment_id, user_id)
);

CREATE TABLE events (
    id             text PRIMARY KEY CHECK (char_length(id) BETWEEN 1 AND 128),
    experiment_id  bigint NOT NULL,
    user_id        text NOT NULL,
    variant_id     bigint NOT NULL,
    variant_key    text NOT NULL,
    event_type     text NOT NULL,
    properties     jsonb NOT NULL CHECK (jsonb_typeof(properties) = 'object'),
    session_id     text,
    occurred_at    timestamptz NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (experiment_id, user_id) REFERENCES assignments (experiment_id, user_id)
);

CREATE TABLE outbox_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate_type  text NOT NULL,
    aggregate_id    text NOT NULL,
    event_type      text NOT NULL,
    payload         jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- "Every transaction below `horizon` had ended when the log stood at `lsn`." Pruning needs it to
-- know which outbox rows the slot has surely passed.
CREATE TABLE outbox_watermarks (
    lsn         pg_lsn PRIMARY KEY,
    horizon     xid8 NOT NULL,
    sampled_at  timestamptz NOT NULL DEFAULT now()
);

-- A token is `wct_<prefix>_<secret>`; only the SHA-256 of the whole is kept. The secret has 256
-- random bits, so a slow password hash would add cost and no safety.
CREATE TABLE api_tokens (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    scope       text NOT NULL CHECK (scope IN ('admin', 'write', 'read')),
    prefix      text NOT NULL UNIQUE,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz
);

CREATE TABLE audit_log (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL,
    action       text NOT NULL,
    entity_type  text NOT NULL,
    entity_id    text NOT NULL,
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_entity ON audit_log (entity_type, entity_id, id);

-- Answers kept for retries that carry an Idempotency-Key. No `status` yet means in progress.
CREATE TABLE idempotency_keys (
    token_id      bigint NOT NULL REFERENCES api_tokens (id),
    key           text NOT NULL,
    fingerprint   bytea NOT NULL,
    claimed_at    timestamptz NOT NULL DEFAULT now(),
    status        smallint,
    content_type  text,
    body          bytea,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (claimed_at);

-- RFC 3339, UTC, microseconds: the only form in which times leave through the outbox.
CREATE FUNCTION utc_text(at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
