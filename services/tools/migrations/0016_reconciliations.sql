-- A tool may name another that finds out what became of a run whose end nobody knows.
ALTER TABLE tools
    ADD COLUMN reconcile_tool text NOT NULL DEFAULT '';

-- What was found out. The outcome of the invocation stays as it is.
CREATE TABLE reconciliations (
    invocation_id uuid        PRIMARY KEY,
    tool_name     text        NOT NULL,
    status        text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'success', 'failed', 'unknown')),
    -- The invocations of that tool; written before each begins.
    attempts      uuid[]      NOT NULL DEFAULT '{}',
    due_at        timestamptz NOT NULL DEFAULT now(),
    decided_at    timestamptz
);

CREATE INDEX reconciliations_due ON reconciliations (due_at) WHERE status = 'open';
CREATE INDEX reconciliations_attempts ON reconciliations USING gin (attempts);
