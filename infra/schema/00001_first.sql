-- One schema for PostgreSQL and SQLite. Ids are made by the application, times are Unix milliseconds.

-- +goose Up
CREATE TABLE talents (
    talent_id     BIGINT PRIMARY KEY,
    version       BIGINT NOT NULL,
    seller_id     BIGINT NOT NULL,  -- 0: another producer's, who did not say
    category      TEXT   NOT NULL,
    title         TEXT   NOT NULL,
    price_krw     BIGINT NOT NULL,
    tags          TEXT   NOT NULL,  -- a JSON array of strings
    state         TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
    registered_ms BIGINT NOT NULL,
    changed_ms    BIGINT NOT NULL
);
-- How a category's timeline is made again.
CREATE INDEX talents_by_category ON talents (category, registered_ms);

-- Answers already given, so that a repeated request gets the same one.
CREATE TABLE idempotency (
    user_id    BIGINT NOT NULL,
    key        TEXT   NOT NULL,
    body_hash  TEXT   NOT NULL,
    answer     TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);

CREATE TABLE interests (
    user_id  BIGINT NOT NULL,
    category TEXT   NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, category)
);

-- Up to which event a user has looked at the inbox. It only grows.
CREATE TABLE seen (
    user_id  BIGINT PRIMARY KEY,
    up_to_ms BIGINT NOT NULL
);

-- What a user did with one notification. Marks are added, never taken away.
CREATE TABLE marks (
    user_id  BIGINT NOT NULL,
    nid      BIGINT NOT NULL,
    read_ms     BIGINT NOT NULL,
    archived_ms BIGINT NOT NULL,  -- 0: not archived
    PRIMARY KEY (user_id, nid)
);

-- Events on their way to Kafka; a row is deleted when Kafka has it.
CREATE TABLE outbox (
    id            TEXT   PRIMARY KEY,  -- the event's, a UUIDv7
    topic         TEXT   NOT NULL,
    key           TEXT   NOT NULL,     -- of the record
    event         TEXT   NOT NULL,     -- as structured JSON
    not_before_ms BIGINT NOT NULL
);
CREATE INDEX outbox_by_time ON outbox (not_before_ms);

CREATE TABLE dead_letter (
    key        TEXT   PRIMARY KEY,  -- one a delivery that ended: destination, topic position, event
    kept_ms    BIGINT NOT NULL,
    dest       TEXT   NOT NULL,
    event_id   TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    code       TEXT   NOT NULL,     -- '' : no HTTP answer
    reason     TEXT   NOT NULL,
    attributes TEXT   NOT NULL,     -- all of them, as a JSON object of strings
    data       BYTEA
);
CREATE INDEX dead_letter_by_age ON dead_letter (kept_ms);

-- +goose Down
DROP TABLE dead_letter;
DROP TABLE outbox;
DROP TABLE marks;
DROP TABLE seen;
DROP TABLE interests;
DROP TABLE idempotency;
DROP TABLE talents;
