-- Gives a service that does things for holders of leases of another service the list of what it has begun so
-- (servicekit/leased_work.py): a row goes when the service that gave the lease has been told how it ended.
CREATE PROCEDURE make_leased_work()
LANGUAGE plpgsql
AS $$
BEGIN
    CREATE TABLE leased_work (
        work_id       text        NOT NULL,
        -- Of what the lease is, and its token.
        resource_id   text        NOT NULL,
        fencing_token integer     NOT NULL,
        began_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (work_id, resource_id, fencing_token)
    ) WITH (
        -- All of it comes and goes.
        autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_threshold = 1000
    );
END
$$;
