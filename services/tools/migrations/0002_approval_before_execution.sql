-- When a human must approve; null: never.
ALTER TABLE tools ADD COLUMN approval json;

-- New words for what is added from now on. Not validated: what is there obeyed the narrower rule, and reading the whole
-- audit to see that would keep everybody out meanwhile.
ALTER TABLE invocations
    DROP CONSTRAINT invocations_begun_as_check,
    ADD CONSTRAINT invocations_begun_as_check CHECK (begun_as IN ('awaiting_approval', 'pending', 'running')) NOT VALID;
ALTER TABLE outcomes
    DROP CONSTRAINT outcomes_status_check,
    ADD CONSTRAINT outcomes_status_check
        CHECK (status IN ('success', 'failed', 'cancelled', 'rejected', 'expired')) NOT VALID;

-- That humans are asked before an invocation runs: written in one transaction with its intent, and never changed.
CREATE TABLE approvals (
    invocation_id    uuid PRIMARY KEY,
    human_request_id text NOT NULL
);

-- What came of it. The row is the claim: whoever inserts it, and nobody else, runs the tool or ends the invocation.
CREATE TABLE decisions (
    invocation_id    uuid        PRIMARY KEY,
    status           text        NOT NULL CHECK (status IN ('approved', 'rejected', 'expired', 'cancelled')),
    decided_by       text[]      NOT NULL,
    decided_at       timestamptz NOT NULL,
    -- These two are null after redaction of input_params. Canonical text, as all documents that digests cover.
    comment          text,
    edited_arguments json,
    -- Over the two of them, salted with the salt of input_params: it goes with them.
    digest           bytea       NOT NULL,
    -- The process that inserted it.
    writer           uuid        NOT NULL
);

-- A sweep looks for what a dead process was running.
CREATE INDEX decisions_writer ON decisions (writer) WHERE status = 'approved';

-- What is still to be done for an approval; the row goes when nothing is. Work in hand, no part of the audit.
CREATE TABLE open_approvals (
    invocation_id uuid        PRIMARY KEY,
    -- Whether hitl has the human request.
    asked         boolean     NOT NULL DEFAULT false,
    -- Set with a decision that runs nothing: how the invocation is to end. Whoever finds it writes that ending.
    ends_as       text,
    error         text,
    error_reason  text,
    since         timestamptz NOT NULL DEFAULT now()
);
