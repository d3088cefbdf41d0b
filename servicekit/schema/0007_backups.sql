-- Backups of this database that ended well, one row a kind (`dump`, `base`): whoever made one notes it here, once it was read
-- back. The services show how old the last one is.
CREATE TABLE backups (
    kind        text        PRIMARY KEY,
    finished_at timestamptz NOT NULL
);
