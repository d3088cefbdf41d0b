-- How often some tools may be invoked by some callers, over all replicas (docs/decisions: invocations are counted with their intent).
CREATE TABLE tool_limits (
    name       text        PRIMARY KEY,
    -- What its buckets are named by: another one that is made of its name later has buckets of its own.
    id         uuid        NOT NULL,
    -- What an administrator says of it, as protos/qmcp/tools/v1/tool_limit.proto has it.
    definition json        NOT NULL,
    etag       text        NOT NULL,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_by text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CALL make_call_buckets();
