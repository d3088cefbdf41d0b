-- What is to be brought into the index of meanings, written in the transaction that changes it. An item that is not there any
-- more is taken out of the index.
CREATE TABLE index_outbox (
    item_id         text        PRIMARY KEY,
    -- Counts changes: who brought in an older one leaves the row.
    version         bigint      NOT NULL DEFAULT 1,
    queued_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer     NOT NULL DEFAULT 0,
    -- Null: every try has failed.
    next_attempt_at timestamptz DEFAULT clock_timestamp(),
    last_error      text        NOT NULL DEFAULT ''
);

CREATE INDEX index_outbox_due ON index_outbox (next_attempt_at, item_id);

CREATE FUNCTION queue_for_index(items text[]) RETURNS void LANGUAGE sql AS $$
    -- In one order everywhere, so that no two transactions wait for each other.
    INSERT INTO index_outbox (item_id)
    SELECT item_id
    FROM unnest(items) AS item_id
    ORDER BY item_id
    ON CONFLICT (item_id) DO UPDATE
    SET version = index_outbox.version + 1,
        queued_at = clock_timestamp(),
        attempts = 0,
        next_attempt_at = clock_timestamp(),
        last_error = '';
    SELECT pg_notify('index_outbox', '');
$$;

-- Whatever is said, marked as revised or deleted is put on its way to the index of meanings in the same transaction, whoever does
-- it: also what goes with its conversation, and what the release before this one writes.
CREATE FUNCTION messages_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_for_index(items) FROM (SELECT array_agg(id::text) AS items FROM changed) AS found WHERE items IS NOT NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER messages_said AFTER INSERT ON messages
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION messages_changed();
CREATE TRIGGER messages_revised AFTER UPDATE ON messages
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION messages_changed();
CREATE TRIGGER messages_deleted AFTER DELETE ON messages
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION messages_changed();

-- For searches by words where the index is away. The beginning only: a vector of words has its limits.
CREATE INDEX messages_words_said ON messages USING gin (to_tsvector('english', left(content, 20000)));
