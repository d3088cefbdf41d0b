-- While an index is made again it has only part of what there is: searches are to know that, in whatever process they run.
ALTER PROCEDURE make_index_outbox() RENAME TO make_first_index_outbox;

CREATE PROCEDURE mark_index_remade()
LANGUAGE plpgsql
AS $$
BEGIN
    -- Whether somebody is putting everything on its way to an empty index.
    ALTER TABLE index_followed ADD COLUMN remaking boolean NOT NULL DEFAULT false;
    -- Whether an item is on its way because everything is; what changes meanwhile stays so.
    ALTER TABLE index_outbox ADD COLUMN of_remake boolean NOT NULL DEFAULT false;
    CREATE INDEX index_outbox_of_remake ON index_outbox (item_id) WHERE of_remake AND next_attempt_at IS NOT NULL;
END
$$;

CREATE PROCEDURE make_index_outbox()
LANGUAGE plpgsql
AS $$
BEGIN
    CALL make_first_index_outbox();
    CALL mark_index_remade();
END
$$;

-- Those that have an outbox already.
DO $$
BEGIN
    IF to_regclass('index_followed') IS NOT NULL THEN
        CALL mark_index_remade();
    END IF;
END
$$;
