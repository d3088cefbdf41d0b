-- What other services do for the holder of a lease: meanwhile the lease does not expire, and what comes of it is evidence.
CREATE TABLE task_work (
    kind          text        NOT NULL CHECK (kind IN ('invocation', 'human_request')),
    work_id       text        NOT NULL,
    task_id       uuid        NOT NULL REFERENCES tasks (id),
    fencing_token integer     NOT NULL,
    -- The tool's name, or another word for what is done.
    subject       text        NOT NULL,
    began_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- So long it keeps the lease, if nobody says that it has ended.
    until         timestamptz NOT NULL,
    ended_at      timestamptz,
    -- The status that it came to, and the digest of what proves it, as its service said.
    outcome       text        NOT NULL DEFAULT '',
    digest        text        NOT NULL DEFAULT '',
    PRIMARY KEY (task_id, fencing_token, kind, work_id)
);
