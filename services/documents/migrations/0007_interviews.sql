-- Runs whose missing values are asked for in an interview. Replicas of the release before know no such runs, and ask people about them.
CREATE TABLE run_interviews (
    run_id          uuid        PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    -- Whether the run waits for it.
    open            boolean     NOT NULL DEFAULT false,
    -- In questioning; empty before it has begun.
    conversation_id text        NOT NULL DEFAULT '',
    -- What is to come of it.
    schema          json,
    -- How long it may go on.
    until           timestamptz
);

CREATE INDEX run_interviews_open ON run_interviews (run_id) WHERE open;

-- NULL: it waits for no interview. Empty: for one that has not begun.
ALTER TABLE runs ADD COLUMN conversation_id text;
