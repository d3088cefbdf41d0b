-- Many runs of one template that were started together. How far they are is counted as they end, in the transaction that ends each.
CREATE TABLE batches (
    id              uuid        PRIMARY KEY DEFAULT uuidv7(),
    skill           text        NOT NULL,
    preset          text        NOT NULL,
    template_sha256 text        NOT NULL,
    item_count      integer     NOT NULL CHECK (item_count > 0),
    ended_count     integer     NOT NULL DEFAULT 0 CHECK (ended_count <= item_count),
    -- How many ended how: {"ok": 3}.
    outcomes        jsonb       NOT NULL DEFAULT '{}',
    created_by      text        NOT NULL,
    correlation_id  text        NOT NULL,
    request_id      text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    cancelled_at    timestamptz,
    ended_at        timestamptz,
    CHECK ((ended_at IS NOT NULL) = (ended_count = item_count))
);

CREATE INDEX batches_newest ON batches (created_at, id);
CREATE INDEX batches_created_by ON batches (created_by, created_at, id);
CREATE INDEX batches_open_of ON batches (created_by) WHERE ended_at IS NULL;

ALTER TABLE runs ADD COLUMN batch_id uuid REFERENCES batches (id) ON DELETE CASCADE;
-- 1, 2, … of its batch, as the payloads came.
ALTER TABLE runs ADD COLUMN batch_item integer;
ALTER TABLE runs ADD CHECK ((batch_id IS NULL) = (batch_item IS NULL));
CREATE UNIQUE INDEX runs_batch ON runs (batch_id, batch_item) WHERE batch_id IS NOT NULL;

-- What is to be done next of each caller: what was started alone goes before batches.
CREATE INDEX runs_next ON runs (created_by, (batch_id IS NOT NULL), created_at, id) WHERE status IN ('pending', 'running');

-- When a run of a caller was last begun: callers take turns, however much one of them has started.
CREATE TABLE run_turns (
    created_by text        PRIMARY KEY,
    taken_at   timestamptz NOT NULL
);

-- Templates that runs wait with, once however many wait with them; gone with the last of these.
CREATE TABLE run_templates (
    sha256  text  PRIMARY KEY,
    content bytea NOT NULL
);

ALTER TABLE run_templates ALTER COLUMN content SET STORAGE EXTERNAL;

-- What a run that was started waits with; gone as soon as it has ended. Replicas of the release before write run_inputs yet, of
-- which nothing is written any more.
CREATE TABLE run_tasks (
    run_id          uuid             PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    template_sha256 text             NOT NULL REFERENCES run_templates (sha256),
    task            bytea            NOT NULL,
    fields          json             NOT NULL,
    sponsor         text             NOT NULL,
    sponsor_until   double precision
);

CREATE INDEX run_tasks_template ON run_tasks (template_sha256);
