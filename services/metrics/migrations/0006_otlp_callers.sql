-- What is remembered of series that come by OTLP is bounded for each caller: whose they are, and when, by the hour, they were
-- told of last. Those that were there before are nobody's, and leave by their age.
ALTER TABLE otlp_series
    ADD COLUMN principal text        NOT NULL DEFAULT '',
    ADD COLUMN seen_at   timestamptz NOT NULL DEFAULT date_trunc('hour', now());
CREATE INDEX otlp_series_of_caller ON otlp_series (principal, seen_at);

CREATE TABLE otlp_callers (
    principal       text   PRIMARY KEY,
    series          bigint NOT NULL DEFAULT 0,
    bytes           bigint NOT NULL DEFAULT 0,
    -- What began until then, nanoseconds since 1970, may have been told and let go: it counts from now on.
    forgotten_until bigint NOT NULL DEFAULT 0
);
