-- For which task a request is, by which token of its requester's lease; empty and 0: for none. So those of before are.
ALTER TABLE human_requests
    ADD COLUMN task_id       text    NOT NULL DEFAULT '',
    ADD COLUMN fencing_token integer NOT NULL DEFAULT 0;

CALL make_leased_work();
