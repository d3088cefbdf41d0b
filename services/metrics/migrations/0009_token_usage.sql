-- Tokens by minute and series of events, which tells apart whatever its senders do: sessions, tasks, agents. Made with the
-- roll-ups, in their transactions; kept as long as single events are.
CREATE TABLE token_usage (
    series_id bigint           NOT NULL,
    bucket    timestamptz      NOT NULL,
    tokens    double precision NOT NULL,
    PRIMARY KEY (series_id, bucket)
);
CREATE INDEX token_usage_bucket ON token_usage (bucket);
-- By which the series of tokens are found among all others.
CREATE INDEX series_metric_name ON series ((dimensions ->> 'metric_name'));

-- What is pending comes with the roll-ups.
INSERT INTO token_usage (series_id, bucket, tokens)
SELECT series_id, date_trunc('minute', at, 'UTC'), sum(value * weight)
FROM metric_events
WHERE series_id IN (
          SELECT id
          FROM series
          WHERE type = 'custom'
            AND dimensions ->> 'metric_name' = 'gen_ai.client.token.usage'
      )
  AND (batch IS NULL OR batch NOT IN (SELECT batch FROM pending_rollups))
GROUP BY 1, 2;
