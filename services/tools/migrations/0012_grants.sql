-- That principals may run some tools without a human being asked, so often or so long (docs/decisions/0046-grants.md).
CREATE TABLE grants (
    id          uuid        PRIMARY KEY,
    principal   text        NOT NULL,
    -- Names of tools, with asterisks.
    tools       text[]      NOT NULL,
    -- JSON Schema; null: any arguments.
    arguments   json,
    -- Null: any number.
    uses        integer,
    used        integer     NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL,
    any_version boolean     NOT NULL,
    -- What it is good for, by name, unless it is for any version.
    tool_etags  json        NOT NULL,
    reason      text        NOT NULL,
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_by  text        NOT NULL DEFAULT '',
    revoked_at  timestamptz,
    CHECK (used <= uses)
);

CREATE INDEX grants_principal ON grants (principal, id);
CREATE INDEX grants_created_by ON grants (created_by, id);

-- By which grant an invocation ran; empty where by none. So those of before are.
ALTER TABLE invocations
    ADD COLUMN grant_id text NOT NULL DEFAULT '';

CREATE INDEX invocations_grant ON invocations (grant_id, id) WHERE grant_id <> '';
