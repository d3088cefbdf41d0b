-- Events in the batches in which they are rolled up: what one statement inserts is one, whoever inserts it. Each batch is
-- pending until it is in the roll-ups, in one transaction with them, so every event counts once.
CREATE SEQUENCE rollup_batches;
CREATE TABLE pending_rollups (
    batch bigint PRIMARY KEY
);
ALTER TABLE metric_events ADD COLUMN batch bigint;
-- The number that the trigger has drawn before the first row of the statement.
ALTER TABLE metric_events ALTER COLUMN batch SET DEFAULT currval('rollup_batches');
CREATE INDEX metric_events_batch ON metric_events USING brin (batch) WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION begin_rollup_batch() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO pending_rollups (batch)
    VALUES (nextval('rollup_batches'));
    RETURN NULL;
END
$$;

CREATE TRIGGER metric_events_batch
BEFORE INSERT ON metric_events
FOR EACH STATEMENT EXECUTE FUNCTION begin_rollup_batch();

-- What roll-ups are of: values of one principal, service and type with the same dimensions, of those that are rolled up. One
-- of `totals` is all of a principal, service and type together, so that who asks for no dimension reads few rows.
CREATE TABLE rollup_series (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    principal  text NOT NULL,
    service    text NOT NULL,
    type       text NOT NULL,
    totals     boolean NOT NULL,
    dimensions jsonb NOT NULL,
    UNIQUE (service, type, principal, totals, dimensions)
);

-- What the events of a series were together within a bucket. A sketch is what services/metrics/rollups/sketch.py writes: two of
-- them, one behind the other, are their sum.
CREATE TABLE metrics_minutely (
    series_id       bigint           NOT NULL,
    bucket          timestamptz      NOT NULL,
    -- Whether some of it came in buckets of a histogram.
    is_approximate  boolean          NOT NULL,
    value_count     bigint           NOT NULL,
    value_sum       double precision NOT NULL,
    value_min       double precision,
    value_max       double precision,
    value_sketch    bytea            NOT NULL,
    -- Of those that have a duration: zeros, null and empty where none has.
    duration_count  bigint           NOT NULL,
    duration_sum    double precision NOT NULL,
    duration_min    double precision,
    duration_max    double precision,
    duration_sketch bytea            NOT NULL,
    -- Up to eight invocations with the longest durations, or the greatest values: and what those were.
    invocations     uuid[]           NOT NULL,
    magnitudes      double precision[] NOT NULL,
    PRIMARY KEY (series_id, bucket)
) PARTITION BY RANGE (bucket);
CREATE TABLE metrics_hourly (LIKE metrics_minutely INCLUDING ALL) PARTITION BY RANGE (bucket);
CREATE TABLE metrics_daily (LIKE metrics_minutely INCLUDING ALL) PARTITION BY RANGE (bucket);
CREATE TABLE metrics_minutely_first (LIKE metrics_minutely INCLUDING ALL);
CREATE TABLE metrics_hourly_first (LIKE metrics_minutely INCLUDING ALL);
CREATE TABLE metrics_daily_first (LIKE metrics_minutely INCLUDING ALL);
CALL attach_first_partition_by_day('metrics_minutely');
CALL attach_first_partition('metrics_hourly', 'timestamptz');
CALL attach_first_partition('metrics_daily', 'timestamptz');

-- The bucket of a value in a sketch, as services/metrics/rollups/sketch.py numbers them.
CREATE FUNCTION sketch_key(value double precision) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN value = 0 THEN 0
        ELSE sign(value)::integer * (ceil(ln(abs(value)) * (64 / ln(2::double precision)))::integer + 68737)
    END
$$;

-- How long tables are kept, where an administrator has said it, and from when on all of them is there.
CREATE TABLE retention_policies (
    table_name     text        PRIMARY KEY,
    retention_days integer,
    is_active      boolean     NOT NULL DEFAULT true,
    kept_since     timestamptz,
    updated_by     text        NOT NULL DEFAULT '',
    updated_at     timestamptz NOT NULL DEFAULT now()
);
INSERT INTO retention_policies (table_name)
VALUES ('metrics'), ('metrics_minutely'), ('metrics_hourly'), ('metrics_daily');
