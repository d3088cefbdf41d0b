-- What ends, or is deleted, is put on its way to the index of meanings in the same transaction, whoever does it: also what the release
-- before this one writes. Whatever ends has an event, and many events come in one statement, where requests are saved one by one.
CALL make_index_outbox();

CREATE FUNCTION requests_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended text[] := ARRAY(SELECT human_request_id FROM happened WHERE kind IN ('decided', 'expired', 'cancelled'));
BEGIN
    IF ended <> '{}' THEN
        PERFORM queue_for_index(ended);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER human_request_events_indexed AFTER INSERT ON human_request_events
    REFERENCING NEW TABLE AS happened FOR EACH STATEMENT EXECUTE FUNCTION requests_ended();

CREATE FUNCTION requests_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_for_index(items) FROM (SELECT array_agg(id) AS items FROM gone) AS found WHERE items IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER human_requests_unindexed AFTER DELETE ON human_requests
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION requests_deleted();

-- By which what ended is counted and gone through.
CREATE INDEX human_requests_findable ON human_requests (id) WHERE status <> 'pending';
