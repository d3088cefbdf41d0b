-- A run may wait for people: `waiting` for values that its task lacks, `held` for the approval of its release, which it is rendered for.
ALTER TABLE runs DROP CONSTRAINT runs_status_check;
ALTER TABLE runs ADD CONSTRAINT runs_status_check
    CHECK (status IN ('pending', 'running', 'waiting', 'held', 'completed', 'failed'));
ALTER TABLE runs DROP CONSTRAINT runs_check;
ALTER TABLE runs ADD CONSTRAINT runs_check CHECK ((exit_code IS NOT NULL) = (status IN ('held', 'completed')));

-- Who is asked about a run, what is asked now, and what has been answered.
CREATE TABLE run_human_requests (
    run_id    uuid    PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    people    json    NOT NULL,
    -- By what its caller called, so that people are told when that has ended.
    reference text    NOT NULL,
    -- '' where nothing is waited for.
    open      text    NOT NULL DEFAULT '' CHECK (open IN ('', 'values', 'release')),
    asked     boolean NOT NULL DEFAULT false,
    fields    text[]  NOT NULL DEFAULT '{}',
    answers   json    NOT NULL DEFAULT '{}'
);

CREATE INDEX run_human_requests_open ON run_human_requests (run_id) WHERE open <> '';
