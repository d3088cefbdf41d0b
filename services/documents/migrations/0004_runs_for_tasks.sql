-- For which task a run is, by which token of its caller's lease; empty and 0: for none. So those of before are.
ALTER TABLE runs
    ADD COLUMN task_id       text    NOT NULL DEFAULT '',
    ADD COLUMN fencing_token integer NOT NULL DEFAULT 0;

CALL make_leased_work();
