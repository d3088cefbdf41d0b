-- Runs. What they were made of stands here as digests alone; what came of them is in their archives.
CREATE TABLE runs (
    id               uuid        PRIMARY KEY DEFAULT uuidv7(),
    status           text        NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    exit_code        smallint    CHECK ((exit_code IS NOT NULL) = (status = 'completed')),
    outcome          text        NOT NULL DEFAULT '',
    error_code       text        NOT NULL DEFAULT '',
    skill            text        NOT NULL,
    preset           text        NOT NULL,
    template_sha256  text        NOT NULL,
    task_sha256      text        NOT NULL,
    policy_sha256    text        NOT NULL,
    document_sha256  text        NOT NULL DEFAULT '',
    missing_required text[]      NOT NULL DEFAULT '{}',
    queue_wait_ms    integer     NOT NULL DEFAULT 0,
    subprocess_ms    integer     NOT NULL DEFAULT 0,
    total_ms         integer     NOT NULL DEFAULT 0,
    created_by       text        NOT NULL,
    correlation_id   text        NOT NULL,
    request_id       text        NOT NULL,
    -- By which a retry is known, and whether it asks for the same.
    idempotency_key  text,
    request_sha256   text        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    archive_bytes    integer     NOT NULL DEFAULT 0,
    archived_until   timestamptz,
    -- Of those that were started: how often they were begun, and until when whoever is at one is believed to be there.
    attempts         integer     NOT NULL DEFAULT 0,
    lease_until      timestamptz,
    CHECK ((archive_bytes > 0) = (archived_until IS NOT NULL))
);

CREATE UNIQUE INDEX runs_idempotency_key ON runs (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_newest ON runs (created_at, id);
CREATE INDEX runs_created_by ON runs (created_by, created_at, id);
-- Whose archives are to be let go of next.
CREATE INDEX runs_archived_until ON runs (archived_until) WHERE archived_until IS NOT NULL;

-- What is to be done next, and how much of one caller's that is.
CREATE INDEX runs_open ON runs (created_at, id) WHERE status IN ('pending', 'running');
CREATE INDEX runs_open_of ON runs (created_by) WHERE status IN ('pending', 'running');

-- What a run that was started waits with; gone as soon as it has ended.
CREATE TABLE run_inputs (
    run_id        uuid             PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    template      bytea            NOT NULL,
    task          bytea            NOT NULL,
    fields        json             NOT NULL,
    -- By what its caller may have it done, and until when; empty where nobody checks.
    sponsor       text             NOT NULL,
    sponsor_until double precision
);

ALTER TABLE run_inputs ALTER COLUMN template SET STORAGE EXTERNAL;

-- An archive in pieces, so that none is ever in memory twice.
CREATE TABLE run_archives (
    run_id  uuid    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number  integer NOT NULL,
    content bytea   NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- It is packed already.
ALTER TABLE run_archives ALTER COLUMN content SET STORAGE EXTERNAL;
