-- What begins has not ended: an outcome follows its intent, at the earliest in the same transaction. So whether what begins has
-- one already is only looked up where outcomes were written before it in its transaction; of every invocation, the look-up
-- was the half of what noting it cost.
CREATE OR REPLACE FUNCTION note_ended() RETURNS trigger
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
    PERFORM set_config('qmcp.outcomes_written', 'yes', true);
    RETURN NULL;
END
$$;

CREATE FUNCTION note_begun_after_outcomes(begun_ids uuid[]) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO open_invocations (id, status, tool_name, principal, correlation_id, created_at)
    SELECT i.id, i.begun_as, i.tool_name, i.principal, i.correlation_id, i.created_at
    FROM invocations i
    WHERE i.id = ANY(begun_ids)
      AND NOT EXISTS (SELECT FROM outcomes o WHERE o.invocation_id = i.id);
END
$$;

-- Without settings of its own, which cost each call something: what it runs here is planned alike in all.
CREATE OR REPLACE FUNCTION note_begun() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('qmcp.outcomes_written', true) = 'yes' THEN
        PERFORM note_begun_after_outcomes(ARRAY(SELECT id FROM begun));
    ELSE
        INSERT INTO open_invocations (id, status, tool_name, principal, correlation_id, created_at)
        SELECT id, begun_as, tool_name, principal, correlation_id, created_at
        FROM begun;
    END IF;
    RETURN NULL;
END
$$;
