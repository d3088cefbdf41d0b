-- For which task an invocation was done, by which token of its lease; empty and 0: for none. So those of before are.
ALTER TABLE invocations
    ADD COLUMN task_id       text    NOT NULL DEFAULT '',
    ADD COLUMN fencing_token integer NOT NULL DEFAULT 0;

CALL make_leased_work();
