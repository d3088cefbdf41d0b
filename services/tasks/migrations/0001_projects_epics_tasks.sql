-- Boards. What is deleted stays here and is shown to nobody; its name is free again.
CREATE TABLE projects (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    owner       text        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    status      text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'completed')),
    -- Who works on it beside the owner: principals, and roles.
    members     text[]      NOT NULL DEFAULT '{}',
    groups      text[]      NOT NULL DEFAULT '{}',
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at  timestamptz
);

CREATE UNIQUE INDEX projects_name ON projects (owner, name) WHERE deleted_at IS NULL;
CREATE INDEX projects_newest ON projects (created_at, id) WHERE deleted_at IS NULL;
-- By whom they are seen.
CREATE INDEX projects_owner ON projects (owner, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX projects_members ON projects USING gin (members) WHERE deleted_at IS NULL;
CREATE INDEX projects_groups ON projects USING gin (groups) WHERE deleted_at IS NULL;

CREATE TABLE epics (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    project_id  uuid        NOT NULL REFERENCES projects (id),
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    status      text        NOT NULL DEFAULT 'pending'
                CHECK (status IN ('pending', 'in_progress', 'review', 'completed', 'blocked', 'backlog')),
    priority    smallint    NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
    created_by  text        NOT NULL,
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at  timestamptz
);

CREATE UNIQUE INDEX epics_name ON epics (project_id, name) WHERE deleted_at IS NULL;
CREATE INDEX epics_newest ON epics (created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE tasks (
    id                uuid        PRIMARY KEY DEFAULT uuidv7(),
    project_id        uuid        NOT NULL REFERENCES projects (id),
    epic_id           uuid        NOT NULL REFERENCES epics (id),
    name              text        NOT NULL,
    description       text        NOT NULL DEFAULT '',
    status            text        NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'in_progress', 'review', 'completed', 'blocked', 'backlog')),
    priority          smallint    NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
    ra_mode           text        NOT NULL DEFAULT '',
    ra_score          smallint    NOT NULL DEFAULT 0 CHECK (ra_score BETWEEN 0 AND 10),
    ra_tags           text[]      NOT NULL DEFAULT '{}',
    ra_metadata       json        NOT NULL DEFAULT '{}',
    tags              text[]      NOT NULL DEFAULT '{}',
    metadata          json        NOT NULL DEFAULT '{}',
    prompt_snapshot   text        NOT NULL DEFAULT '',
    parallel_group    text        NOT NULL DEFAULT '',
    parallel_eligible boolean     NOT NULL DEFAULT true,
    client_session_id text        NOT NULL DEFAULT '',
    -- The number of the last entry of its log: whoever writes one holds this row, so there is no gap.
    log_sequence      integer     NOT NULL DEFAULT 0,
    created_by        text        NOT NULL,
    version           integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at      timestamptz,
    deleted_at        timestamptz
);

CREATE UNIQUE INDEX tasks_name ON tasks (epic_id, name) WHERE deleted_at IS NULL;
CREATE INDEX tasks_newest ON tasks (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_project ON tasks (project_id, created_at, id) WHERE deleted_at IS NULL;

-- What must be completed before. That nothing waits for itself is looked at under a lock of the project.
CREATE TABLE task_dependencies (
    task_id    uuid NOT NULL REFERENCES tasks (id),
    depends_on uuid NOT NULL REFERENCES tasks (id),
    PRIMARY KEY (task_id, depends_on),
    CHECK (task_id <> depends_on)
);

CREATE INDEX task_dependencies_depends_on ON task_dependencies (depends_on);

CREATE TABLE task_log (
    task_id   uuid        NOT NULL REFERENCES tasks (id),
    sequence  integer     NOT NULL,
    kind      text        NOT NULL,
    principal text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload   json        NOT NULL,
    PRIMARY KEY (task_id, sequence)
);
