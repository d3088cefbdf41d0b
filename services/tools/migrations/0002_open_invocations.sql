-- What has begun and has not ended, so that whatever is asked of the present reads this and not the audit, however long
-- that has grown (docs/decisions/0022-lists-of-the-present.md). Triggers keep it, not the statements of the service: it is
-- right whoever writes, also a replica of the release before, which knows nothing of it.
CREATE TABLE open_invocations (
    id             uuid        PRIMARY KEY,
    status         text        NOT NULL CHECK (status IN ('awaiting_approval', 'pending', 'running')),
    tool_name      text        NOT NULL,
    principal      text        NOT NULL,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL
) WITH (
    -- Each invocation passes through: what is left of it is cleared away by thousands, not by a share of the table.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_threshold = -1,
    autovacuum_vacuum_cost_delay = 0
);

-- What is listed by a final status is found here without its intent. Null only while a statement of the release before runs.
ALTER TABLE outcomes
    ADD COLUMN tool_name  text,
    ADD COLUMN principal  text,
    ADD COLUMN created_at timestamptz;

UPDATE outcomes o
SET tool_name = i.tool_name,
    principal = i.principal,
    created_at = i.created_at
FROM invocations i
WHERE i.id = o.invocation_id;

INSERT INTO open_invocations (id, status, tool_name, principal, correlation_id, created_at)
SELECT i.id,
       CASE
           WHEN i.begun_as = 'running'
             OR EXISTS (SELECT FROM invocation_events e WHERE e.invocation_id = i.id AND e.kind = 'running')
               THEN 'running'
           WHEN i.begun_as = 'awaiting_approval'
            AND EXISTS (SELECT FROM open_approvals w WHERE w.invocation_id = i.id)
               THEN 'awaiting_approval'
           ELSE 'pending'
       END,
       i.tool_name, i.principal, i.correlation_id, i.created_at
FROM invocations i
WHERE NOT EXISTS (SELECT FROM outcomes o WHERE o.invocation_id = i.id);

-- Each filter, and each pair of them that is common on both sides: a list walks one index and reads what it shows.
CREATE INDEX invocations_principal_tool ON invocations (principal, tool_name, id);
CREATE INDEX outcomes_status ON outcomes (status, invocation_id);
CREATE INDEX outcomes_tool ON outcomes (tool_name, status, invocation_id);
CREATE INDEX outcomes_principal ON outcomes (principal, status, invocation_id);
DROP INDEX outcomes_not_success;
-- Which checkpoint covers a receipt is the first that was signed after it.
CREATE INDEX checkpoints_signed_at ON checkpoints (signed_at);

-- Plans of functions are kept. One that was made while a table was empty would read all of it for ever.
CREATE FUNCTION note_begun() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO open_invocations (id, status, tool_name, principal, correlation_id, created_at)
    SELECT id, begun_as, tool_name, principal, correlation_id, created_at
    FROM begun
    WHERE NOT EXISTS (SELECT FROM outcomes o WHERE o.invocation_id = begun.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION note_ended() RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM open_invocations
    WHERE id = ANY(ARRAY(SELECT invocation_id FROM ended));
    IF EXISTS (SELECT FROM ended WHERE tool_name IS NULL) THEN
        UPDATE outcomes o
        SET tool_name = i.tool_name,
            principal = i.principal,
            created_at = i.created_at
        FROM invocations i
        WHERE i.id = o.invocation_id
          AND o.invocation_id = ANY(ARRAY(SELECT invocation_id FROM ended WHERE tool_name IS NULL));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION note_running() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE open_invocations SET status = 'running' WHERE id = NEW.invocation_id;
    RETURN NULL;
END
$$;

-- What is approved waits for a slot, unless the same statement begins it.
CREATE FUNCTION note_approved() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE open_invocations SET status = 'pending' WHERE id = NEW.invocation_id AND status = 'awaiting_approval';
    RETURN NULL;
END
$$;

CREATE TRIGGER note_begun AFTER INSERT ON invocations
    REFERENCING NEW TABLE AS begun
    FOR EACH STATEMENT EXECUTE FUNCTION note_begun();
CREATE TRIGGER note_ended AFTER INSERT ON outcomes
    REFERENCING NEW TABLE AS ended
    FOR EACH STATEMENT EXECUTE FUNCTION note_ended();
CREATE TRIGGER note_running AFTER INSERT ON invocation_events
    FOR EACH ROW WHEN (NEW.kind = 'running') EXECUTE FUNCTION note_running();
CREATE TRIGGER note_approved AFTER INSERT ON decisions
    FOR EACH ROW WHEN (NEW.status = 'approved') EXECUTE FUNCTION note_approved();
