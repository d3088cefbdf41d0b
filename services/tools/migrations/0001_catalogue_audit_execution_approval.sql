-- The catalogue.
CREATE TABLE tools (
    name            text        PRIMARY KEY,
    kind            text        NOT NULL CHECK (kind IN ('builtin', 'plugin', 'http', 'grpc')),
    title           text        NOT NULL,
    description     text        NOT NULL,
    version         text        NOT NULL,
    tags            text[]      NOT NULL,
    labels          json        NOT NULL,
    annotations     json        NOT NULL,
    input_schema    json,
    output_schema   json,
    timeout_seconds integer     NOT NULL,
    max_concurrency integer     NOT NULL,
    -- How to reach an http or grpc tool; null for tools that are defined by code.
    source          json,
    -- The file descriptors of a grpc tool's method, as its server's reflection gave them.
    descriptors     bytea,
    -- When a human must approve; null: never.
    approval        json,
    etag            text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    words           tsvector    NOT NULL
);

CREATE INDEX tools_words ON tools USING gin (words);

-- The audit. What was intended and its outcome are two rows that are never updated: an append costs a third of an
-- update here, and what was acknowledged cannot change. Documents are kept as the canonical text that the digests
-- cover; type json keeps it to the letter, jsonb would not.
CREATE TABLE invocations (
    id              uuid        PRIMARY KEY,
    tool_name       text        NOT NULL,
    tool_etag       text        NOT NULL,
    input_params    json,
    input_salt      bytea,
    input_digest    bytea       NOT NULL,
    principal       text        NOT NULL,
    correlation_id  text        NOT NULL,
    idempotency_key text        NOT NULL,
    -- awaiting_approval: humans are asked first; pending: waits for a free slot; running: started at once.
    begun_as        text        NOT NULL CHECK (begun_as IN ('awaiting_approval', 'pending', 'running')),
    -- True where nothing was run (unknown tool, bad arguments): such a row does not hold its idempotency_key.
    refused         boolean     NOT NULL,
    -- The process that recorded it, and runs it where no approval is needed.
    replica         uuid        NOT NULL,
    created_at      timestamptz NOT NULL
);

CREATE UNIQUE INDEX invocations_idempotency_key ON invocations (principal, idempotency_key)
    WHERE idempotency_key <> '' AND NOT refused;
CREATE INDEX invocations_tool ON invocations (tool_name, id);
CREATE INDEX invocations_correlation_id ON invocations (correlation_id, id);
CREATE INDEX invocations_principal ON invocations (principal, id);

-- The outcome of an invocation, and its receipt. No foreign key: it would cost a look-up a row on the hot path, and the
-- verifier finds a receipt without an invocation.
CREATE TABLE outcomes (
    invocation_id   uuid        PRIMARY KEY,
    status          text        NOT NULL CHECK (status IN ('success', 'failed', 'cancelled', 'rejected', 'expired')),
    result          json,
    error           text,
    error_reason    text        NOT NULL,
    result_salt     bytea,
    result_digest   bytea       NOT NULL,
    completed_at    timestamptz NOT NULL,
    chain_id        uuid        NOT NULL,
    sequence        integer     NOT NULL,
    previous_digest bytea       NOT NULL,
    digest          bytea       NOT NULL,
    UNIQUE (chain_id, sequence)
);

CREATE INDEX outcomes_not_success ON outcomes (status, invocation_id) WHERE status <> 'success';
CREATE INDEX outcomes_completed_at ON outcomes USING brin (completed_at);

-- What happens between the intent and the outcome: progress, and the start of those that had to wait.
CREATE TABLE invocation_events (
    invocation_id uuid        NOT NULL,
    -- From 2 on; 1 is the intent itself.
    sequence      integer     NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('running', 'progress')),
    payload       json        NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (invocation_id, sequence)
);

-- Every process writes chains of its own, so no two processes wait for each other.
CREATE TABLE chains (
    id              uuid        PRIMARY KEY,
    opened_at       timestamptz NOT NULL DEFAULT now(),
    -- Up to which receipt a checkpoint has signed it; 0: none has.
    signed_sequence integer     NOT NULL DEFAULT 0
);

-- Signed statements of where chains stood.
CREATE TABLE checkpoints (
    sequence  integer     PRIMARY KEY,
    signed_at timestamptz NOT NULL,
    content   text        NOT NULL,
    signature bytea       NOT NULL,
    key_id    text        NOT NULL
);

-- Who erased what, and why.
CREATE TABLE redactions (
    invocation_id uuid        NOT NULL,
    field         text        NOT NULL CHECK (field IN ('input_params', 'result')),
    principal     text        NOT NULL,
    reason        text        NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (invocation_id, field)
);

-- Execution. The processes that run tools. One whose heartbeat is old is dead, and what it left open is INTERRUPTED.
CREATE TABLE replicas (
    id           uuid        PRIMARY KEY,
    host         text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    -- No open invocation of this process is older than this id, so a sweep need not read the whole audit.
    oldest_open  uuid        NOT NULL
);

-- Requests to cancel, for the process that runs the invocation.
CREATE TABLE cancellations (
    invocation_id uuid        PRIMARY KEY,
    principal     text        NOT NULL,
    at            timestamptz NOT NULL DEFAULT now()
);

-- Approval. That humans are asked before an invocation runs: written in one transaction with its intent, never changed.
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
    replica          uuid        NOT NULL
);

-- A sweep looks for what a dead process was running.
CREATE INDEX decisions_replica ON decisions (replica) WHERE status = 'approved';

-- What is still to be done for an approval; the row goes when nothing is. Work in hand, no part of the audit.
CREATE TABLE open_approvals (
    invocation_id  uuid        PRIMARY KEY,
    -- Whether hitl has the human request.
    asked          boolean     NOT NULL DEFAULT false,
    -- Set with a decision that runs nothing: the outcome that it is to have. Whoever finds it records that outcome.
    outcome_status text,
    error          text,
    error_reason   text,
    since          timestamptz NOT NULL DEFAULT now()
);
