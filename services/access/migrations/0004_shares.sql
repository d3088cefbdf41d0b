-- What a holder may have in flight at a time, by kind; 0: what the roles, and then a replica's settings say.
ALTER TABLE keys
    ADD COLUMN max_quick   integer NOT NULL DEFAULT 0,
    ADD COLUMN max_long    integer NOT NULL DEFAULT 0,
    ADD COLUMN max_waits   integer NOT NULL DEFAULT 0,
    ADD COLUMN max_streams integer NOT NULL DEFAULT 0;

ALTER TABLE roles
    ADD COLUMN max_quick   integer NOT NULL DEFAULT 0,
    ADD COLUMN max_long    integer NOT NULL DEFAULT 0,
    ADD COLUMN max_waits   integer NOT NULL DEFAULT 0,
    ADD COLUMN max_streams integer NOT NULL DEFAULT 0;
