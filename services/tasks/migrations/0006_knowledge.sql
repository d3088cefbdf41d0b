-- What agents have learned. What is deleted stays here and is shown to nobody.
CREATE TABLE knowledge_items (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    owner        text        NOT NULL,
    -- Null: it is global.
    project_id   uuid        REFERENCES projects (id),
    epic_id      uuid        REFERENCES epics (id),
    task_id      uuid        REFERENCES tasks (id),
    parent_id    uuid        REFERENCES knowledge_items (id),
    title        text        NOT NULL DEFAULT '',
    content      text        NOT NULL DEFAULT '',
    category     text        NOT NULL DEFAULT '',
    tags         text[]      NOT NULL DEFAULT '{}',
    priority     smallint    NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 5),
    is_active    boolean     NOT NULL DEFAULT true,
    metadata     json        NOT NULL DEFAULT '{}',
    created_by   text        NOT NULL DEFAULT '',
    version      integer     NOT NULL DEFAULT 0,
    log_sequence integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at   timestamptz,
    -- The words of any language as they are.
    words        tsvector    GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || content)) STORED,
    CHECK (task_id IS NULL OR epic_id IS NOT NULL),
    CHECK (epic_id IS NULL OR project_id IS NOT NULL)
);

CREATE INDEX knowledge_items_newest ON knowledge_items (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX knowledge_items_project ON knowledge_items (project_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX knowledge_items_words ON knowledge_items USING gin (words) WHERE deleted_at IS NULL;

-- Each as it was; the last one is as it is.
CREATE TABLE knowledge_versions (
    knowledge_id uuid        NOT NULL REFERENCES knowledge_items (id),
    version      integer     NOT NULL,
    document     json        NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (knowledge_id, version)
);

CREATE TABLE knowledge_log (
    knowledge_id   uuid        NOT NULL REFERENCES knowledge_items (id),
    sequence       integer     NOT NULL,
    action         text        NOT NULL,
    reason         text        NOT NULL,
    changed_fields text[]      NOT NULL DEFAULT '{}',
    version        integer     NOT NULL,
    principal      text        NOT NULL,
    created_by     text        NOT NULL,
    metadata       json        NOT NULL DEFAULT '{}',
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (knowledge_id, sequence)
);
