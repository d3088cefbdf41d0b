-- Gives a service that counts calls over all its replicas the buckets from which they are taken (servicekit/call_buckets.py).
CREATE PROCEDURE make_call_buckets()
LANGUAGE plpgsql
AS $$
BEGIN
    CREATE TABLE call_buckets (
        key         text             PRIMARY KEY,
        capacity    integer          NOT NULL,
        -- How many come back a minute; 0 where it is full again at the end of a window.
        per_minute  double precision NOT NULL,
        tokens      double precision NOT NULL,
        reckoned_at timestamptz      NOT NULL,
        -- The end of the window; null where there is none.
        resets_at   timestamptz,
        -- Of the calls that were asked for last, together, how many were granted.
        wanted      integer          NOT NULL,
        granted     integer          NOT NULL
    ) WITH (
        -- The same rows change with every call.
        fillfactor = 50
    );
END
$$;
