-- What events have in common. The id is 64 bits of the digest of the other columns, so that whoever writes events knows it
-- without asking.
CREATE TABLE series (
    id           bigint      PRIMARY KEY,
    -- Who sent its events.
    principal    text        NOT NULL,
    service      text        NOT NULL,
    version      text        NOT NULL,
    instance_id  text        NOT NULL,
    type         text        NOT NULL,
    dimensions   jsonb       NOT NULL,
    -- Of its events, the day on which the last ones came.
    last_seen_on date        NOT NULL DEFAULT current_date
);

CREATE INDEX series_service_type ON series (service, type);
CREATE INDEX series_last_seen_on ON series (last_seen_on);

-- Single events, in partitions by the month of `at`. No key and no foreign key: an index beyond BRIN makes writing them
-- four times as expensive, and nothing counts twice because commits are known (below).
CREATE TABLE metric_events (
    at          timestamptz      NOT NULL,
    series_id   bigint           NOT NULL,
    value       double precision NOT NULL,
    duration_ms double precision,
    -- The request that it came in, and where it stood there: together they are one event's name.
    request     bigint           NOT NULL,
    position    integer          NOT NULL,
    metadata    jsonb
)
PARTITION BY RANGE (at);

CREATE INDEX metric_events_at ON metric_events USING brin (at) WITH (pages_per_range = 32);

-- The first piece has all that is older too.
CREATE TABLE metric_events_first (LIKE metric_events INCLUDING ALL);
CALL attach_first_partition('metric_events', 'timestamptz');

-- Which transactions have written: whoever lost the connection while one was being committed asks here. Where it has not
-- written, the row says so before it is written again, and keeps it from being committed late.
CREATE TABLE ingest_commits (
    id          uuid        PRIMARY KEY,
    has_written boolean     NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ingest_commits_at ON ingest_commits (at);

-- How many calls each caller has left of this minute, over all replicas. Nothing is lost with it but a minute's count.
CREATE TABLE rate_buckets (
    caller      text             PRIMARY KEY,
    rate        integer          NOT NULL,
    tokens      double precision NOT NULL,
    reckoned_at timestamptz      NOT NULL,
    -- Of the calls that were asked for last, together, how many were granted.
    wanted      integer          NOT NULL,
    granted     integer          NOT NULL
);

ALTER TABLE rate_buckets SET UNLOGGED;
