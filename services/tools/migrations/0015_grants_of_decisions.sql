-- A human's decision may make a grant, in one transaction: the invocation that was decided on, and the grant. Empty: none.
ALTER TABLE grants
    ADD COLUMN invocation_id text NOT NULL DEFAULT '';

ALTER TABLE decisions
    ADD COLUMN grant_id text NOT NULL DEFAULT '';
