"""The rows of years, made by the database itself: an audit of invocations, and what a team was asked."""

DAYS = 90

# Twenty tools, fifty principals, twenty invocations a correlation id; one in twenty failed, one in a hundred was
# cancelled.
# Triggers are off, as for a restore: what is open is noted by itself.
INVOCATIONS = """
    SET session_replication_role = replica;
    CREATE TEMP TABLE made AS
    SELECT g,
           uuidv7(interval '{days} days' * (g - {count}) / {count}) AS id,
           'tool-' || g * 7919 % 20 AS tool_name,
           'agent-' || g * 104729 % 50 AS principal,
           CASE WHEN g % 20 = 3 THEN 'failed' WHEN g % 100 = 7 THEN 'cancelled' ELSE 'success' END AS status
    FROM generate_series({first}::bigint, {last}) AS g;
    INSERT INTO invocations (
        id, tool_name, tool_etag, input_params, input_salt, input_digest, principal, correlation_id, idempotency_key,
        begun_as, refused, replica, created_at
    )
    SELECT id, tool_name, '0123456789abcdef', '{{"message":"The quick brown fox jumps over the lazy dog."}}',
           decode(md5(g::text), 'hex'), sha256(g::text::bytea), principal, md5((g / 20)::text), '', 'running', false,
           '0193f0a0-0000-7000-8000-000000000001', uuid_extract_timestamp(id)
    FROM made;
    INSERT INTO outcomes (
        invocation_id, status, result, error, error_reason, completed_at, chain_id, sequence, previous_digest, digest,
        result_salt, result_digest, tool_name, principal, created_at
    )
    SELECT id, status, '"The quick brown fox jumps over the lazy dog."', NULL,
           CASE status WHEN 'failed' THEN 'TOOL_RAISED' ELSE '' END,
           uuid_extract_timestamp(id) + interval '1 millisecond' * (1 + g % 250),
           md5('chain {first}')::uuid, g - {first} + 1,
           sha256((g - 1)::text::bytea), sha256(g::text::bytea), decode(md5(g::text), 'hex'), sha256(g::text::bytea),
           tool_name, principal, uuid_extract_timestamp(id)
    FROM made;
    DROP TABLE made;
    SET session_replication_role = DEFAULT
"""

# A thousand that are open, from the whole time.
OPEN = """
    WITH begun AS (
        INSERT INTO invocations (
            id, tool_name, tool_etag, input_params, input_salt, input_digest, principal, correlation_id,
            idempotency_key, begun_as, refused, replica, created_at
        )
        SELECT id, 'tool-' || g % 20, '', '{}', '', '', 'agent-' || g % 50, md5('open' || g / 20), '',
               (ARRAY['awaiting_approval', 'pending', 'running'])[1 + g % 3], false, gen_random_uuid(),
               uuid_extract_timestamp(id)
        FROM (
            SELECT g, uuidv7(interval '90 days' * (g - 1000) / 1000) AS id
            FROM generate_series(1, 1000) AS g
        ) AS made
        RETURNING id
    )
    SELECT count(*) FROM begun
"""
