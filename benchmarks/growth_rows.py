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

CHAINS = "INSERT INTO chains (id) SELECT DISTINCT chain_id FROM outcomes ON CONFLICT DO NOTHING"
# Whether the service has not counted all of them yet.
UNCOUNTED = """
    SELECT EXISTS (
        SELECT
        FROM chains c
        JOIN LATERAL (
            SELECT o.sequence FROM outcomes o WHERE o.chain_id = c.id ORDER BY o.sequence DESC LIMIT 1
        ) AS last ON last.sequence > c.counted_sequence
    )
"""

# Of what people were asked: fifty agents, a hundred people, ten groups, twenty tags; a few that are rare, and long ago.
REQUESTS = """
    SET session_replication_role = replica;
    INSERT INTO human_requests (
        id, request_type, prompt, options, context, timeout_seconds, status, created_at, expires_at, correlation_id,
        priority, assignees, groups, tags, callback_url, on_expiry, four_eyes, requester, body_digest, ended_at
    )
    SELECT 'asked-' || g, 'type-' || g % 8, 'Deploy the release ' || g || ' to production?', '{{approve,reject}}',
           '{{"diff":"The quick brown fox jumps over the lazy dog."}}', 3600,
           CASE WHEN g % 2000 = 0 THEN 'pending' WHEN g % 20 = 3 THEN 'expired' ELSE 'responded' END,
           at, at + interval '1 hour', md5((g / 20)::text), 'normal',
           ARRAY[CASE WHEN g % 100003 = 5 THEN 'rare' ELSE 'human-' || g * 7919 % 100 END],
           ARRAY[CASE WHEN g % 100003 = 6 THEN 'rare' ELSE 'group-' || g * 104729 % 10 END],
           ARRAY['tag-' || g * 31 % 20, CASE WHEN g % 100003 = 7 THEN 'rare' ELSE 'tag-all' END], '',
           '{{"action": "expire", "default_response": null, "escalate_to": [], "escalate_timeout_seconds": 0}}', false,
           'agent-' || g * 15485863 % 50, '', CASE WHEN g % 2000 <> 0 THEN at + interval '5 minutes' END
    FROM (
        SELECT g, now() - interval '{days} days' * ({count} - g) / {count} AS at
        FROM generate_series({first}::bigint, {last}) AS g
    ) AS made;
    INSERT INTO human_responses (
        id, human_request_id, response, responded_by, created_at, response_metadata, comment, decides, via,
        idempotency_key, body_digest
    )
    SELECT uuidv7(), 'asked-' || g, '"approve"', 'human-' || g * 7919 % 100,
           now() - interval '{days} days' * ({count} - g) / {count}, '{{}}', '', true, 'api', '', ''
    FROM generate_series({first}::bigint, {last}) AS g
    WHERE g % 2000 <> 0 AND g % 20 <> 3;
    INSERT INTO deliveries (webhook_id, human_request_id, event_sequence, event_kind, url, status, attempts, created_at)
    SELECT (SELECT id FROM webhooks), 'asked-' || g, g, 'created', 'http://hook',
           CASE WHEN g % 100003 = 8 THEN 'failed' ELSE 'delivered' END, 1,
           now() - interval '{days} days' * ({count} - g) / {count}
    FROM generate_series({first}::bigint, {last}) AS g;
    SET session_replication_role = DEFAULT
"""
WEBHOOK = """
    INSERT INTO webhooks (id, url, kinds, request_types, description, paused, secret, etag)
    VALUES ('0193f0a0-0000-7000-8000-000000000001', 'http://hook', '{}', '{}', '', true, '', '')
"""
