-- Up to when what a table of roll-ups has is in the next coarser one as well: minutes in hours, hours in days. A bucket
-- before that is closed: what comes for it later is added to all of them. The others are only here.
CREATE TABLE closed_rollups (
    table_name   text        PRIMARY KEY,
    closed_until timestamptz NOT NULL
);

-- Where there are roll-ups already they are in all tables, up to five minutes ahead of now.
INSERT INTO closed_rollups (table_name, closed_until)
SELECT table_name,
       date_trunc('hour', now(), 'UTC')
       + CASE WHEN EXISTS (SELECT FROM metrics_minutely) THEN interval '2 hours' ELSE interval '0' END
FROM unnest(ARRAY['metrics_minutely', 'metrics_hourly']) AS tables (table_name);

-- By which what is to be closed is found.
CREATE INDEX metrics_minutely_bucket ON metrics_minutely (bucket);
CREATE INDEX metrics_hourly_bucket ON metrics_hourly (bucket);
