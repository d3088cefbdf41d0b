-- Events and deliveries in partitions by time (docs/decisions/0024-partitions-by-time.md).
CALL set_aside_as_first_partition('human_request_events');
ALTER TABLE human_request_events_first
    ALTER COLUMN sequence DROP IDENTITY,
    DROP CONSTRAINT human_request_events_pkey_first;
CREATE TABLE human_request_events (
    LIKE human_request_events_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS
) PARTITION BY RANGE (at);
-- Numbers come once, whatever the time beside them: they are all drawn from one sequence.
ALTER TABLE human_request_events
    ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY,
    ADD PRIMARY KEY (sequence, at);
CREATE INDEX human_request_events_request ON human_request_events (human_request_id, sequence);
CALL attach_first_partition('human_request_events', 'timestamptz');
SELECT setval(
    pg_get_serial_sequence('human_request_events', 'sequence'), coalesce(max(sequence), 1), max(sequence) IS NOT NULL
)
FROM human_request_events;

CALL set_aside_as_first_partition('deliveries');
ALTER TABLE deliveries_first DROP CONSTRAINT deliveries_pkey_first;
CREATE TABLE deliveries (LIKE deliveries_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (created_at);
ALTER TABLE deliveries
    ADD PRIMARY KEY (id, created_at),
    ADD FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE;
CREATE INDEX deliveries_due ON deliveries (next_attempt_at, event_sequence) WHERE status = 'pending';
CREATE INDEX deliveries_newest ON deliveries (created_at, id);
CREATE INDEX deliveries_request ON deliveries (human_request_id, created_at, id);
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, created_at, id);
CREATE INDEX deliveries_status ON deliveries (status, created_at, id);
CREATE INDEX deliveries_webhook_status ON deliveries (webhook_id, status, created_at, id);
CALL attach_first_partition('deliveries', 'timestamptz');

-- By which links leave with their request.
CREATE INDEX action_links_request ON action_links (human_request_id);
-- What ended long ago leaves in this order.
CREATE INDEX human_requests_ended ON human_requests (ended_at, created_at) WHERE ended_at IS NOT NULL;
