-- Who is at a task, and what nobody else may be at meanwhile. A lease that has expired counts as none in every statement;
-- whoever sweeps takes it away.
ALTER TABLE tasks
    -- Grows with every lease, so a writer with an older one is told from the holder.
    ADD COLUMN fencing_token     integer     NOT NULL DEFAULT 0,
    ADD COLUMN lease_holder      text        NOT NULL DEFAULT '',
    ADD COLUMN lease_agent       text        NOT NULL DEFAULT '',
    ADD COLUMN lease_seconds     integer     NOT NULL DEFAULT 0,
    ADD COLUMN lease_acquired_at timestamptz,
    -- Null where there is no lease.
    ADD COLUMN lease_expires_at  timestamptz,
    ADD COLUMN attempts          integer     NOT NULL DEFAULT 0,
    ADD COLUMN failed_attempts   integer     NOT NULL DEFAULT 0,
    -- 0: what the operator has set.
    ADD COLUMN max_attempts      smallint    NOT NULL DEFAULT 0,
    ADD COLUMN resources         text[]      NOT NULL DEFAULT '{}';

-- What is claimed, best first; what is leased, and what expires next.
CREATE INDEX tasks_ready ON tasks (project_id, priority DESC, created_at, id)
    WHERE status = 'pending' AND deleted_at IS NULL;
CREATE INDEX tasks_leased ON tasks (project_id) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX tasks_expiring ON tasks (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX tasks_in_need ON tasks (project_id)
    WHERE status = 'pending' AND deleted_at IS NULL AND resources <> '{}';

CREATE TABLE task_attempts (
    task_id       uuid        NOT NULL REFERENCES tasks (id),
    number        integer     NOT NULL,
    holder        text        NOT NULL,
    agent_id      text        NOT NULL,
    fencing_token integer     NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at      timestamptz,
    outcome       text        NOT NULL DEFAULT '',
    reason        text        NOT NULL DEFAULT '',
    PRIMARY KEY (task_id, number)
);
