-- What is sent is signed with the secret before as well, until receivers had time to change over.
ALTER TABLE monitors
    ADD COLUMN replaced_secret bytea,
    ADD COLUMN replaced_secret_until timestamptz;
