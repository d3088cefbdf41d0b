-- How many observations an event stands for: that of a bucket of a histogram for as many as the bucket counts.
ALTER TABLE metric_events ADD COLUMN IF NOT EXISTS weight bigint NOT NULL DEFAULT 1;

-- What is remembered of each series that comes by OTLP, so that totals become differences whichever replica hears of them,
-- and what comes twice counts once. services/metrics/otlp/deltas.py writes the state.
CREATE TABLE otlp_series (
    -- 16 bytes of the digest of who sent it, of all that names it, and of its start where it is a total.
    series  bytea PRIMARY KEY,
    state   bytea NOT NULL,
    -- The day on which it was last told of. A day, so that most updates touch no index.
    seen_on date  NOT NULL DEFAULT current_date
);

CREATE INDEX otlp_series_seen_on ON otlp_series (seen_on);
