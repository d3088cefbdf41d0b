-- Gives a service that finds texts in an index its outbox: what is to be brought into the index, written in the transaction that
-- changes it (servicekit/search/outbox.py). An item that is not there any more is taken out of the index. Where the service has made
-- these already, they are brought to what they are here.
CREATE PROCEDURE make_index_outbox()
LANGUAGE plpgsql
AS $$
BEGIN
    CREATE TABLE IF NOT EXISTS index_outbox (
        item_id         text        PRIMARY KEY,
        -- Counts changes: who brought in an older one leaves the row.
        version         bigint      NOT NULL DEFAULT 1,
        queued_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        attempts        integer     NOT NULL DEFAULT 0,
        -- Null: every try has failed.
        next_attempt_at timestamptz DEFAULT clock_timestamp(),
        last_error      text        NOT NULL DEFAULT ''
    );
    CREATE INDEX IF NOT EXISTS index_outbox_due ON index_outbox (next_attempt_at, item_id);

    -- One row while some replica has an index; without it nothing is put into the outbox, for nobody would take it out.
    CREATE TABLE index_followed (
        followed boolean PRIMARY KEY CHECK (followed)
    );
    INSERT INTO index_followed (followed) VALUES (true);

    CREATE OR REPLACE FUNCTION queue_for_index(items text[]) RETURNS void LANGUAGE plpgsql AS $queue$
    BEGIN
        IF NOT EXISTS (SELECT FROM index_followed) THEN
            RETURN;
        END IF;
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
        PERFORM pg_notify('index_outbox', '');
    END
    $queue$;
END
$$;
