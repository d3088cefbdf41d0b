-- The audit in partitions by time: ids are UUIDv7, so a range of them is one. What leaves is dropped whole, and what is asked
-- of a time reads only that (docs/decisions/0024-partitions-by-time.md).

-- Who holds an idempotency_key. A unique index of a partitioned table must have its partition key in it, and the time of an
-- invocation says nothing of its key; here a key can also end before the audit does.
CREATE TABLE invocation_keys (
    principal       text NOT NULL,
    idempotency_key text NOT NULL,
    invocation_id   uuid NOT NULL,
    PRIMARY KEY (principal, idempotency_key)
);

CREATE INDEX invocation_keys_invocation ON invocation_keys (invocation_id);

INSERT INTO invocation_keys (principal, idempotency_key, invocation_id)
SELECT principal, idempotency_key, id
FROM invocations
WHERE idempotency_key <> '' AND NOT refused;

DROP INDEX invocations_idempotency_key;

CALL set_aside_as_first_partition('invocations');
CREATE TABLE invocations (LIKE invocations_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
ALTER TABLE invocations ADD PRIMARY KEY (id);
CREATE INDEX invocations_tool ON invocations (tool_name, id);
CREATE INDEX invocations_correlation_id ON invocations (correlation_id, id);
CREATE INDEX invocations_principal ON invocations (principal, id);
CREATE INDEX invocations_principal_tool ON invocations (principal, tool_name, id);
CALL attach_first_partition('invocations', 'uuid');

CALL set_aside_as_first_partition('outcomes');
-- Each chain is written by one process alone; that no number in it comes twice, the verification shows.
ALTER TABLE outcomes_first DROP CONSTRAINT outcomes_chain_id_sequence_key_first;
CREATE TABLE outcomes (LIKE outcomes_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (invocation_id);
ALTER TABLE outcomes ADD PRIMARY KEY (invocation_id);
CREATE INDEX outcomes_chain ON outcomes (chain_id, sequence);
CREATE INDEX outcomes_status ON outcomes (status, invocation_id);
CREATE INDEX outcomes_tool ON outcomes (tool_name, status, invocation_id);
CREATE INDEX outcomes_principal ON outcomes (principal, status, invocation_id);
CREATE INDEX outcomes_completed_at ON outcomes USING brin (completed_at);
CALL attach_first_partition('outcomes', 'uuid');

CALL set_aside_as_first_partition('invocation_events');
CREATE TABLE invocation_events (
    LIKE invocation_events_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS
) PARTITION BY RANGE (invocation_id);
ALTER TABLE invocation_events ADD PRIMARY KEY (invocation_id, sequence);
CALL attach_first_partition('invocation_events', 'uuid');

-- Lets one of those with the same key in, as the unique index did. The release before relies on it too.
CREATE FUNCTION hold_idempotency_key() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO invocation_keys (principal, idempotency_key, invocation_id)
    VALUES (NEW.principal, NEW.idempotency_key, NEW.id)
    ON CONFLICT DO NOTHING;
    IF FOUND OR EXISTS (
        SELECT
        FROM invocation_keys
        WHERE principal = NEW.principal
          AND idempotency_key = NEW.idempotency_key
          AND invocation_id = NEW.id
    ) THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER hold_idempotency_key BEFORE INSERT ON invocations
    FOR EACH ROW WHEN (NEW.idempotency_key <> '' AND NOT NEW.refused) EXECUTE FUNCTION hold_idempotency_key();
CREATE TRIGGER note_begun AFTER INSERT ON invocations
    REFERENCING NEW TABLE AS begun
    FOR EACH STATEMENT EXECUTE FUNCTION note_begun();
CREATE TRIGGER note_ended AFTER INSERT ON outcomes
    REFERENCING NEW TABLE AS ended
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended();
CREATE TRIGGER note_running AFTER INSERT ON invocation_events
    FOR EACH ROW WHEN (NEW.kind = 'running') EXECUTE FUNCTION note_running();

-- Signed statements of what left the audit for an archive: so a chain verifies on from the last receipt that left.
CREATE TABLE archives (
    sequence  integer     PRIMARY KEY,
    signed_at timestamptz NOT NULL,
    until     uuid        NOT NULL,
    content   text        NOT NULL,
    signature bytea       NOT NULL,
    key_id    text        NOT NULL
);

-- Up to which receipt there are archives; 0: there is none.
ALTER TABLE chains ADD COLUMN archived_sequence integer NOT NULL DEFAULT 0;
